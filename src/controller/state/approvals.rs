//! Keeps the approvals of the watched namespaces, and what this process has seen in force.
//!
//! What was in force for an object is known only from the upstream itself and never from status, which another writer may
//! edit: a correction of drift back to it needs no approval.

use crate::api::approval::PolicyApproval;
use crate::engine::approval::Candidate;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A cache of approvals.
pub type ApprovalStore = Store<DeserializeGuard<PolicyApproval>>;

/// The approvals, and what is in force.
#[derive(Default)]
pub struct Approvals {
    stores: Vec<ApprovalStore>,
    /// The hash of the document that the upstream showed last, by the uid of the object.
    in_force: Mutex<HashMap<String, String>>,
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
        let all = self.stores.iter().flat_map(Store::state);
        let living = all.filter_map(|guard| guard.0.as_ref().ok().cloned()).filter(|approval| {
            approval.namespace().as_deref() == Some(namespace) && approval.meta().deletion_timestamp.is_none()
        });
        let mut found: Vec<_> = living.collect();
        found.sort_by_key(|approval| (approval.creation_timestamp().map(|time| time.0), approval.name_any()));
        found
    }

    /// Returns whether an approval still exists.
    #[must_use]
    pub fn exists(&self, namespace: &str, uid: &str) -> bool {
        self.of(namespace).iter().any(|approval| approval.uid().as_deref() == Some(uid))
    }

    /// Records that the upstream shows this document for an object.
    pub fn seen(&self, uid: &str, hash: &str) {
        self.in_force().insert(uid.to_owned(), hash.to_owned());
    }

    /// Returns whether the upstream showed this document last for an object.
    #[must_use]
    pub fn was_in_force(&self, uid: &str, hash: &str) -> bool {
        self.in_force().get(uid).is_some_and(|seen| seen == hash)
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.in_force().remove(uid);
    }

    fn in_force(&self) -> MutexGuard<'_, HashMap<String, String>> {
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
