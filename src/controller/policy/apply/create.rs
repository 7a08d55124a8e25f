//! Creates an upstream object, and replaces one that cannot be changed in place.

use super::Apply;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::audit_log::Write;
use crate::controller::policy::failure::failed;
use crate::controller::policy::invalid;
use crate::controller::policy::stop::Stop;
use crate::controller::state::claims::ClaimGuard;
use crate::controller::{Error, Result};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{Cause, Diff, ErrorKind, Observation, Ownership, UpstreamError, Written};

impl<K: Managed> Apply<'_, '_, K> {
    /// Creates the object for the first time, or again if it was deleted. The caller has locked the claims,
    /// so no other object creates the same at this moment.
    pub(super) async fn create_new(&mut self, _claims: &ClaimGuard<'_>) -> Result<Outcome, Stop> {
        self.settle_searched().await?;
        if let Some(denied) = self.this.denied() {
            return Err(denied.into());
        }
        self.approve(None, false).await?;
        let cause = self.cause_of_create();
        self.create(cause).await
    }

    /// Deletes the object and creates it again. The intent stays until the id of the new object is recorded,
    /// so a crash in between ends in a create and not in a report of drift.
    pub(super) async fn recreate(&mut self, id: &str, diff: &Diff, cause: Cause) -> Result<Outcome, Stop> {
        self.check_new()?;
        self.check().await?;
        // Before the deletion: without permission to create it again, the object stays.
        self.this.permit(self.external).await?;
        self.approve(Some(id), false).await?;
        self.warn_if_drift(diff, cause);
        self.record_intent(OperationKind::Recreate, Some(id)).await?;
        let deleter = self.external.deleter();
        let write = Write::delete(Cause::Recreate, id, self.granted()).because_of(diff);
        self.this.write(write, deleter.delete(id)).await?.map_err(|error| failed(self.this, &error))?;
        // What was permitted and deleted is created again, also by the next reconcile.
        self.note_in_force(None);
        if self.external.observe(id).await.map_err(|error| failed(self.this, &error))?.is_some() {
            return Ok(Outcome::working(Reason::Updating, still_shown(id), Requeue::Backoff));
        }
        // Where people choose the id, the new object has the same one.
        if id != self.external.key() {
            self.this.shared().records.replaced(&self.this.uid(), id);
        }
        self.record_correction(diff, cause);
        let note =
            format!("Deleted {id} upstream to create it again, because {} cannot be changed in place.", diff.summary());
        self.this.normal_event("Recreating", &note);
        let outcome = self.create(Cause::Recreate).await?;
        Ok(self.unless_fought(diff, cause, outcome))
    }

    async fn create(&mut self, cause: Cause) -> Result<Outcome, Stop> {
        self.check_new()?;
        self.check().await?;
        // A replacement frees the quota it needs.
        if !self.this.is_in_flight(OperationKind::Recreate) {
            self.external.check_quota().await.map_err(|error| failed(self.this, &error))?;
        }
        // An earlier attempt may still take effect.
        let is_first = !self.this.is_in_flight(OperationKind::Create);
        match self.send_create(cause, is_first).await? {
            Ok(Written::Accepted { id, verdict, shown }) => {
                self.mark_corrected();
                // Until a response shows the whole object, what it lacks is part of its creation.
                self.this.status.common.applied_hash = None;
                self.this.normal_event("Created", &format!("Created {id} upstream."));
                self.note_written(&id, false, verdict);
                self.remember_acquired();
                self.note_write_time();
                if let Some(outcome) = self.believe(shown.as_ref().filter(|_| cause == Cause::Spec)) {
                    return Ok(outcome);
                }
                self.this.save().await?;
                self.read_back_created(&id).await
            }
            Ok(Written::Incomplete { id, error }) => self.record_incomplete(&id, &error).await,
            Ok(Written::Refused(verdict)) => {
                self.settle_refused(is_first, Answer::Final).await?;
                let outcome = self.refused_write(verdict);
                Ok(self.rest(outcome))
            }
            Err(error) => self.create_failed(&error, is_first).await,
        }
    }

    /// Records the intent, and sends the create if the guardrails permit it now.
    async fn send_create(
        &mut self,
        cause: Cause,
        is_first: bool,
    ) -> Result<crate::engine::Result<Written<Observation>>, Stop> {
        if self.this.is_in_flight(OperationKind::Create) {
            self.this.shared().records.create_repeated(&self.this.uid());
        }
        self.record_intent(OperationKind::Create, None).await?;
        if let Err(denied) = self.this.permit(self.external).await {
            self.settle_refused(is_first, Answer::None).await?;
            return Err(denied);
        }
        self.remember_sent();
        self.note_replaced();
        let result = self.this.write(Write::create(cause, self.granted()), self.external.create()).await?;
        // The grace counts from now: the request may have waited, and taken effect until its response came or was lost.
        self.remember_sent();
        if let Ok(Written::Accepted { id, .. } | Written::Incomplete { id, .. }) = &result {
            self.this.shared().records.prove(&self.this.uid(), id);
        }
        Ok(result)
    }

    /// Checks the rules that only a new object must keep.
    fn check_new(&self) -> Result<(), Stop> {
        self.external.validate_new().first().map_or(Ok(()), |problem| Err(invalid(problem)))
    }

    /// Remembers that this process sends the create: only then the name and equal content prove that the object is ours.
    fn remember_sent(&self) {
        if let Some(operation) = self.this.status.common.operation.clone() {
            self.this.shared().records.create_sent(&self.this.uid(), operation);
        }
    }

    /// Keeps the operation in flight if its outcome is unknown. Any other answer is a refusal, which is most often the truth.
    async fn create_failed(&mut self, error: &UpstreamError, is_first: bool) -> Result<Outcome, Stop> {
        if error.kind == ErrorKind::OutcomeUnknown {
            let look = self.this.next_look().map(Requeue::After);
            return Err(match failed(self.this, error) {
                Stop::Report(outcome) => Outcome { requeue: look.unwrap_or(outcome.requeue), ..outcome }.into(),
                Stop::Silently(requeue) => Stop::Silently(look.unwrap_or(requeue)),
                stop @ Stop::Retry(_) => stop,
            });
        }
        self.settle_refused(is_first, Answer::of(error)).await?;
        match failed(self.this, error) {
            // Another writer was faster, perhaps an earlier attempt of this object: find out soon.
            Stop::Report(outcome) if error.kind == ErrorKind::AlreadyExists => {
                let again = self.this.shared().backoffs.is_failing(&self.this.uid());
                Ok(Outcome { requeue: Requeue::Backoff, stalled: again, ..outcome })
            }
            Stop::Report(outcome) => Err(self.rest(outcome).into()),
            stop => Err(stop),
        }
    }

    /// Has an object that waits for a human looked at once after the grace: the refused create may have taken effect.
    pub(super) fn rest(&self, outcome: Outcome) -> Outcome {
        let Some(look) = self.this.refused_look().filter(|_| outcome.requeue == Requeue::Slow) else { return outcome };
        let (shared, uid) = (self.this.shared(), self.this.uid());
        shared.records.rest(&uid, true);
        shared.backoffs.clear(&uid);
        Outcome { requeue: Requeue::After(look), ..outcome }
    }

    /// Forgets a refused create of which the search after the grace showed nothing. An object that rests goes on resting:
    /// nothing asked for another create.
    pub(super) async fn settle_searched(&mut self) -> Result<(), Stop> {
        if self.this.refused_hidden_for().is_none_or(|left| !left.is_zero()) {
            return Ok(());
        }
        let rests = self.this.only_looks();
        if rests {
            self.this.forget_place().await?;
        }
        self.this.forget_refused();
        if rests { Err(Stop::Silently(Requeue::Slow)) } else { Ok(()) }
    }

    /// Records an object that was created, and whose later write failed. Its spec does not count as written, so the
    /// next reconcile completes it.
    async fn record_incomplete(&mut self, id: &str, error: &UpstreamError) -> Result<Outcome, Stop> {
        self.point_at(Some(id), false);
        self.remember_acquired();
        self.note_write_time();
        self.this.status.common.applied_hash = None;
        self.this.normal_event("Created", &format!("Created {id} upstream."));
        self.this.save().await?;
        Err(failed(self.this, error))
    }

    /// Forgets a create that was refused, unless a search shows that it took effect all the same. Its place holds the spec
    /// no more if the search shows nothing, unless an earlier attempt lost its response. Reads may lag, so this process
    /// remembers the create, and searches once more after the grace. Until then the annotation tells a later process. Only a
    /// create that was never sent is without effect, and it does not take back an earlier one.
    async fn settle_refused(&mut self, is_first: bool, answer: Answer) -> Result<(), Stop> {
        let found = if answer == Answer::Final { self.external.find().await } else { Ok(Vec::new()) };
        let all = found.as_deref().unwrap_or_default();
        let (records, uid) = (&self.this.shared().records, self.this.uid());
        let is_ours = |seen: &&Observation| seen.owner == Ownership::Ours && !records.is_replaced(&uid, &seen.id);
        if let Some(ours) = all.iter().find(is_ours) {
            return self.record_refused(&ours.id).await;
        }
        self.this.status.common.operation = None;
        self.this.status.common.upstream = None;
        self.this.status.observed_id = None;
        self.this.save().await?;
        if answer != Answer::None && self.this.shared().settings.safeguards.hidden_refusals {
            self.this.shared().records.create_refused(&self.this.uid(), self.place());
        }
        let may_be_hidden = self.this.refused_hidden_for().is_some();
        let may_be_ours = |seen: &Observation| seen.owner == Ownership::Unknown && seen.diff.is_empty();
        let is_absent = found.is_ok_and(|found| !found.iter().any(may_be_ours));
        match is_first && is_absent {
            true if may_be_hidden => self.this.leave_place(),
            true => self.this.forget_place().await?,
            false => {}
        }
        Ok(())
    }

    /// Records an object whose create was refused. The next reconcile compares it.
    async fn record_refused(&mut self, id: &str) -> Result<(), Stop> {
        self.point_at(Some(id), false);
        self.remember_acquired();
        self.this.status.common.applied_hash = None;
        self.this.shared().settling.wrote(&self.this.uid());
        self.note_write_time();
        let note = format!("Created {id} upstream, although the upstream refused the request.");
        self.this.normal_event("Created", &note);
        self.this.save().await?;
        Err(Error::Stale.into())
    }
}

/// How the upstream answered a create that made nothing as far as its answer tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Not at all: the request surely never reached it.
    None,
    /// With a refusal that passes by itself, such as 429. The next reconcile comes soon, and begins with a search.
    Passing,
    /// With a refusal.
    Final,
}

impl Answer {
    fn of(error: &UpstreamError) -> Self {
        match error.kind.is_transient() {
            _ if error.unsent => Self::None,
            true => Self::Passing,
            false => Self::Final,
        }
    }
}

/// Says that a replacement waits: the old object and the new one must not exist beside each other.
fn still_shown(id: &str) -> String {
    format!(
        "The upstream accepted the deletion of {id}, which comes before its new creation, but still shows it. The operator looks again."
    )
}
