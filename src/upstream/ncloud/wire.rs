//! The shapes of the Sub Account API's answers, read leniently where documentation and reports
//! disagree, and strictly where a wrong guess would lose or double an object.

use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::api::status::{ValidationDetail, ValidationResult};
use crate::upstream::lenient::{nullable, text};
use crate::upstream::redact::Redactor;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many findings of a verdict are kept.
const MOST_DETAILS: usize = 50;

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    pub(crate) items: Vec<Summary>,
    #[serde(default)]
    pub(crate) total_items: Option<u64>,
    #[serde(default)]
    total_pages: Option<u64>,
    #[serde(default)]
    has_next: Option<bool>,
    #[serde(default)]
    is_last: Option<bool>,
}

impl Page {
    /// Whether no page follows this one, the `number`th from 0.
    pub(crate) fn is_last(&self, number: u64) -> bool {
        let by_count = || self.total_pages.map(|pages| number + 1 >= pages);
        self.items.is_empty()
            || self.is_last.or_else(|| self.has_next.map(|next| !next)).or_else(by_count) == Some(true)
    }
}

/// A policy as lists show it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) policy_id: String,
    pub(crate) policy_name: String,
    /// What create and edit call `description`.
    #[serde(default)]
    policy_desc: Option<String>,
    #[serde(default)]
    description: Option<String>,
}

impl Summary {
    pub(crate) fn description(&self) -> &str {
        described(self.policy_desc.as_ref(), self.description.as_ref())
    }
}

/// The description under either of its names.
fn described<'a>(policy_desc: Option<&'a String>, description: Option<&'a String>) -> &'a str {
    policy_desc.or(description).map(String::as_str).unwrap_or_default()
}

/// A policy as it reads with its permissions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    pub(crate) policy_id: String,
    pub(crate) policy_name: String,
    /// What create and edit call `description`.
    #[serde(default)]
    policy_desc: Option<String>,
    #[serde(default)]
    description: Option<String>,
    permissions: Vec<Permission>,
    #[serde(default)]
    pub(crate) nrn: Option<String>,
}

impl Detail {
    pub(crate) fn description(&self) -> &str {
        described(self.policy_desc.as_ref(), self.description.as_ref())
    }

    /// The permissions in the words of the spec.
    pub(crate) fn permissions(&self) -> Vec<NcloudPermission> {
        self.permissions.iter().cloned().map(NcloudPermission::from).collect()
    }
}

#[derive(Debug, Clone, Deserialize)]
struct Permission {
    effect: NcloudEffect,
    #[serde(default, deserialize_with = "nullable")]
    targets: Vec<Target>,
    #[serde(default)]
    condition: Option<BTreeMap<String, BTreeMap<String, Values>>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    product: String,
    #[serde(default, deserialize_with = "nullable")]
    actions: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    resource_nrns: Vec<String>,
}

/// The values of a condition key: a list, or one plain value.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Values {
    Many(Vec<Value>),
    One(Value),
}

impl From<Values> for Vec<String> {
    fn from(values: Values) -> Self {
        match values {
            Values::Many(values) => values.iter().map(text).collect(),
            Values::One(value) => vec![text(&value)],
        }
    }
}

impl From<Permission> for NcloudPermission {
    fn from(Permission { effect, targets, condition }: Permission) -> Self {
        let keys =
            |keys: BTreeMap<String, Values>| keys.into_iter().map(|(key, values)| (key, values.into())).collect();
        Self {
            effect,
            targets: targets.into_iter().map(NcloudTarget::from).collect(),
            condition: condition.map(|all| all.into_iter().map(|(operator, k)| (operator, keys(k))).collect()),
        }
    }
}

impl From<Target> for NcloudTarget {
    fn from(Target { product, actions, resource_nrns }: Target) -> Self {
        Self { product, actions, resource_nrns }
    }
}

/// What create and edit answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    #[serde(default)]
    pub(crate) policy_id: Option<String>,
    #[serde(default)]
    pub(crate) validation_result: Option<RawVerdict>,
}

/// A verdict before its texts are made fit to be shown.
#[derive(Debug, Deserialize)]
pub(crate) struct RawVerdict {
    success: bool,
    #[serde(default, deserialize_with = "nullable")]
    details: Vec<Value>,
}

impl RawVerdict {
    /// The verdict in the body of an answer, at the top or under `validationResult`.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let verdict = body.get("validationResult").filter(|inner| inner.is_object()).unwrap_or(&body);
        // A list could be read into the fields, one by one.
        if verdict.is_object() { Self::deserialize(verdict).ok() } else { None }
    }

    pub(crate) fn shown(&self, redactor: &Redactor) -> ValidationResult {
        let said = |detail: &Value, key: &str| redactor.clean(&detail.get(key).map(text).unwrap_or_default());
        let detail = |detail: &Value| ValidationDetail {
            kind: said(detail, "type"),
            code: said(detail, "code"),
            location: said(detail, "location"),
            message: said(detail, "message"),
            field: None,
        };
        ValidationResult {
            success: self.success,
            details: self.details.iter().take(MOST_DETAILS).map(detail).collect(),
        }
    }
}

/// Who holds a policy.
#[derive(Debug, Deserialize)]
pub(crate) struct Holder {
    #[serde(rename = "resourceType", default, deserialize_with = "nullable")]
    kind: String,
    #[serde(rename = "resourceId", default, deserialize_with = "nullable")]
    id: String,
    #[serde(rename = "resourceName", default, deserialize_with = "nullable")]
    name: String,
}

impl Holder {
    /// `SubAccount alice (1b9d…)`, as much of it as is known.
    pub(crate) fn shown(&self, redactor: &Redactor) -> String {
        let id = if self.id.is_empty() { String::new() } else { format!("({})", self.id) };
        redactor.clean(&format!("{} {} {id}", self.kind, self.name))
    }
}

/// The tags in an answer: a list of pairs, the same under `items` or `tags`, or a map. `None` when
/// it is none of these.
pub(crate) fn tags(body: &Value) -> Option<BTreeMap<String, String>> {
    let pair = |tag: &Value| {
        Some((tag.get("tagKey")?.as_str()?.to_owned(), tag.get("tagValue").map(text).unwrap_or_default()))
    };
    match body {
        Value::Array(tags) => tags.iter().map(pair).collect(),
        Value::Object(map) => match map.get("items").or_else(|| map.get("tags")) {
            Some(inner) => tags(inner),
            None => map.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        },
        _ => None,
    }
}

/// Why an answer about a process says that it failed, though the status says success: one result,
/// or a list of them.
pub(crate) fn failure_inside(body: &Value) -> Option<String> {
    match body {
        Value::Array(results) => results.iter().find_map(failure_inside),
        Value::Object(result) if result.get("success") == Some(&Value::Bool(false)) => {
            Some(result.get("message").map(text).unwrap_or_default())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(value: Value) -> Page {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_last_page_is_known_by_any_of_its_marks() {
        let items = json!([{"policyId": "a", "policyName": "a"}]);
        assert!(page(json!({"items": []})).is_last(0));
        assert!(page(json!({"items": items, "isLast": true})).is_last(0));
        assert!(page(json!({"items": items, "hasNext": false})).is_last(0));
        assert!(page(json!({"items": items, "totalPages": 2})).is_last(1));
        assert!(!page(json!({"items": items, "totalPages": 2})).is_last(0));
        assert!(!page(json!({"items": items})).is_last(0), "without marks, only an empty page is the last");
    }

    #[test]
    fn a_page_without_items_is_no_page() {
        assert!(serde_json::from_value::<Page>(json!({"totalItems": 0})).is_err());
    }

    #[test]
    fn a_policy_without_permissions_is_no_answer_to_a_get_with_permissions() {
        let read = |value| serde_json::from_value::<Detail>(value);
        assert!(read(json!({"policyId": "a", "policyName": "n"})).is_err());
        assert!(read(json!({"policyId": "a", "policyName": "n", "permissions": []})).is_ok());
    }

    #[test]
    fn a_plain_condition_value_reads_as_a_list_of_one() {
        let detail: Detail =
            serde_json::from_value(json!({"policyId": "a", "policyName": "n", "policyDesc": null, "permissions": [
                {"effect": "Allow", "targets": [{"product": "Server", "actions": ["*"], "resourceNrns": null}],
                 "condition": {"Null": {"k": true}, "StringEquals": {"k": "v", "l": ["x", 1]}}},
            ]}))
            .unwrap();
        let condition = detail.permissions()[0].condition.clone().unwrap();
        assert_eq!(condition["Null"]["k"], ["true"]);
        assert_eq!(
            (&condition["StringEquals"]["k"], &condition["StringEquals"]["l"]),
            (&vec!["v".to_owned()], &vec!["x".to_owned(), "1".to_owned()])
        );
        assert_eq!(detail.description(), "");
    }

    #[test]
    fn tags_are_read_in_every_layout() {
        let expected = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
        let pairs = json!([{"tagKey": "k", "tagValue": "v", "tagDisplay": "k:v"}]);
        for body in [
            pairs.clone(),
            json!({"items": pairs}),
            json!({"tags": pairs}),
            json!({"k": "v"}),
            json!({"tags": {"k": "v"}}),
        ] {
            assert_eq!(tags(&body), expected, "{body}");
        }
        for body in [json!(1), json!([1]), json!({"success": true}), json!([{"key": "k"}])] {
            assert_eq!(tags(&body), None, "{body}");
        }
    }

    #[test]
    fn a_failure_inside_a_success_is_found() {
        assert_eq!(failure_inside(&json!({"success": false, "message": "m"})), Some("m".to_owned()));
        assert_eq!(failure_inside(&json!([{"success": true}, {"success": false}])), Some(String::new()));
        assert_eq!(failure_inside(&json!([{"success": true, "id": "a"}])), None);
    }

    #[test]
    fn a_verdict_is_found_at_the_top_and_below() {
        for body in [json!({"success": false, "details": null}), json!({"validationResult": {"success": false}})] {
            assert!(!RawVerdict::of(body.to_string().as_bytes()).unwrap().success, "{body}");
        }
        assert!(RawVerdict::of(b"{\"errorCode\":1}").is_none());
    }
}
