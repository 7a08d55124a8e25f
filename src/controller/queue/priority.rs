//! Decides the priority of a reconcile.

use crate::api::ConditionType;
use crate::api::status::CommonStatus;
use crate::controller::kinds::managed::Managed;
use crate::upstream::Priority;

/// Returns the priority of an object's reconcile. `failing` says that the last reconcile failed, and that the
/// object has not changed since.
///
/// Deletions come first, then changes of objects that were applied, then creations, then the comparison of settled
/// objects. A change may take access away, and a creation never does. A failing object goes to the background, so
/// that it does not delay objects that work.
pub fn of<K: Managed>(object: &K, failing: bool) -> Priority {
    if failing {
        Priority::Background
    } else if object.meta().deletion_timestamp.is_some() {
        Priority::Deletion
    } else {
        let status = object.common_status();
        let is_change = object.spec_changed(&status) || object.reconcile_requested(&status) || !is_settled(&status);
        match (is_change, was_applied(&status)) {
            (false, _) => Priority::Background,
            (true, true) => Priority::Change,
            (true, false) => Priority::Creation,
        }
    }
}

/// Returns whether a spec was applied before, so that an upstream object grants what it says.
fn was_applied(common: &CommonStatus) -> bool {
    common.applied_hash.is_some() || is_true(common, ConditionType::Ready)
}

/// Returns whether no work is under way: the object was applied, is ready or stalled, and is not reconciling.
fn is_settled(common: &CommonStatus) -> bool {
    let finished = was_applied(common) || is_true(common, ConditionType::Stalled);
    finished && !is_true(common, ConditionType::Reconciling)
}

fn is_true(common: &CommonStatus, kind: ConditionType) -> bool {
    kind.find(&common.conditions).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Policy;
    use crate::api::RECONCILE_REQUESTED_AT;
    use kube::ResourceExt;
    use serde_json::{Value, json};

    /// Returns a policy of generation 2 with this status.
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
    fn settled_policy_has_background_priority() {
        for (status, priority) in [
            (Value::Null, Priority::Creation),
            (status(1, &["Ready"]), Priority::Change),
            (status(2, &["Ready"]), Priority::Background),
            (status(2, &["Stalled"]), Priority::Background),
            (status(2, &[]), Priority::Creation),
            (status(1, &["Stalled"]), Priority::Creation),
            (status(2, &["Ready", "Reconciling"]), Priority::Change),
        ] {
            assert_eq!(of(&policy(&status), false), priority, "{status}");
        }
    }

    #[test]
    fn requested_reconcile_has_change_priority_until_handled() {
        let mut object = policy(&status(2, &["Ready"]));
        object.annotations_mut().insert(RECONCILE_REQUESTED_AT.to_owned(), "now".to_owned());
        assert_eq!(of(&object, false), Priority::Change);
        object.status.as_mut().unwrap().common.last_handled_reconcile_at = Some("now".to_owned());
        assert_eq!(of(&object, false), Priority::Background);
    }

    #[test]
    fn deletion_has_deletion_priority_unless_failing() {
        let mut object = policy(&status(2, &["Ready"]));
        let now = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::now());
        object.metadata.deletion_timestamp = Some(now);
        assert_eq!(of(&object, false), Priority::Deletion);
        assert_eq!(of(&object, true), Priority::Background);
    }
}
