//! No text, however it is broken up, shows a secret.

use super::*;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;

/// What may stand in a header, and so in a secret: visible, or with spaces inside. Without brackets,
/// which what takes its place is written with.
fn secret() -> impl Strategy<Value = String> {
    "[!-Z^-~][ -Z^-~]{5,40}[!-Z^-~]"
}

#[test]
fn no_text_shows_a_secret_and_every_text_is_one_short_line() {
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
        assert!(shown.chars().count() <= LONGEST, "{shown:?}");
        assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)), "{shown:?}");
    });
}

#[test]
fn the_rest_of_a_longer_secret_does_not_stay() {
    for order in [["ABCDEFGH", "ABCDEFGH-and-more"], ["ABCDEFGH-and-more", "ABCDEFGH"]] {
        let redactor = Redactor::hiding(order.map(Into::into));
        assert_eq!(redactor.clean("key ABCDEFGH-and-more!"), "key [hidden]!");
    }
}
