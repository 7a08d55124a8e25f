//! Generated texts: none shows a secret.

use super::*;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;

/// Generates secrets from the characters of headers: visible ones, and spaces inside. Without brackets,
/// which the replacement `[hidden]` contains.
fn secret() -> impl Strategy<Value = String> {
    "[!-Z^-~][ -Z^-~]{5,40}[!-Z^-~]"
}

#[test]
fn every_text_becomes_one_short_line_without_a_secret() {
    let pieces = prop::collection::vec((any::<String>(), 0usize..5), 0..6);
    holds_for(2000, (secret(), secret(), pieces), |(one, two, pieces)| {
        // One secret may begin with the other.
        let longer = format!("{one}{two}");
        let redactor = Redactor::hiding([one.clone().into(), longer.clone().into()]);
        let echo = |which: usize| match which {
            0 => one.clone(),
            1 => longer.clone(),
            2 => one.replace(' ', "\n"),
            3 => longer.replace(' ', "\t"),
            _ => format!("\u{202e}{longer}\0"),
        };
        let text: String = pieces.iter().flat_map(|(text, which)| [text.clone(), echo(*which)]).collect();
        let shown = redactor.clean(&text);
        assert!(!shown.contains(&one) && !shown.contains(&longer), "{shown:?} of {text:?}");
        assert!(shown.chars().count() <= MAX_LENGTH, "{shown:?}");
        assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)), "{shown:?}");
    });
}

#[test]
fn longer_secret_is_hidden_completely() {
    for order in [["ABCDEFGH", "ABCDEFGH-and-more"], ["ABCDEFGH-and-more", "ABCDEFGH"]] {
        let redactor = Redactor::hiding(order.map(Into::into));
        assert_eq!(redactor.clean("key ABCDEFGH-and-more!"), "key [hidden]!");
    }
}
