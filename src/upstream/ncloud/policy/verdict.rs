//! Converts verdicts of the upstream for status, with the field of the spec to which each finding belongs.

use super::document::PolicyDocument;
use super::wire::RawVerdict;
use crate::api::status::ValidationDetail;
use crate::engine::Verdict;
use crate::engine::diff::child;
use crate::upstream::ncloud::errors::ErrorBody;
use crate::upstream::redact::Redactor;
use serde_json::{Value, json};

const ROOT: &str = "spec.ncloud";

/// Converts a verdict for status.
pub(super) fn shown(verdict: &RawVerdict, wanted: &PolicyDocument, redactor: &Redactor) -> Verdict {
    let mut shown = verdict.shown(redactor);
    place(&mut shown.details, wanted);
    shown
}

/// Converts an error response to a verdict.
pub(super) fn of_error(error: ErrorBody, wanted: &PolicyDocument, redactor: &Redactor) -> Verdict {
    let code = redactor.clean(&error.code.unwrap_or_default());
    let detail = |location: &str, message: &str| ValidationDetail {
        kind: "ERROR".to_owned(),
        code: code.clone(),
        location: redactor.clean(location),
        message: redactor.clean(message),
        field: None,
    };
    let mut details: Vec<_> = error.fields.iter().map(|(field, message)| detail(field, message)).collect();
    if details.is_empty() {
        details.push(detail("", &error.message));
    }
    place(&mut details, wanted);
    Verdict { success: false, details }
}

/// Fills `field` of each detail: from its location, or else from its code if only one field matches.
fn place(details: &mut [ValidationDetail], document: &PolicyDocument) {
    let spec = json!(document);
    for detail in details {
        detail.field = located(&detail.location, &spec).or_else(|| by_code(detail, &spec));
    }
}

/// Follows a location such as `permissions[0].targets[1].product`, `$.permissions[0]` or
/// `/permissions/0/targets`, as far as the spec has such fields.
fn located(location: &str, spec: &Value) -> Option<String> {
    let separators: &[char] = if location.starts_with('/') { &['/'] } else { &['.', '[', ']'] };
    let mut steps = location.split(separators).filter(|step| !step.is_empty() && *step != "$").peekable();
    let (mut path, mut at) = (ROOT.to_owned(), spec);
    while let Some(step) = steps.next() {
        // Keys of conditions and tags may contain the separators.
        let key = std::iter::once(step).chain(steps.clone()).collect::<Vec<_>>().join(".");
        let (next, inner) = match at {
            Value::Array(items) => match step.parse::<usize>().ok().and_then(|index| items.get(index)) {
                Some(item) => (format!("{path}[{step}]"), item),
                None => break,
            },
            Value::Object(map) => {
                match map.get(step).map(|value| (step, value)).or_else(|| map.get(&key).map(|v| (key.as_str(), v))) {
                    Some((key, value)) => (child(&path, key), value),
                    None => break,
                }
            }
            _ => break,
        };
        (path, at) = (next, inner);
    }
    (path != ROOT).then_some(path)
}

/// Returns the field of a code such as `iam.policy.invalidProduct` if there is only one.
fn by_code(detail: &ValidationDetail, spec: &Value) -> Option<String> {
    let code = detail.code.rsplit('.').next().unwrap_or_default().to_lowercase();
    let fields = if code.contains("product") {
        products(detail, spec)
    } else if code.contains("condition") {
        each(spec, "permissions")
            .filter(|(_, p)| p["condition"].is_object())
            .map(|(at, _)| format!("{at}.condition"))
            .collect()
    } else {
        let top = ["policyName", "description", "tags"].into_iter();
        top.filter(|field| code.contains(&field.to_lowercase())).map(|field| child(ROOT, field)).collect()
    };
    match fields.as_slice() {
        [field] => Some(field.clone()),
        _ => None,
    }
}

/// Returns the products in the text of the finding, or else all products.
fn products(detail: &ValidationDetail, spec: &Value) -> Vec<String> {
    let all: Vec<(String, String)> = each(spec, "permissions")
        .flat_map(|(at, permission)| {
            let targets = permission["targets"].as_array().cloned().unwrap_or_default();
            let product = |target: &Value| target["product"].as_str().unwrap_or_default().to_owned();
            let field = |index| format!("{at}.targets[{index}].product");
            targets.iter().enumerate().map(|(index, target)| (field(index), product(target))).collect::<Vec<_>>()
        })
        .collect();
    let named =
        |product: &str| !product.is_empty() && [&detail.message, &detail.location].iter().any(|t| t.contains(product));
    let fields =
        |chosen: Vec<&(String, String)>| chosen.into_iter().map(|(field, _)| field.clone()).collect::<Vec<_>>();
    let found = fields(all.iter().filter(|(_, product)| named(product)).collect());
    if found.is_empty() { fields(all.iter().collect()) } else { found }
}

fn each<'a>(spec: &'a Value, list: &'static str) -> impl Iterator<Item = (String, &'a Value)> {
    let items = spec[list].as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().enumerate().map(move |(index, item)| (format!("{ROOT}.{list}[{index}]"), item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> PolicyDocument {
        let target = |product: &str| json!({"product": product, "actions": ["View*"], "resourceNrns": ["*"]});
        let spec = json!({
            "policyName": "viewer",
            "permissions": [
                {"effect": "Allow", "targets": [target("Server"), target("Nonsense")]},
                {"effect": "Deny", "targets": [target("VPC")], "condition": {"StringEqual": {"ncp:principalName": ["a"]}}},
            ],
            "tags": {"a.b": "c"},
        });
        PolicyDocument(serde_json::from_value(spec).unwrap())
    }

    fn field(code: &str, location: &str, message: &str) -> Option<String> {
        let mut details = [ValidationDetail {
            code: code.to_owned(),
            location: location.to_owned(),
            message: message.to_owned(),
            ..ValidationDetail::default()
        }];
        place(&mut details, &document());
        details[0].field.take()
    }

    #[test]
    fn location_is_followed_in_every_notation() {
        let product = Some("spec.ncloud.permissions[0].targets[1].product".to_owned());
        for location in [
            "permissions[0].targets[1].product",
            "$.permissions[0].targets[1].product",
            "/permissions/0/targets/1/product",
            "permissions.0.targets.1.product",
        ] {
            assert_eq!(field("x", location, ""), product, "{location}");
        }
        let condition = Some("spec.ncloud.permissions[1].condition.StringEqual".to_owned());
        assert_eq!(field("x", "permissions[1].condition.StringEqual", ""), condition);
        assert_eq!(field("x", "tags.a.b", ""), Some("spec.ncloud.tags['a.b']".to_owned()));
    }

    #[test]
    fn location_is_followed_as_far_as_the_spec_has_fields() {
        assert_eq!(field("x", "permissions[0].unheard.of", ""), Some("spec.ncloud.permissions[0]".to_owned()));
        for nowhere in ["", "$", "unheard", "7"] {
            assert_eq!(field("x", nowhere, ""), None, "{nowhere}");
        }
    }

    #[test]
    fn code_selects_a_field_only_if_one_matches() {
        assert_eq!(field("iam.policy.invalidProduct", "", ""), None, "three products");
        let named = field("iam.policy.invalidProduct", "", "상품 Nonsense 이(가) 없습니다");
        assert_eq!(named, Some("spec.ncloud.permissions[0].targets[1].product".to_owned()));
        let condition = field("iam.policy.invalidConditionSyntax", "", "");
        assert_eq!(condition, Some("spec.ncloud.permissions[1].condition".to_owned()));
        assert_eq!(field("iam.policy.invalidPolicyName", "", ""), Some("spec.ncloud.policyName".to_owned()));
        assert_eq!(field("iam.policy.invalidWhatever", "", ""), None);
    }
}
