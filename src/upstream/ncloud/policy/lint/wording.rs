//! The path and the words that the checks share.

use crate::engine::Problem;
use crate::engine::finding::{Finding, Rule};

/// The path of the statements.
pub const PERMISSIONS: &str = "spec.ncloud.permissions";

/// Returns what the catalogue would have instead of a name, as the end of a sentence.
pub fn hint(nearest: Option<&str>, otherwise: &str) -> String {
    nearest.map_or_else(|| otherwise.to_owned(), |name| format!("did you mean `{name}`?"))
}

/// Returns a finding about a value, which it quotes.
pub fn quoting(rule: &'static Rule, field: String, value: &str, message: &str) -> Finding {
    let problem = Problem::quoting(field, value, message);
    Finding::new(rule, problem.field, problem.message)
}
