//! The exposition format, checked by promtool.

use super::{output_of, promtool};

/// Asserts that promtool accepts every name, type and help text. It reads the Prometheus text format.
pub fn assert_accepted(classic: &str) {
    let checked = promtool(&["check", "metrics"], classic);
    let words = output_of(&checked);
    assert!(checked.status.success() && words.trim().is_empty(), "{words}\n{classic}");
}

#[test]
fn promtool_reports_invalid_metrics() {
    let checked = promtool(&["check", "metrics"], "# TYPE a counter\na 1\n");
    assert!(!checked.status.success(), "{}", output_of(&checked));
}
