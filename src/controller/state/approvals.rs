//! Keeps the approvals of the watched namespaces, and what this process has seen in force.
//!
//! What was in force for an object is known only from the upstream itself and never from status, which another writer may
//! edit: a correction of drift back to it needs no approval.

use crate::api::approval::PolicyApproval;
use crate::api::status::UpstreamRef;
use crate::engine::approval::{Candidate, is_same_place};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A cache of approvals.
pub type ApprovalStore = Store<DeserializeGuard<PolicyApproval>>;

/// The approvals, and what is in force.
#[derive(Default)]
pub struct Approvals {
    stores: Vec<ApprovalStore>,
    /// What the upstream showed last, by the uid of the object.
    in_force: Mutex<HashMap<String, InForce>>,
}

/// A spec that is in force.
#[derive(Debug, Clone)]
pub struct InForce {
    /// The generation of the Kubernetes object.
    pub generation: i64,
    /// The hash of the document.
    pub hash: String,
    /// The upstream object; without an id if it is to be created.
    pub upstream: UpstreamRef,
}

impl InForce {
    /// Returns whether this spec was in force before `write`: at the same place, and for the same upstream object unless
    /// that is created again.
    fn covers(&self, write: &Self) -> bool {
        let is_object = write.upstream.id.is_none() || write.upstream.id == self.upstream.id;
        let is_spec = self.generation == write.generation && self.hash == write.hash;
        is_spec && is_object && is_same_place(&self.upstream, &write.upstream)
    }
}

impl Approvals {
    /// Reads approvals from these caches.
    #[must_use]
    pub fn new(stores: Vec<ApprovalStore>) -> Self {
        Self { stores, in_force: Mutex::default() }
    }

    /// Returns the approvals of a namespace, the oldest first.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Vec<PolicyApproval> {
        let mut found: Vec<_> = self.living(namespace).filter_map(|guard| guard.0.as_ref().ok().cloned()).collect();
        found.sort_by_key(|approval| (approval.creation_timestamp().map(|time| time.0), approval.name_any()));
        found
    }

    /// Returns whether an approval still exists.
    #[must_use]
    pub fn exists(&self, namespace: &str, uid: &str) -> bool {
        self.living(namespace)
            .any(|guard| guard.0.as_ref().is_ok_and(|approval| approval.uid().as_deref() == Some(uid)))
    }

    /// Returns the approvals of a namespace that are not being deleted, without a copy.
    fn living(&self, namespace: &str) -> impl Iterator<Item = Arc<DeserializeGuard<PolicyApproval>>> {
        let all = self.stores.iter().flat_map(Store::state);
        all.filter(move |guard| {
            guard.meta().namespace.as_deref() == Some(namespace) && guard.meta().deletion_timestamp.is_none()
        })
    }

    /// Records that this spec of an object is in force.
    pub fn seen(&self, uid: &str, seen: InForce) {
        self.in_force().insert(uid.to_owned(), seen);
    }

    /// Returns whether the spec that is written was in force last.
    #[must_use]
    pub fn was_in_force(&self, uid: &str, write: &InForce) -> bool {
        self.in_force().get(uid).is_some_and(|seen| seen.covers(write))
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.in_force().remove(uid);
    }

    fn in_force(&self) -> MutexGuard<'_, HashMap<String, InForce>> {
        // Each change is one insertion or removal, so a panic elsewhere leaves a valid map.
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an approval as the engine judges it.
#[must_use]
pub fn candidate(approval: &PolicyApproval) -> Candidate {
    let spec = &approval.spec;
    Candidate {
        name: approval.name_any(),
        policy: (spec.policy_ref.kind.as_str().to_owned(), spec.policy_ref.name.clone()),
        hash: spec.hash.clone(),
        expires_at: spec.expires_at.clone(),
        used: approval.status.clone().and_then(|status| status.used),
    }
}

/// Returns the field manager that wrote the spec of an approval.
#[must_use]
pub fn approver(approval: &PolicyApproval) -> String {
    let entries = approval.managed_fields().iter();
    let mut writers = entries.filter(|entry| entry.fields_v1.as_ref().is_some_and(|it| it.0.get("f:spec").is_some()));
    writers.find_map(|entry| entry.manager.clone()).unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec(generation: i64, hash: &str, upstream: &serde_json::Value) -> InForce {
        let mut all = json!({ "system": "ncloud/policy", "connection": { "kind": "Connection", "name": "ncloud" },
            "endpoint": "https://a.example.com", "key": "viewer" });
        all.as_object_mut().unwrap().extend(upstream.as_object().unwrap().clone());
        InForce { generation, hash: hash.to_owned(), upstream: serde_json::from_value(all).unwrap() }
    }

    #[test]
    fn spec_in_force_covers_its_own_object_and_place_only() {
        let approvals = Approvals::default();
        approvals.seen("uid", spec(2, "doc", &json!({ "id": "1" })));
        let is_covered = |write: InForce| approvals.was_in_force("uid", &write);
        assert!(is_covered(spec(2, "doc", &json!({ "id": "1" }))));
        assert!(is_covered(spec(2, "doc", &json!({}))), "created again");
        assert!(is_covered(spec(2, "doc", &json!({ "id": "1", "account": "known later" }))));
        for (write, why) in [
            (spec(2, "other", &json!({ "id": "1" })), "another document"),
            (spec(3, "doc", &json!({ "id": "1" })), "another spec came between"),
            (spec(2, "doc", &json!({ "id": "2" })), "another object"),
            (spec(2, "doc", &json!({ "endpoint": "https://b.example.com" })), "another place"),
            (spec(2, "doc", &json!({ "connection": { "kind": "Connection", "name": "prod" } })), "another connection"),
        ] {
            assert!(!is_covered(write), "{why}");
        }
        approvals.forget("uid");
        assert!(!is_covered(spec(2, "doc", &json!({ "id": "1" }))));
    }
}
