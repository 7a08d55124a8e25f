//! The text that is scraped, by promtool's own judgement.

use super::{promtool, said};

/// Fails when promtool would have any name, type or help text otherwise. It reads the older format.
pub fn is_accepted(classic: &str) {
    let checked = promtool(&["check", "metrics"], classic);
    let words = said(&checked);
    assert!(checked.status.success() && words.trim().is_empty(), "{words}\n{classic}");
}

#[test]
fn promtool_would_say_so() {
    let checked = promtool(&["check", "metrics"], "# TYPE a counter\na 1\n");
    assert!(!checked.status.success(), "{}", said(&checked));
}
