//! JSON numbers, as an upstream that stores doubles keeps them.
//!
//! A double holds every whole number up to 2^53, such as a counter, and not every greater one, such as an id. A
//! number with a fraction may come back with other last digits.

use serde_json::Number;

/// The greatest whole number up to which a double holds each whole number: 2^53.
const MAX_EXACT: i128 = 1 << 53;

/// The same as a double.
const MAX_EXACT_DOUBLE: f64 = 9_007_199_254_740_992.0;

/// Returns whether two numbers are equal: whole numbers exactly, all others up to the last digits.
#[must_use]
pub fn same(a: &Number, b: &Number) -> bool {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| close(a, b)),
    }
}

/// Returns whether a double holds the number as it is written. Every double beyond 2^53 is a whole number, and the
/// API server has already rounded a longer one.
#[must_use]
pub fn is_exact(number: &Number) -> bool {
    match integer(number) {
        Some(integer) => integer.abs() <= MAX_EXACT,
        None => number.as_f64().is_some_and(|double| double.abs() <= MAX_EXACT_DOUBLE),
    }
}

/// Returns the number if it is known to be whole: an integer, or a double without a fraction up to 2^53.
fn whole(number: &Number) -> Option<i128> {
    let of_double = || {
        let double = number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() <= MAX_EXACT_DOUBLE)?;
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and at most 2^53")]
        Some(double as i128)
    };
    integer(number).or_else(of_double)
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Returns whether two doubles are equal up to the last digits: an upstream or an API server that
/// writes and reads a number may change them.
fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= (4.0 * f64::EPSILON * a.abs().max(b.abs())).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn whole_numbers_are_compared_exactly() {
        let equal = |a, b| same(&number(a), &number(b));
        for (a, b) in [("1", "1.0"), ("-7", "-7.0"), ("0", "-0.0"), ("9007199254740992", "9007199254740992.0")] {
            assert!(equal(a, b) && equal(b, a), "{a} and {b}");
        }
        for (a, b) in [
            ("1", "2"),
            ("4503599627370497", "4503599627370498.0"),
            ("9007199254740990.0", "9007199254740991.0"),
            ("-9007199254740991", "-9007199254740992.0"),
            ("9007199254740993", "9007199254740992"),
            ("1000000000000000000", "1000000000000000100"),
            ("-9223372036854775808", "-9223372036854775807"),
            ("18446744073709551615", "18446744073709551614"),
        ] {
            assert!(!equal(a, b) && !equal(b, a), "{a} and {b}");
        }
    }

    #[test]
    fn other_numbers_may_differ_in_the_last_digits() {
        let equal = |a, b| same(&number(a), &number(b));
        assert!(equal("0.1", "0.10000000000000002") && equal("961598730223836481", "9.6159873022383646e17"));
        assert!(!equal("0.1", "0.1000001") && !equal("1e300", "1.1e300") && !equal("1", "1.5"));
    }

    #[test]
    fn whole_number_beyond_two_to_53_is_not_exact() {
        for text in ["0", "-1", "0.1", "-0.3", "5e-324", "1e15", "9007199254740992", "-9007199254740992"] {
            assert!(is_exact(&number(text)), "{text}");
        }
        for text in [
            "9007199254740993",
            "-9007199254740993",
            "9007199254740994.0",
            "9223372036854775807",
            "18446744073709551615",
            "100000000000000000001",
            "-1e19",
            "1e300",
            "-1.7976931348623157e308",
        ] {
            assert!(!is_exact(&number(text)), "{text}");
        }
    }
}
