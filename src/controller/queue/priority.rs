//! How urgent the reconcile of an object is.

use crate::api::ConditionType;
use crate::api::status::CommonStatus;
use crate::controller::kinds::managed::Managed;
use crate::upstream::Priority;

/// What somebody waits for goes before comparing what is settled; what failed before goes behind,
/// so that it holds up nothing that works. `failing`: the last reconcile failed, and nobody changed
/// the object since.
pub fn of<K: Managed>(object: &K, failing: bool) -> Priority {
    if failing {
        Priority::Background
    } else if object.meta().deletion_timestamp.is_some() {
        Priority::Deletion
    } else {
        let status = object.report().common;
        let waits = object.spec_changed(&status) || object.reconcile_requested(&status) || !is_settled(&status);
        if waits { Priority::Change } else { Priority::Background }
    }
}

/// Whether there is nothing under way: it was written or at least looked at, or waits for a human.
fn is_settled(common: &CommonStatus) -> bool {
    let is = |kind: ConditionType| common.conditions.iter().any(|c| c.type_ == kind.as_str() && c.status == "True");
    let ended = common.applied_hash.is_some() || is(ConditionType::Ready) || is(ConditionType::Stalled);
    ended && !is(ConditionType::Reconciling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Policy;
    use crate::api::RECONCILE_REQUESTED_AT;
    use kube::ResourceExt;
    use serde_json::{Value, json};

    /// A policy of generation 2 with this status.
    fn policy(status: &Value) -> Policy {
        let object = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Policy",
            "metadata": { "name": "p", "namespace": "n", "generation": 2 },
            "spec": { "connectionRef": { "name": "c" }, "ncloud": { "policyName": "abc", "permissions": [] } },
            "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    fn status(generation: i64, conditions: &[&str]) -> Value {
        let condition = |kind: &&str| {
            let at = "2026-11-21T10:00:00Z";
            json!({ "type": kind, "status": "True", "reason": "Any", "message": "", "lastTransitionTime": at })
        };
        json!({
            "observedGeneration": generation,
            "conditions": conditions.iter().map(condition).collect::<Vec<_>>(),
        })
    }

    #[test]
    fn what_is_settled_is_background_and_what_changed_is_not() {
        for (status, priority) in [
            (Value::Null, Priority::Change),
            (status(1, &["Ready"]), Priority::Change),
            (status(2, &["Ready"]), Priority::Background),
            (status(2, &["Stalled"]), Priority::Background),
            (status(2, &[]), Priority::Change),
            (status(2, &["Ready", "Reconciling"]), Priority::Change),
        ] {
            assert_eq!(of(&policy(&status), false), priority, "{status}");
        }
    }

    #[test]
    fn a_requested_reconcile_is_urgent_until_it_was_done() {
        let mut object = policy(&status(2, &["Ready"]));
        object.annotations_mut().insert(RECONCILE_REQUESTED_AT.to_owned(), "now".to_owned());
        assert_eq!(of(&object, false), Priority::Change);
        object.status.as_mut().unwrap().common.last_handled_reconcile_at = Some("now".to_owned());
        assert_eq!(of(&object, false), Priority::Background);
    }

    #[test]
    fn deletions_come_first_unless_they_fail_again_and_again() {
        let mut object = policy(&status(2, &["Ready"]));
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
        object.metadata.deletion_timestamp = Some(now);
        assert_eq!(of(&object, false), Priority::Deletion);
        assert_eq!(of(&object, true), Priority::Background);
    }
}
