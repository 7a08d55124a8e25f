//! The canonical form of a SpaceONE policy, and its comparison. It is the spec itself.
//!
//! Permissions and labels are sets: the upstream keeps order and repetitions, but they have no effect. A
//! permission that others cover, such as `inventory.Server.list` beside `inventory.*`, has none either. Tags
//! are compared exactly, numbers by value. Fields that the spec does not set are not compared.

use crate::api::JsonObject;
use crate::api::policy::SpaceonePolicySpec;
use crate::engine::access::guardrails::Grants;
use crate::engine::access::{Change, spaceone};
use crate::engine::{Diff, Document, FieldDiff, Problem, Remedy};
use crate::upstream::spaceone::tags::{self, filled};
use serde::Serialize;

/// The state of a policy that has effect.
const ENABLED: &str = "ENABLED";

/// The fields of a policy that only the upstream sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repository_info: Option<JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) updated_at: Option<String>,
}

/// A policy in the form of the spec, without its owner tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct PolicyDocument(pub(crate) SpaceonePolicySpec);

impl Document for PolicyDocument {
    type Details = Details;

    fn key(&self) -> String {
        self.0.policy_id.clone()
    }

    fn diff(&self, observed: &Self) -> Diff {
        let (want, have) = (&self.0, &observed.0);
        let mut diff = Diff::default();
        diff.compare("spec.spaceone.policyId", &want.policy_id, &have.policy_id, Remedy::Recreate);
        diff.compare("spec.spaceone.name", &want.name, &have.name, Remedy::Update);
        compare_permissions(&mut diff, &want.permissions, &have.permissions);
        if let Some(labels) = &want.labels {
            let have = have.labels.as_deref().unwrap_or_default();
            diff.compare_sets("spec.spaceone.labels", labels, have, Remedy::Update);
        }
        if let Some(tags) = &want.tags {
            diff.compare("spec.spaceone.tags", tags, &have.tags.clone().unwrap_or_default(), Remedy::Update);
        }
        // The remedy is not `Recreate`: the upstream sets the project at creation, if at all, so a new
        // object may have the same difference and would be recreated again.
        if want.project_id.is_some() {
            diff.compare("spec.spaceone.projectId", &want.project_id, &have.project_id, Remedy::Update);
        }
        diff
    }

    fn grants(&self) -> Grants<'_> {
        Grants::Spaceone(&self.0.permissions)
    }

    fn granted(&self) -> Change {
        spaceone::compare(&[], &self.0.permissions).change()
    }

    /// Reports every state but `ENABLED`, which is the only one that is known to have effect. No call changes it.
    fn ineffective(details: &Details) -> Option<FieldDiff> {
        let state = details.state.as_deref().filter(|state| !matches!(*state, ENABLED | "NONE"))?;
        let (desired, observed) = (ENABLED.into(), state.into());
        Some(FieldDiff { path: "status.state".to_owned(), desired, observed, remedy: Remedy::Person, widens: false })
    }

    fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let spec = &self.0;
        let mut add = |field: &str, broken: bool, value: &str, message: &str| {
            if broken {
                problems.push(Problem::quoting(format!("spec.spaceone.{field}"), value, message));
            }
        };
        let id = "must have 1 to 48 lower-case letters, digits and inner hyphens: choose another id";
        add("policyId", !is_policy_id(&spec.policy_id), &spec.policy_id, id);
        let long = |text: &str| text.chars().count() > 255;
        add("name", spec.name.is_empty() || long(&spec.name), &spec.name, "must have 1 to 255 characters");
        for (index, permission) in spec.permissions.iter().enumerate() {
            // The API server accepts it in an object that was stored before the schema refused it.
            let blank = !permission.bytes().all(|byte| byte.is_ascii_graphic());
            let message = "must have only visible ASCII characters: remove the blank";
            add(&format!("permissions[{index}]"), blank, permission, message);
        }
        for (index, label) in spec.labels.iter().flatten().enumerate() {
            add(&format!("labels[{index}]"), long(label), label, "must have at most 255 characters: shorten it");
        }
        if spec.permissions.is_empty() {
            let message = "must have at least one permission: the upstream ignores an empty list".to_owned();
            problems.push(Problem { field: "spec.spaceone.permissions".to_owned(), message });
        }
        tags::validate("spec.spaceone.tags", spec.tags.as_ref(), &mut problems);
        problems
    }
}

impl PolicyDocument {
    /// Returns the smallest spec that equals an observed policy, with its sets in order.
    pub(super) fn minimal(&self) -> SpaceonePolicySpec {
        let Self(spec) = self;
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names.dedup();
            names
        };
        SpaceonePolicySpec {
            policy_id: spec.policy_id.clone(),
            name: spec.name.clone(),
            permissions: sorted(spec.permissions.clone()),
            labels: spec.labels.clone().map(sorted).filter(|labels| !labels.is_empty()),
            tags: filled(spec.tags.as_ref()),
            project_id: spec.project_id.clone(),
        }
    }
}

/// Adds the differences of permissions, unless both lists grant the same. Marks them if the observed ones may grant
/// more.
fn compare_permissions(diff: &mut Diff, want: &[String], have: &[String]) {
    let access = spaceone::compare(want, have);
    if access.change() == Change::Equal {
        return;
    }
    diff.access = access.change();
    diff.compare_sets("spec.spaceone.permissions", want, have, Remedy::Update);
    if access.may_widen() {
        diff.mark_widening("spec.spaceone.permissions");
        diff.witness = access.witness();
    }
}

/// Reports whether the id is valid. The servers' own check accepts an invalid last character and hyphens at
/// the ends.
fn is_policy_id(id: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=48).contains(&id.len()) && id.bytes().all(allowed) && !id.starts_with('-') && !id.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::super::ReceivedPolicy;
    use super::*;
    use crate::upstream::spaceone::client::Fields;
    use crate::upstream::spaceone::recorded;
    use serde_json::{Value, json};

    #[test]
    fn minimal_spec_equals_every_recorded_policy() {
        let all = recorded::objects(&["policy_id", "permissions", "created_at"]);
        assert!(all.len() > 100, "{}", all.len());
        for mut object in all {
            let read = |object: &Fields| serde_json::from_value::<ReceivedPolicy>(json!(object)).unwrap().observed();
            let seen = read(&object).document;
            let minimal = PolicyDocument(seen.minimal());
            assert!(minimal.diff(&seen).is_empty(), "{object:?}: {:?}", minimal.diff(&seen));
            for list in ["permissions", "labels"] {
                if let Some(items) = object.get_mut(list).and_then(Value::as_array_mut) {
                    items.reverse();
                }
            }
            assert_eq!(read(&object).document.minimal(), minimal.0, "the order of the upstream does not matter");
        }
    }

    fn document(value: Value) -> PolicyDocument {
        PolicyDocument(serde_json::from_value(value).unwrap())
    }

    fn with(field: &str, value: Value) -> PolicyDocument {
        let mut spec = json!({"policyId": "viewer", "name": "Viewer", "permissions": ["b.*", "a.*"]});
        spec[field] = value;
        document(spec)
    }

    fn observed() -> PolicyDocument {
        document(json!({
            "policyId": "viewer", "name": "Viewer", "permissions": ["a.*", "b.*", "a.*"], "labels": ["x", "y"],
            "tags": {"n": 1.0, "deep": {"l": [2.0]}}, "projectId": "project-1",
        }))
    }

    #[test]
    fn unset_fields_are_not_compared() {
        assert!(with("name", json!("Viewer")).diff(&observed()).is_empty());
    }

    #[test]
    fn permissions_and_labels_are_compared_as_sets() {
        assert!(with("labels", json!(["y", "x", "y"])).diff(&observed()).is_empty());
        assert!(with("tags", json!({"n": 1, "deep": {"l": [2]}})).diff(&observed()).is_empty());
        assert_eq!(with("labels", json!([])).diff(&observed()).summary(), "spec.spaceone.labels");
    }

    #[test]
    fn covered_permissions_show_no_difference() {
        let want = with("permissions", json!(["inventory.*"]));
        let compared = |have: Value| want.diff(&with("permissions", have));
        assert!(compared(json!(["inventory.Server.list", "inventory.*", "inventory.*.get"])).is_empty());
        assert!(compared(json!(["inventory.[!A-Z]*", "inventory.[A-Z]*"])).is_empty(), "both together");
        for (have, widens) in [
            (json!(["inventory.*", "identity.User.list"]), true),
            (json!(["inventory*"]), true),
            (json!(["inventory.[A-Z]*"]), false),
            (json!(["inventory.Server.*"]), false),
        ] {
            let diff = compared(have.clone());
            assert_eq!((diff.summary().as_str(), diff.widens()), ("spec.spaceone.permissions", widens), "{have}");
        }
        assert!(!with("labels", json!([])).diff(&observed()).widens());
    }

    #[test]
    fn each_field_has_its_own_difference() {
        for (field, value) in [
            ("name", json!("Other")),
            ("permissions", json!(["a.*"])),
            ("labels", json!(["x"])),
            ("projectId", json!("project-2")),
        ] {
            let diff = with(field, value).diff(&observed());
            assert_eq!(diff.summary(), format!("spec.spaceone.{field}"));
            assert!(!diff.needs_recreate());
        }
        let diff = with("tags", json!({"n": 2, "new": true})).diff(&observed());
        assert_eq!(diff.summary(), "spec.spaceone.tags.n, spec.spaceone.tags.new, spec.spaceone.tags.deep");
        assert!(with("policyId", json!("other")).diff(&observed()).needs_recreate());
    }

    #[test]
    fn every_broken_rule_names_its_field() {
        let fields =
            |field: &str, value| with(field, value).validate().into_iter().map(|p| p.field).collect::<Vec<_>>();
        assert!(fields("policyId", json!("a-1")).is_empty());
        for id in ["", "-a", "a-", "A", "a_b", "a.b", "a\n", &"a".repeat(49)] {
            assert_eq!(fields("policyId", json!(id)), ["spec.spaceone.policyId"], "{id:?}");
        }
        assert_eq!(fields("name", json!("")), ["spec.spaceone.name"]);
        assert_eq!(fields("permissions", json!([])), ["spec.spaceone.permissions"]);
        assert_eq!(
            fields("permissions", json!(["a.*", "b.* ", "\u{a0}"])),
            ["spec.spaceone.permissions[1]", "spec.spaceone.permissions[2]"]
        );
        assert_eq!(fields("labels", json!(["ok", "x".repeat(256)])), ["spec.spaceone.labels[1]"]);
        assert_eq!(fields("tags", json!({"a.b": 1})), ["spec.spaceone.tags['a.b']"]);
    }
}
