//! The canonical form of a NAVER Cloud policy, and its comparison.
//!
//! An absent description equals an empty one. Tags are compared exactly, and only if the spec sets them
//! and the upstream shows them. [`super::compare`] compares permissions.

use super::wire::{Detail, OWNER, Summary};
use super::{access, compare, validate};
use crate::api::policy::NcloudPolicySpec;
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::{Diff, Document, OwnerTag, Problem, Remedy};
use crate::upstream::lenient::present;
use crate::upstream::ncloud::wire::Tags;
use serde::Serialize;
use serde_json::{Value, json};

/// The fields of a policy that only the upstream sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nrn: Option<String>,
}

/// A policy in the form of the spec.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct PolicyDocument(pub(crate) NcloudPolicySpec);

impl Document for PolicyDocument {
    type Details = Details;

    fn key(&self) -> String {
        self.0.policy_name.clone()
    }

    fn granted(&self) -> Change {
        access::compare(&[], &self.0.permissions).change()
    }

    fn grants(&self) -> Grants<'_> {
        Grants::Ncloud(access::permissions(&self.0.permissions))
    }

    fn diff(&self, observed: &Self) -> Diff {
        let (want, have) = (&self.0, &observed.0);
        let mut diff = Diff::default();
        diff.compare("spec.ncloud.policyName", &want.policy_name, &have.policy_name, Remedy::Recreate);
        diff.compare("spec.ncloud.description", &self.description(), &observed.description(), Remedy::Update);
        compare::compare(&mut diff, "spec.ncloud.permissions", &want.permissions, &have.permissions);
        if let (Some(want), Some(have)) = (&want.tags, &have.tags) {
            diff.compare("spec.ncloud.tags", want, have, Remedy::Update);
        }
        diff
    }

    fn validate(&self) -> Vec<Problem> {
        validate::of(&self.0)
    }
}

impl PolicyDocument {
    /// Converts a listed policy, which has neither permissions nor tags.
    pub(super) fn listed(summary: &Summary) -> Self {
        Self(NcloudPolicySpec {
            policy_name: summary.policy_name.clone(),
            description: present(Some(summary.description().to_owned())),
            permissions: Vec::new(),
            tags: None,
        })
    }

    /// Converts a policy that was read, without its owner tag.
    pub(super) fn observed(detail: &Detail, tags: Option<Tags>) -> Self {
        let description = present(Some(detail.description().to_owned()));
        let tags = tags.map(|mut tags| {
            tags.remove(OWNER);
            tags
        });
        Self(NcloudPolicySpec {
            policy_name: detail.policy_name.clone(),
            description,
            permissions: detail.permissions(),
            tags,
        })
    }

    /// Returns the body of a validate call. The documentation of version 1 knows no tags there.
    pub(super) fn validate_body(&self) -> Value {
        json!({
            "policyName": self.0.policy_name,
            "description": self.description(),
            "permissions": self.0.permissions,
        })
    }

    /// Returns the body of a create call, which is that of a validate call with the tags.
    pub(super) fn create_body(&self, owner_tag: &OwnerTag) -> Value {
        let mut body = self.validate_body();
        body["tags"] = json!(self.tags_with(owner_tag));
        body
    }

    /// Returns the body of an edit call. It always contains the description, because leaving it out may
    /// or may not clear it.
    pub(super) fn edit_body(&self) -> Value {
        json!({ "description": self.description(), "permissions": self.0.permissions })
    }

    /// Returns the declared tags and the owner tag.
    pub(super) fn tags_with(&self, owner_tag: &OwnerTag) -> Tags {
        let mut tags = self.0.tags.clone().unwrap_or_default();
        tags.insert(OWNER.to_owned(), owner_tag.to_string());
        tags
    }

    fn description(&self) -> &str {
        self.0.description.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(value: Value) -> PolicyDocument {
        PolicyDocument(serde_json::from_value(value).unwrap())
    }

    fn base() -> PolicyDocument {
        document(json!({
            "policyName": "viewer",
            "permissions": [{"effect": "Allow", "targets": [{"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]}]}],
        }))
    }

    fn changed(change: impl FnOnce(&mut NcloudPolicySpec)) -> PolicyDocument {
        let mut document = base();
        change(&mut document.0);
        document
    }

    #[test]
    fn absent_description_is_sent_as_an_empty_one() {
        assert!(base().diff(&changed(|spec| spec.description = Some(String::new()))).is_empty());
        assert_eq!(base().edit_body()["description"], json!(""));
        let described = changed(|spec| spec.description = Some("old".to_owned()));
        assert_eq!(base().diff(&described).summary(), "spec.ncloud.description");
    }

    #[test]
    fn tags_are_compared_only_when_both_sides_have_them() {
        let tags = |tags: Value| changed(|spec| spec.tags = serde_json::from_value(tags).unwrap());
        assert!(base().diff(&tags(json!({"a": "1"}))).is_empty(), "not set: not compared");
        assert!(tags(json!({"a": "1"})).diff(&base()).is_empty(), "not readable: not compared");
        let diff = tags(json!({"a": "1", "b": "2"})).diff(&tags(json!({"b": "3", "c": "4"})));
        assert_eq!(diff.summary(), "spec.ncloud.tags.a, spec.ncloud.tags.b, spec.ncloud.tags.c");
        assert!(!tags(json!({})).diff(&tags(json!({"a": "1"}))).is_empty());
    }

    #[test]
    fn changed_name_needs_recreate() {
        assert!(base().diff(&changed(|spec| spec.policy_name = "other".to_owned())).needs_recreate());
    }

    #[test]
    fn owner_tag_is_added_to_the_tags_and_removed_when_read() {
        let wanted = changed(|spec| spec.tags = serde_json::from_value(json!({"team": "a"})).unwrap());
        let body = wanted.create_body(&OwnerTag::new("cluster", "uid"));
        assert_eq!(body["tags"], json!({"team": "a", "cloudpolicy-owner": "cluster_uid"}));
        let detail =
            serde_json::from_value(json!({"policyId": "i", "policyName": "viewer", "permissions": []})).unwrap();
        let seen = PolicyDocument::observed(&detail, serde_json::from_value(body["tags"].clone()).unwrap());
        assert_eq!(seen.0.tags, wanted.0.tags);
        assert_eq!(wanted.validate_body().get("tags"), None);
    }
}
