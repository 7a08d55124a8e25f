//! Reports how a reconcile ended: status, one event for a change of state, and the requeue.

use super::reconciliation::Reconciliation;
use crate::api::status::{Drift, DriftAccess, DriftField};
use crate::api::{RECONCILE_REQUESTED_AT, Reason};
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::backoff::jitter;
use crate::controller::queue::next::Next;
use crate::engine::access::Change;
use crate::engine::diff::{SHOWN_FIELDS, shortened};
use crate::engine::outcome::{Outcome, Requeue, Truth};
use crate::engine::{Diff, FieldDiff};
use std::time::Duration;

impl<K: Managed> Reconciliation<'_, K> {
    /// Writes the outcome to status, publishes an event if the state changed, and requeues.
    pub async fn finish(&mut self, outcome: Outcome) -> Result<Next> {
        let before = self.ready().map(|condition| (condition.status.clone(), condition.reason.clone()));
        let outcome = self.mention_guardrails(self.mention_narrowing(outcome));
        let was_waiting = self.has_reason(Reason::ConnectionNotReady);
        self.describe(&outcome);
        self.save().await?;
        let now = (outcome.ready.as_str(), outcome.reason.as_str());
        if before.as_ref().is_none_or(|(status, reason)| (status.as_str(), reason.as_str()) != now) {
            self.announce(&outcome, was_waiting);
        }
        Ok(self.requeue(outcome.requeue))
    }

    /// Leaves the conditions as they are, and requeues.
    pub async fn finish_silently(&mut self, requeue: Requeue) -> Result<Next> {
        self.save().await?;
        Ok(self.requeue(requeue))
    }

    /// Returns whether status shows this difference already.
    pub fn shows(&self, diff: &Diff) -> bool {
        self.status.common.drift.as_ref().is_some_and(|drift| drift.fields == shown(diff))
    }

    fn describe(&mut self, outcome: &Outcome) {
        let now = self.shared().clock.now();
        let generation = self.object.meta().generation.unwrap_or_default();
        let requested = self.object.annotations().get(RECONCILE_REQUESTED_AT).cloned();
        if self.narrowing_left().is_none() {
            self.status.narrowing = None;
        }
        if outcome.reason != Reason::ApprovalRequired {
            self.status.pending_change = None;
        }
        let common = &mut self.status.common;
        common.observed_generation = generation;
        common.conditions = outcome.conditions(&common.conditions, generation, now);
        if outcome.synced != Truth::Unchanged {
            let since = common.drift.take().map_or_else(|| now.to_string(), |drift| drift.since);
            common.drift = (!outcome.diff.is_empty()).then(|| Drift {
                fields: shown(&outcome.diff),
                since,
                access: Some(drift_access(&outcome.diff)),
                witness: outcome.diff.witness.clone(),
            });
        }
        common.last_handled_reconcile_at = requested.or(common.last_handled_reconcile_at.take());
        self.forget_searched_copy();
    }

    /// Logs the new state and publishes an event. Objects of a failing connection publish none, because the
    /// connection does; neither do those that were waiting for it and are ready again.
    fn announce(&self, outcome: &Outcome, was_waiting: bool) {
        let reason = outcome.reason.as_str();
        tracing::info!(
            kind = K::KIND,
            namespace = self.namespace(),
            name = self.object.name_any(),
            reason,
            message = outcome.message,
            "state changed"
        );
        match outcome.reason {
            Reason::ConnectionNotReady => {}
            _ if was_waiting && outcome.ready == Truth::True => {}
            _ if outcome.ready == Truth::True || outcome.reconciling => {
                self.normal_event(reason, &outcome.message);
            }
            _ => self.warning_event(reason, &outcome.message),
        }
    }

    /// Returns the delay until the next comparison: at the latest when the removed permissions are out of force.
    fn until_next_comparison(&self) -> Duration {
        let interval = jitter(self.interval());
        self.narrowing_left().map_or(interval, |left| interval.min(left + Duration::from_secs(1)))
    }

    fn requeue(&self, requeue: Requeue) -> Next {
        let shared = self.shared();
        if !matches!(requeue, Requeue::After(_) | Requeue::Backoff) {
            shared.backoffs.clear(&self.uid());
        }
        match requeue {
            Requeue::Interval => Next::after(self.until_next_comparison()),
            Requeue::Slow => Next::after(jitter(shared.settings.slow_retry)),
            Requeue::After(wait) => Next::after(wait),
            Requeue::Backoff => Next::after(shared.backoffs.failed(&self.uid())),
            Requeue::Never => Next::on_change(),
        }
    }
}

/// Returns what status says of the access. A difference that surely grants nothing more, and of which the operator cannot
/// decide whether it grants less, counts as narrower.
fn drift_access(diff: &Diff) -> DriftAccess {
    match diff.access {
        Change::Equal => DriftAccess::Equal,
        Change::Wider => DriftAccess::Wider,
        Change::Both => DriftAccess::Both,
        Change::Unknown if diff.widens() => DriftAccess::Unknown,
        Change::Narrower | Change::Unknown => DriftAccess::Narrower,
    }
}

fn shown(diff: &Diff) -> Vec<DriftField> {
    let field = |field: &FieldDiff| DriftField {
        path: field.path.clone(),
        desired: shortened(&field.desired),
        observed: shortened(&field.observed),
    };
    diff.fields.iter().take(SHOWN_FIELDS).map(field).collect()
}
