//! Parts of the messages of outcomes.

use crate::api::status::ValidationDetail;
use crate::engine::Diff;
use serde_json::Value;

/// The longest value that a message quotes.
const LONGEST_QUOTE: usize = 128;

/// Returns a finding as the end of a sentence, without the parts that the upstream did not give. A text or number of
/// the spec is quoted: the upstream often leaves out which one it rejects.
pub(super) fn finding(detail: &ValidationDetail, wanted: &Value) -> String {
    let place = detail.field.as_deref().unwrap_or(&detail.location).trim();
    let quoted = detail.field.as_deref().and_then(|field| value_at(field, wanted));
    let place = quoted.map_or_else(|| place.to_owned(), |value| format!("{place} `{value}`"));
    let (message, code) = (detail.message.trim().trim_end_matches('.'), detail.code.trim());
    let part = |before: &str, part: &str, after: &str| match part {
        "" => String::new(),
        part => format!("{before}{part}{after}"),
    };
    match part(" at ", &place, "") + &part(": ", message, "") + &part(" (upstream code ", code, ")") {
        empty if empty.is_empty() => " without a detail".to_owned(),
        text => text,
    }
}

/// Returns the text or number at a path such as `spec.ncloud.permissions[0].targets[1].product` of a document, which is
/// the block `spec.ncloud`; `None` for anything longer, and for keys with other characters.
fn value_at(path: &str, wanted: &Value) -> Option<String> {
    let (_, path) = path.strip_prefix("spec.")?.split_once('.')?;
    let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
    let found = steps.into_iter().try_fold(wanted, |at, step| match at {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => at.get(step),
    })?;
    let text = match found {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text).filter(|text| text.chars().count() <= LONGEST_QUOTE)
}

/// Returns the message about an object whose content equals the spec and whose state makes it ineffective.
pub(super) fn ineffective(diff: &Diff) -> String {
    let state = diff.fields.first().and_then(|field| field.observed.as_str()).unwrap_or("unknown");
    format!(
        "The upstream object is {state} and has no effect. Its content equals the spec, and no call changes its state: enable it upstream."
    )
}
