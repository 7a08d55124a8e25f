//! Carries out a plan.
//!
//! The create protocol, in the order that makes a second copy impossible: preflight, look-up
//! (done before the plan), intent under resourceVersion, fence, the create call with the stamp
//! in it, the id to status before anything else, observe and compare. The intent stays in status
//! until the new object was seen with our stamp on it: after a lost answer the next reconcile looks
//! the object up and never repeats the call blindly.

use super::conflicts;
use super::failure::failed;
use super::reconciliation::Reconciliation;
use crate::api::Reason;
use crate::api::status::{Operation, OperationKind, UpstreamRef};
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::ClaimGuard;
use crate::controller::{Error, Result};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::plan::{Acquire, Existing, Plan, ReportOnly, Step};
use crate::engine::{BoundExternal, Diff, ErrorKind, Observation, Ownership, UpstreamError, Verdict, Written};
use crate::upstream::Account;
use std::sync::Arc;
use std::time::Duration;

mod drift;

/// How soon to look again at an object that another one of the cluster has.
const YIELDED: Duration = Duration::from_secs(30);

/// How soon to look again at an object that was just written and cannot be read yet.
const READ_AFTER_WRITE: Duration = Duration::from_secs(2);

/// One plan being carried out.
pub struct Apply<'a, 'c, K: Managed> {
    this: &'a mut Reconciliation<'c, K>,
    subject: &'a dyn BoundExternal,
    account: &'a Arc<Account>,
    hash: String,
    /// The yes of the preflight, until the write itself has spoken: it may still say no.
    yes: Option<Verdict>,
}

impl<'a, 'c, K: Managed> Apply<'a, 'c, K> {
    /// Prepares to carry out a plan for this case.
    pub fn new(
        this: &'a mut Reconciliation<'c, K>,
        subject: &'a dyn BoundExternal,
        account: &'a Arc<Account>,
        hash: String,
    ) -> Self {
        Self { this, subject, account, hash, yes: None }
    }

    /// Carries it out. `Err` is for Kubernetes; what the upstream answers is the outcome.
    pub async fn run(mut self, plan: Plan) -> Result<Outcome> {
        match plan {
            Plan::Create => {
                let cause = self.gone().await;
                self.create(cause).await
            }
            Plan::Wait => Ok(self.wait()),
            Plan::Existing(hold) => self.hold(hold).await,
            Plan::Report { seen, why } => {
                let diff = seen.map(|seen| {
                    self.show(&seen);
                    seen.diff
                });
                self.noticed(diff.as_ref(), why).await;
                Ok(Outcome::reported(diff, why))
            }
            Plan::Duplicate { oldest, message } => {
                self.show(&oldest);
                if !self.this.only_observes() {
                    self.point_at(Some(&oldest.id), self.adopted());
                    self.this.report.common.operation = None;
                }
                Ok(Outcome::refused(Reason::Duplicate, message))
            }
            Plan::Yield { message } => {
                Ok(Outcome::yielded(message, YIELDED.min(self.this.shared().settings.slow_retry)))
            }
            Plan::Refuse { reason, message } => Ok(Outcome::refused(reason, message)),
        }
    }

    fn wait(&self) -> Outcome {
        let left = self.this.grace_left().unwrap_or(READ_AFTER_WRITE);
        Outcome::working(
            Reason::Creating,
            "The answer to the create call was lost: the operator looks whether it happened before it tries again.",
            Requeue::After(left + Duration::from_secs(1)),
        )
    }

    async fn create(&mut self, cause: &'static str) -> Result<Outcome> {
        if let Some(outcome) = self.preflight().await {
            return Ok(outcome);
        }
        // What takes the place of another needs none of its own.
        if !self.replaces()
            && let Err(error) = self.subject.check_quota().await
        {
            return Ok(failed(self.this, &error));
        }
        self.intend(OperationKind::Create, None).await?;
        match self.this.write((cause, None, None), self.subject.create()).await? {
            Ok(Written::Accepted { id, verdict }) => {
                self.put_right();
                self.record(&id, false, verdict).await?;
                self.this
                    .shared()
                    .events
                    .normal(&self.this.reference(), "Created", &format!("Created {id} upstream."))
                    .await;
                self.settle(&id).await
            }
            Ok(Written::Refused(verdict)) => {
                self.forget().await?;
                Ok(self.refused(verdict))
            }
            Err(error) => self.create_failed(&error).await,
        }
    }

    /// Only an unknown outcome keeps the operation in flight: everything else had no effect.
    async fn create_failed(&mut self, error: &UpstreamError) -> Result<Outcome> {
        if error.kind == ErrorKind::OutcomeUnknown {
            return Ok(failed(self.this, error));
        }
        self.forget().await?;
        let outcome = failed(self.this, error);
        if error.kind == ErrorKind::AlreadyExists {
            // Somebody was faster, perhaps an attempt of ours: look who it is.
            return Ok(Outcome { requeue: Requeue::Backoff, stalled: false, ..outcome });
        }
        Ok(outcome)
    }

    async fn hold(&mut self, hold: Existing) -> Result<Outcome> {
        let Existing { seen, take, claim, step } = hold;
        let _stake = match take {
            Some(Acquire::Adopt) => Some(self.secure(&seen).await?),
            Some(Acquire::Recover) | None => None,
        };
        let unclaimed = match take {
            Some(Acquire::Adopt) if claim => self.adopt(&seen).await?,
            _ if claim => self.claim(&seen).await?,
            _ => None,
        };
        if let Some(outcome) = unclaimed {
            return Ok(outcome);
        }
        if let Some(take) = take {
            self.take(&seen, take).await?;
        }
        self.show(&seen);
        self.this.report.common.operation = None;
        match step {
            Step::None if seen.diff.is_empty() => Ok(self.keep().await),
            // Taken over as it is, and never updated.
            Step::None => Ok(Outcome::reported(Some(seen.diff), ReportOnly::CreateOnly)),
            Step::Update { diff, drift } => self.update(&seen, &diff, drift).await,
            Step::Recreate { diff, drift } => self.recreate(&seen.id, &diff, drift).await,
            Step::NotApplied(diff) => Ok(Outcome::stuck(diff)),
            Step::DriftFight { diff, over } => {
                self.count_found();
                Ok(Outcome::fight(diff, &over))
            }
        }
    }

    /// Stamps are never overwritten: nobody else may have taken the object since it was looked at.
    /// `Stale` has it looked at again.
    async fn secure(&self, seen: &Observation) -> Result<ClaimGuard<'c>> {
        let this = &self.this;
        let stake = this.shared().claim_locks.try_lock(vec![conflicts::claim_on(&this.object, &seen.id)], &this.uid());
        let stake = stake.ok_or(Error::Stale)?;
        let Ok(Some(now)) = self.subject.observe(&seen.id).await else { return Err(Error::Stale) };
        let owner = this.ctx.judge(now.owner, &this.namespace()).await;
        if owner == seen.owner { Ok(stake) } else { Err(Error::Stale) }
    }

    /// The intent stays while nobody knows what became of the stamp, so that the stamp is not taken for
    /// that of a lost create.
    async fn adopt(&mut self, seen: &Observation) -> Result<Option<Outcome>> {
        let before = (self.this.report.common.upstream.clone(), self.this.report.seen_id.clone());
        self.intend(OperationKind::Adopt, Some(&seen.id)).await?;
        let Err(error) = self.owner_tag(seen).await? else { return Ok(None) };
        if error.kind != ErrorKind::OutcomeUnknown {
            (self.this.report.common.upstream, self.this.report.seen_id) = before;
            self.this.report.common.operation = None;
        }
        Ok(Some(failed(self.this, &error)))
    }

    async fn claim(&mut self, seen: &Observation) -> Result<Option<Outcome>> {
        Ok(self.owner_tag(seen).await?.err().map(|error| failed(self.this, &error)))
    }

    async fn owner_tag(&mut self, seen: &Observation) -> Result<crate::engine::Result<()>> {
        match self.this.write(("adoption", Some(&seen.id), None), self.subject.tag_owner(&seen.id)).await? {
            // Without tags the id in status is the only proof that there can be.
            Err(error) if error.kind == ErrorKind::Unsupported => Ok(Ok(())),
            answer => Ok(answer),
        }
    }

    async fn take(&mut self, seen: &Observation, take: Acquire) -> Result<()> {
        let adopted = take == Acquire::Adopt;
        let (reason, note) = match take {
            Acquire::Adopt => ("Adopted", format!("Took over the existing upstream object {}.", seen.id)),
            Acquire::Recover => ("Recovered", format!("Found {} upstream: a create whose answer was lost.", seen.id)),
        };
        self.point_at(Some(&seen.id), adopted);
        self.this.report.common.operation = None;
        self.this.save().await?;
        self.this.shared().events.normal(&self.this.reference(), reason, &note).await;
        Ok(())
    }

    async fn keep(&mut self) -> Outcome {
        // Whoever put it right.
        self.this.shared().observations.is_right(&self.this.uid());
        self.this.report.common.applied_hash = Some(self.hash.clone());
        // None yet; or a no to a spec that was taken back.
        if self.this.report.verdict.as_ref().is_none_or(|verdict| !verdict.success)
            && let Ok(Some(verdict)) = self.subject.check().await
        {
            self.this.report.verdict = Some(verdict);
        }
        Outcome::up_to_date()
    }

    async fn update(&mut self, seen: &Observation, diff: &Diff, drift: bool) -> Result<Outcome> {
        if let Some(outcome) = self.preflight().await {
            return Ok(outcome);
        }
        if drift {
            self.drift_found(diff).await;
        }
        let cause = if drift { "drift" } else { "spec" };
        match self.this.write((cause, Some(&seen.id), Some(diff)), self.subject.update(&seen.id, diff)).await? {
            Ok(Written::Accepted { id, verdict }) => {
                self.record(&id, self.adopted(), verdict).await?;
                let outcome = self.settle(&id).await?;
                self.updated(diff, drift).await;
                if outcome.diff.moved_since(&seen.diff) {
                    let message = "Somebody else wrote upstream at the same time: looking again.";
                    return Ok(Outcome::working(Reason::Updating, message, Requeue::Backoff));
                }
                Ok(outcome)
            }
            Ok(Written::Refused(verdict)) => Ok(self.refused(verdict)),
            Err(error) => Ok(failed(self.this, &error)),
        }
    }

    /// The intent stays until the new object's id is recorded, so that a crash in between ends
    /// in a create and not in a report of drift.
    async fn recreate(&mut self, id: &str, diff: &Diff, drift: bool) -> Result<Outcome> {
        if let Some(outcome) = self.preflight().await {
            return Ok(outcome);
        }
        if drift {
            self.drift_found(diff).await;
        }
        self.intend(OperationKind::Recreate, Some(id)).await?;
        let deleter = self.subject.deleter();
        if let Err(error) = self.this.write(("recreate", Some(id), Some(diff)), deleter.delete(id)).await? {
            return Ok(failed(self.this, &error));
        }
        self.corrected(diff, drift);
        let note = format!("Deleted {id} upstream to create it again: {} cannot be changed in place.", diff.summary());
        self.this.shared().events.normal(&self.this.reference(), "Recreating", &note).await;
        self.create("recreate").await
    }

    /// Asks for the verdict before anything is written; `Some` when the upstream says no.
    async fn preflight(&mut self) -> Option<Outcome> {
        match self.subject.check().await {
            Ok(Some(verdict)) if !verdict.success => Some(self.refused(verdict)),
            Ok(yes) => {
                self.yes = yes;
                None
            }
            Err(error) => Some(failed(self.this, &error)),
        }
    }

    fn replaces(&self) -> bool {
        self.this.report.common.operation.as_ref().is_some_and(|o| o.kind == OperationKind::Recreate)
    }

    fn refused(&mut self, verdict: Verdict) -> Outcome {
        let outcome = Outcome::invalid(&verdict);
        self.this.report.verdict = Some(verdict);
        outcome
    }

    async fn intend(&mut self, kind: OperationKind, id: Option<&str>) -> Result<()> {
        if !self.this.shared().settings.safeguards.intent {
            return Ok(());
        }
        let now = self.this.shared().clock.now().to_string();
        let adopted = id.is_some() && self.adopted();
        self.point_at(id, adopted);
        self.this.report.seen_id = id.map(str::to_owned);
        self.this.report.common.operation = Some(Operation {
            id: format!(
                "{}-{}",
                self.this.object.meta().generation.unwrap_or_default(),
                self.this.object.resource_version().unwrap_or_default()
            ),
            kind,
            started_at: now,
            request_hash: self.hash.clone(),
        });
        self.this.save().await
    }

    async fn forget(&mut self) -> Result<()> {
        self.this.report.common.operation = None;
        self.this.report.common.upstream = None;
        self.this.report.seen_id = None;
        self.this.save().await
    }

    async fn record(&mut self, id: &str, adopted: bool, verdict: Option<Verdict>) -> Result<()> {
        self.point_at(Some(id), adopted);
        let verdict = verdict.or(self.yes.take());
        let report = &mut self.this.report;
        report.common.applied_hash = Some(self.hash.clone());
        report.verdict = verdict.or(report.verdict.take());
        self.this.save().await
    }

    fn point_at(&mut self, id: Option<&str>, adopted: bool) {
        self.this.report.common.upstream = Some(UpstreamRef {
            system: self.subject.system().to_owned(),
            connection: self.this.object.common().connection_ref.clone(),
            endpoint: self.account.endpoint().to_owned(),
            id: id.map(str::to_owned),
            key: self.subject.key(),
            adopted,
        });
    }

    fn adopted(&self) -> bool {
        self.this.report.common.upstream.as_ref().is_some_and(|u| u.adopted)
    }

    fn show(&mut self, seen: &Observation) {
        self.this.report.details = seen.details.clone();
        self.this.report.seen_id = Some(seen.id.clone());
    }

    /// A success does not prove that every value was taken: read it back and compare.
    async fn settle(&mut self, id: &str) -> Result<Outcome> {
        let seen = match self.subject.observe(id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                let message = "Written upstream; the upstream does not show it yet.";
                return Ok(Outcome::working(Reason::Updating, message, Requeue::After(READ_AFTER_WRITE)));
            }
            Err(error) => return Ok(failed(self.this, &error)),
        };
        self.show(&seen);
        // An upstream that drops the stamp at creation may take it afterwards.
        if seen.owner == Ownership::Unmarked
            && let Some(outcome) = self.claim(&seen).await?
        {
            return Ok(outcome);
        }
        self.this.report.common.operation = None;
        Ok(if seen.diff.is_empty() { Outcome::up_to_date() } else { Outcome::stuck(seen.diff) })
    }
}
