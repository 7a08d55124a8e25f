//! Stops before a write that grants more than the upstream grants, until an approval of that very change exists.
//!
//! | when | by what |
//! | --- | --- |
//! | before a create, an adoption, an update or a recreation, and before anything is recorded of it | the approvals in the cache; the first use is recorded in the status of the approval, which the API server refuses if the approval changed |
//! | when the request leaves, after all waiting | whether the approval still exists, and the connection still asks for what it asked |
//!
//! The connection asks for approvals, and neither the policy nor its status can permit anything. A spec that this process
//! has seen in force for the same upstream object needs no approval, so drift is corrected. After a restart only an approval
//! that was used for the spec tells, or a read that shows it in force.

use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::approval::{ApprovalUse, PolicyApproval, PolicyApprovalStatus};
use crate::api::status::{PendingAccess, PendingChange, UpstreamRef};
use crate::controller::Error;
use crate::controller::k8s::status;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::state::approvals::{InForce, approver, candidate};
use crate::engine::access::Change as AccessChange;
use crate::engine::access::guardrails::Grants;
use crate::engine::approval::{Change, Refusal, Request, judge};
use crate::engine::outcome::Outcome;
use crate::engine::{BoundExternal, Weighed};
use crate::upstream::{Account, registry};
use kube::{Api, ResourceExt};
use std::sync::{Arc, PoisonError};

/// How many approvals that do not count a message names.
const SHOWN: usize = 5;

/// A write that may grant more.
#[derive(Clone, Copy)]
pub(super) struct Intended<'a> {
    pub external: &'a dyn BoundExternal,
    pub account: &'a Account,
    /// The hash of the document.
    pub hash: &'a str,
    /// The upstream object; without an id if it is new.
    pub upstream: &'a UpstreamRef,
    /// Whether the operator adopts it.
    pub adopts: bool,
}

impl<'a> Intended<'a> {
    fn id(&self) -> Option<&'a str> {
        self.upstream.id.as_deref()
    }
}

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns the test whether the approval that was used still exists.
    pub(super) fn is_still_approved(&self) -> impl Fn() -> bool + Send + Sync + use<K> {
        let (shared, namespace) = (Arc::clone(&self.ctx.shared), self.namespace());
        let approved = Arc::clone(&self.guardrails.approved);
        move || {
            let approved = approved.lock().unwrap_or_else(PoisonError::into_inner);
            approved.as_ref().is_none_or(|uid| shared.approvals.exists(&namespace, uid))
        }
    }

    /// Stops unless the write grants no more than the upstream grants, or is approved.
    pub(super) async fn approve(&mut self, write: Intended<'_>) -> Result<(), Stop> {
        let shared = self.shared();
        let is_required = shared.bounds.of(&self.object.connection()).approval && shared.settings.safeguards.approval;
        self.guardrails.needs_approval = Some(is_required);
        if !is_required || write.external.grants() == Grants::Nothing {
            return Ok(());
        }
        if shared.approvals.was_in_force(&self.uid(), &self.in_force(write.hash, write.upstream.clone())) {
            return Ok(());
        }
        let weighed = match write.id() {
            None => write.external.weigh_new(),
            Some(id) => {
                let seen = write.external.weigh(id).await.map_err(|error| failed(self, &error))?;
                seen.ok_or(Error::Stale)?
            }
        };
        let Some(access) = pending_access(weighed.access) else { return Ok(()) };
        let hash = self.hash_of(write, &weighed);
        match self.approval_of(write, &hash) {
            Ok(approval) => self.use_approval(&approval, write).await,
            Err(refused) => {
                let message = describe(&hash, &weighed, &refused);
                let generation = self.generation();
                self.status.pending_change = Some(PendingChange { hash, generation, access, witness: weighed.witness });
                Err(Outcome::approval_required(message).into())
            }
        }
    }

    /// Returns the spec of the object as what is in force for this upstream object.
    pub(super) fn in_force(&self, hash: &str, upstream: UpstreamRef) -> InForce {
        InForce { generation: self.generation(), hash: hash.to_owned(), upstream }
    }

    fn generation(&self) -> i64 {
        self.object.meta().generation.unwrap_or_default()
    }

    fn hash_of(&self, write: Intended<'_>, weighed: &Weighed) -> String {
        let location = registry::location(write.account, write.external.system());
        let change = Change {
            object: (K::KIND, &self.namespace(), &self.object.name_any()),
            connection: &self.object.connection().to_string(),
            endpoint: &location.endpoint,
            repository: location.repository.as_deref(),
            id: write.id(),
            in_force: &weighed.in_force,
            wanted: &write.external.wanted(),
        };
        change.hash()
    }

    /// Returns the approval that counts, or why those of the policy do not.
    fn approval_of(&self, write: Intended<'_>, hash: &str) -> Result<PolicyApproval, Vec<(String, Refusal)>> {
        let approvals = self.shared().approvals.of(&self.namespace());
        let candidates: Vec<_> = approvals.iter().map(candidate).collect();
        let request = Request {
            policy: (K::KIND, &self.object.name_any()),
            uid: &self.uid(),
            generation: self.generation(),
            applied_hash: write.hash,
            upstream: write.upstream,
            adopts: write.adopts,
            hash,
            now: self.shared().clock.now(),
        };
        let found = judge(&candidates, &request)?;
        approvals.iter().find(|approval| approval.name_any() == found.name).cloned().ok_or_else(Vec::new)
    }

    /// Binds an approval to the object and its spec, and records the approver.
    async fn use_approval(&mut self, approval: &PolicyApproval, write: Intended<'_>) -> Result<(), Stop> {
        let (name, uid, manager) = (approval.name_any(), approval.uid().unwrap_or_default(), approver(approval));
        if approval.status.as_ref().is_none_or(|status| status.used.is_none()) {
            let used = ApprovalUse {
                uid: self.uid(),
                generation: self.generation(),
                applied_hash: write.hash.to_owned(),
                upstream: write.upstream.clone(),
                used_at: self.shared().clock.now().to_string(),
            };
            let api: Api<PolicyApproval> = Api::namespaced(self.shared().client.clone(), &self.namespace());
            status::write(&api, approval, &PolicyApprovalStatus { used: Some(used) }).await?;
            let note = format!("PolicyApproval {name} ({uid}), written by {manager}, approves the change.");
            self.normal_event("Approved", &note);
        }
        let text = format!("{}/{name} {uid} {manager}", self.namespace());
        self.audit_log.approved_by(text);
        *self.guardrails.approved.lock().unwrap_or_else(PoisonError::into_inner) = Some(uid);
        Ok(())
    }
}

/// Returns what status says of a change that may grant more; `None` if it surely does not.
fn pending_access(access: AccessChange) -> Option<PendingAccess> {
    match access {
        AccessChange::Equal | AccessChange::Narrower => None,
        AccessChange::Wider => Some(PendingAccess::Wider),
        AccessChange::Both => Some(PendingAccess::Both),
        AccessChange::Unknown => Some(PendingAccess::Unknown),
    }
}

fn describe(hash: &str, weighed: &Weighed, refused: &[(String, Refusal)]) -> String {
    let what = weighed.witness.as_ref().map_or_else(
        || "The change may grant more than the upstream grants".to_owned(),
        |request| format!("The change grants more than the upstream grants, such as {request}"),
    );
    let told = |(name, why): &(String, Refusal)| format!(" PolicyApproval {name} {}.", why.reason());
    let why = refused.iter().take(SHOWN).map(told).collect::<Vec<_>>().concat();
    format!(
        "{what}, and the connection requires an approval. Nothing was written.{why} Create a PolicyApproval with hash {hash}, or narrow the spec."
    )
}
