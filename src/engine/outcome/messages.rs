//! Parts of the messages of outcomes.

use crate::api::status::ValidationDetail;
use crate::engine::Diff;

/// Returns a finding as the end of a sentence, without the parts that the upstream did not give.
pub(super) fn finding(detail: &ValidationDetail) -> String {
    let place = detail.field.as_deref().unwrap_or(&detail.location).trim();
    let (message, code) = (detail.message.trim().trim_end_matches('.'), detail.code.trim());
    let part = |before: &str, part: &str, after: &str| match part {
        "" => String::new(),
        part => format!("{before}{part}{after}"),
    };
    match part(" at ", place, "") + &part(": ", message, "") + &part(" (", code, ")") {
        empty if empty.is_empty() => " without a detail".to_owned(),
        text => text,
    }
}

/// Returns the message about an object whose content equals the spec and whose state makes it ineffective.
pub(super) fn ineffective(diff: &Diff) -> String {
    let state = diff.fields.first().and_then(|field| field.observed.as_str()).unwrap_or("unknown");
    format!(
        "The upstream object is {state} and has no effect. Its content equals the spec, and no call changes its state: enable it upstream."
    )
}
