//! Collects what earlier reconciles left. Status records the ids, the operation in flight and the fields that the operator
//! gave up; this process remembers its own writes.

use super::reconciliation::Reconciliation;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::settling::LastWrite;
use crate::engine::plan::{PriorState, Unapplied};
use std::time::Duration;

/// Stands for the hash of an update of an earlier process.
const UNKNOWN: &str = "";

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns what status records and this process remembers, as the plan needs it.
    pub fn prior_state(&self) -> PriorState {
        let (common, shared) = (&self.status.common, self.shared());
        let in_flight = common.operation.as_ref().map(|operation| operation.kind);
        PriorState {
            // An object that is being adopted is not ours before the owner tag is known to be there.
            id: self.recorded_id().filter(|_| in_flight != Some(OperationKind::Adopt)),
            in_flight,
            create_sent: !shared.settings.safeguards.create_proof || shared.records.sent_create(&self.uid()).is_some(),
            in_grace: self.grace_left().is_some(),
            may_be_unrecorded: self.may_be_unrecorded() || self.may_copy_refused(),
            may_have_adopted: shared.records.refused_adoption(&self.uid()).is_some(),
            applied_hash: common.applied_hash.clone(),
            settling: self.is_settling(),
            lost_update: shared.settling.may_land(&self.uid(), shared.settings.create_grace),
            sent: self.last_sent(),
            unseen: self.unseen_left().is_some(),
            before: shared.settling.before(&self.uid()).filter(|_| !self.reconcile_requested()),
            not_applied: self.given_up(&[Reason::NotApplied, Reason::RecreateRequired]),
            fought: self.fought(),
            contender: None,
            left_behind: false,
            moved: None,
        }
    }

    /// Returns the id of the upstream object that status records.
    pub fn recorded_id(&self) -> Option<String> {
        self.status.common.upstream.as_ref().and_then(|upstream| upstream.id.clone())
    }

    /// Returns whether a write of this kind is in flight.
    pub fn is_in_flight(&self, kind: OperationKind) -> bool {
        self.status.common.operation.as_ref().is_some_and(|operation| operation.kind == kind)
    }

    /// Returns the fields that the operator gave up for one of these reasons; none when a reconcile is requested.
    fn given_up(&self, reasons: &[Reason]) -> Vec<Unapplied> {
        if self.reconcile_requested() { Vec::new() } else { Unapplied::given_up(&self.status.common, reasons) }
    }

    /// Returns whether reads may not show the last write yet. After a restart status tells.
    fn is_settling(&self) -> bool {
        let shared = self.shared();
        let by_status = || {
            let age = self.since_recorded_write();
            self.has_reason(Reason::Updating) || age.is_some_and(|age| age < shared.settling.longest())
        };
        shared.settings.safeguards.lagging_reads && shared.settling.is_open(&self.uid()).unwrap_or_else(by_status)
    }

    /// Returns how much longer reads may not show an object at all that the upstream said to have written; `None` when
    /// its absence is believed. After a restart status tells.
    pub fn unseen_left(&self) -> Option<Duration> {
        let settings = &self.shared().settings;
        let age = match self.shared().settling.last_write(&self.uid()) {
            LastWrite::Unknown => self.since_recorded_write()?,
            LastWrite::Deletion => return None,
            LastWrite::Written(age) => age,
        };
        let left = settings.create_grace.checked_sub(age).filter(|left| !left.is_zero());
        left.filter(|_| settings.safeguards.lagging_reads && self.recorded_id().is_some())
    }

    /// Returns the hash of the last update, while reads may not show it. What an earlier process sent is not known: a spec
    /// that was edited twice since that one reported may have been taken back.
    fn last_sent(&self) -> Option<String> {
        let (shared, uid) = (self.shared(), self.uid());
        let grace = shared.settings.create_grace.max(shared.settling.longest());
        let edits = self.object.meta().generation.unwrap_or_default() - self.status.common.observed_generation;
        let is_unread = shared.settling.last_write(&uid) == LastWrite::Unknown;
        if edits > 1 && is_unread && self.was_recorded() && shared.observations.seen_for(&uid) < grace {
            shared.settling.sent(&uid, UNKNOWN);
        }
        // One that status records is awaited by it.
        let is_recorded = |sent: &String| self.status.common.applied_hash.as_ref() == Some(sent);
        let sent = shared.settling.last_sent(&uid, grace).filter(|sent| !is_recorded(sent));
        sent.filter(|_| shared.settings.safeguards.lagging_reads)
    }

    /// Returns how long ago the last write was that status records.
    fn since_recorded_write(&self) -> Option<Duration> {
        let age = Duration::try_from(self.shared().clock.now().duration_since(self.status.common.last_write()?));
        // A time in the future is of a clock that was ahead: the write was before this process started.
        Some(age.unwrap_or_else(|_| self.shared().observations.started().elapsed()))
    }

    /// Returns the fields that another writer keeps changing: as counted, and as status records them over
    /// a restart.
    fn fought(&self) -> Vec<String> {
        let shared = self.shared();
        let mut fought = shared.corrections().fought(&self.uid(), shared.clock.now());
        if !self.spec_changed() {
            fought.extend(self.given_up(&[Reason::DriftFight]).into_iter().map(|field| field.path));
        }
        fought
    }
}
