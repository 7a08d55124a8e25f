//! Policies in the Sub Account API's responses, read leniently where documentation and reports
//! disagree, and strictly where a wrong guess would lose or duplicate an object.

use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::api::status::{ValidationDetail, ValidationResult};
use crate::engine::{FoundTag, UserKind};
use crate::upstream::lenient::{nullable, text};
use crate::upstream::ncloud::wire::{self, Tags};
use crate::upstream::redact::Redactor;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The key of the owner tag.
pub(super) const OWNER: &str = "cloudpolicy-owner";

/// The type of a policy that NAVER Cloud manages in each account.
const SYSTEM_MANAGED: &str = "SYSTEM_MANAGED";

/// The maximum number of findings of a verdict that are kept.
const MAX_DETAILS: usize = 50;

/// A policy in a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) policy_id: String,
    pub(crate) policy_name: String,
    #[serde(default)]
    policy_type: Option<String>,
    /// The create and edit calls name it `description`.
    #[serde(default)]
    policy_desc: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    pub(crate) nrn: Option<String>,
}

impl Summary {
    /// Reports whether NAVER Cloud manages the policy.
    pub(crate) fn is_system(&self) -> bool {
        self.policy_type.as_deref() == Some(SYSTEM_MANAGED)
    }

    pub(crate) fn description(&self) -> &str {
        described(self.policy_desc.as_ref(), self.description.as_ref())
    }
}

/// Returns the description under either of its names.
fn described<'a>(policy_desc: Option<&'a String>, description: Option<&'a String>) -> &'a str {
    policy_desc.or(description).map(String::as_str).unwrap_or_default()
}

/// A policy with its permissions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Detail {
    pub(crate) policy_id: String,
    pub(crate) policy_name: String,
    #[serde(default)]
    policy_type: Option<String>,
    /// The create and edit calls name it `description`.
    #[serde(default)]
    policy_desc: Option<String>,
    #[serde(default)]
    description: Option<String>,
    permissions: Vec<Permission>,
    #[serde(default)]
    pub(crate) nrn: Option<String>,
}

impl Detail {
    /// Reports whether NAVER Cloud manages the policy.
    pub(crate) fn is_system(&self) -> bool {
        self.policy_type.as_deref() == Some(SYSTEM_MANAGED)
    }

    pub(crate) fn description(&self) -> &str {
        described(self.policy_desc.as_ref(), self.description.as_ref())
    }

    /// Converts the permissions to those of the spec.
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

/// The response to create and edit.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    #[serde(default)]
    pub(crate) policy_id: Option<String>,
    #[serde(default)]
    pub(crate) validation_result: Option<RawVerdict>,
    /// Not documented; some responses have it.
    #[serde(default)]
    pub(crate) tags: Value,
}

impl Stored {
    /// Returns the tags, if the response shows them.
    pub(crate) fn tags(&self) -> Option<Tags> {
        wire::tags(&self.tags)
    }
}

/// A verdict whose texts are not redacted yet.
#[derive(Debug, Deserialize)]
pub(crate) struct RawVerdict {
    success: bool,
    #[serde(default, deserialize_with = "nullable")]
    details: Vec<Value>,
}

impl RawVerdict {
    /// Reads the verdict in a response body, at the top or under `validationResult`.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let verdict = body.get("validationResult").filter(|inner| inner.is_object()).unwrap_or(&body);
        // Serde would also read the fields from a list.
        if verdict.is_object() { Self::deserialize(verdict).ok() } else { None }
    }

    /// Redacts the texts.
    pub(crate) fn shown(&self, redactor: &Redactor) -> ValidationResult {
        let field = |detail: &Value, key: &str| redactor.clean(&detail.get(key).map(text).unwrap_or_default());
        let detail = |detail: &Value| ValidationDetail {
            kind: field(detail, "type"),
            code: field(detail, "code"),
            location: field(detail, "location"),
            message: field(detail, "message"),
            field: None,
        };
        ValidationResult { success: self.success, details: self.details.iter().take(MAX_DETAILS).map(detail).collect() }
    }
}

/// A user, group or role to which a policy is assigned.
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
    /// Returns the kind of the user.
    pub(crate) fn kind(&self) -> UserKind {
        match self.kind.as_str() {
            "SubAccount" => UserKind::SubAccount,
            "Group" => UserKind::Group,
            "Role" => UserKind::Role,
            _ => UserKind::Other,
        }
    }

    /// Returns a text such as `SubAccount alice (1b9d…)`; unknown parts are left out.
    pub(crate) fn shown(&self, redactor: &Redactor) -> String {
        let id = if self.id.is_empty() { String::new() } else { format!("({})", self.id) };
        match redactor.clean(&format!("{} {} {id}", self.kind, self.name)) {
            empty if empty.is_empty() => "an object without a name".to_owned(),
            shown => shown,
        }
    }
}

/// Returns the owner tag among the tags of a policy.
pub(super) fn found_tag(tags: Option<&Tags>) -> FoundTag {
    tags.map_or(FoundTag::NotShown, |tags| tags.get(OWNER).cloned().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn policy_without_permissions_is_an_error() {
        let read = |value| serde_json::from_value::<Detail>(value);
        assert!(read(json!({"policyId": "a", "policyName": "n"})).is_err());
        assert!(read(json!({"policyId": "a", "policyName": "n", "permissions": []})).is_ok());
    }

    #[test]
    fn plain_condition_value_is_read_as_list_of_one() {
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
    fn verdict_is_found_at_the_top_and_below() {
        for body in [json!({"success": false, "details": null}), json!({"validationResult": {"success": false}})] {
            assert!(!RawVerdict::of(body.to_string().as_bytes()).unwrap().success, "{body}");
        }
        assert!(RawVerdict::of(b"{\"errorCode\":1}").is_none());
    }
}
