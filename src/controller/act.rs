//! Carries out a plan.
//!
//! The create protocol, in the order that makes a second copy impossible: preflight, look-up
//! (done before the plan), intent under resourceVersion, fence, the create call with the stamp
//! in it, the id to status before anything else, observe and compare. The intent stays in status
//! until the new object was seen with our stamp on it: after a lost answer the next reconcile looks
//! the object up and never repeats the call blindly.

use super::case::Case;
use super::claims::{self, Stake};
use super::failure::failed;
use super::managed::Managed;
use super::{Error, Result};
use crate::api::Reason;
use crate::api::status::{Operation, OperationKind, UpstreamRef};
use crate::engine::outcome::{Next, Outcome};
use crate::engine::plan::{Hold, Plan, Restraint, Step, Take};
use crate::engine::{Diff, ErrorKind, Ownership, Sighting, Subject, UpstreamError, Verdict, Written};
use crate::upstream::Account;
use std::sync::Arc;
use std::time::Duration;

mod drift;

/// How soon to look again at an object that another one of the cluster has.
const YIELDED: Duration = Duration::from_secs(30);

/// How soon to look again at an object that was just written and cannot be read yet.
const READ_AFTER_WRITE: Duration = Duration::from_secs(2);

/// One plan being carried out.
pub struct Act<'a, 'c, K: Managed> {
    case: &'a mut Case<'c, K>,
    subject: &'a dyn Subject,
    account: &'a Arc<Account>,
    hash: String,
    /// The yes of the preflight, until the write itself has spoken: it may still say no.
    yes: Option<Verdict>,
}

impl<'a, 'c, K: Managed> Act<'a, 'c, K> {
    /// Prepares to carry out a plan for this case.
    pub fn new(case: &'a mut Case<'c, K>, subject: &'a dyn Subject, account: &'a Arc<Account>, hash: String) -> Self {
        Self { case, subject, account, hash, yes: None }
    }

    /// Carries it out. `Err` is for Kubernetes; what the upstream answers is the outcome.
    pub async fn carry_out(mut self, plan: Plan) -> Result<Outcome> {
        match plan {
            Plan::Create => {
                let cause = self.gone().await;
                self.create(cause).await
            }
            Plan::Wait => Ok(self.wait()),
            Plan::Hold(hold) => self.hold(hold).await,
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
                if !self.case.only_observes() {
                    self.point_at(Some(&oldest.id), self.adopted());
                    self.case.report.common.operation = None;
                }
                Ok(Outcome::refused(Reason::Duplicate, message))
            }
            Plan::Yield { message } => {
                Ok(Outcome::yielded(message, YIELDED.min(self.case.shared().settings.slow_retry)))
            }
            Plan::Refuse { reason, message } => Ok(Outcome::refused(reason, message)),
        }
    }

    fn wait(&self) -> Outcome {
        let left = self.case.grace_left().unwrap_or(READ_AFTER_WRITE);
        Outcome::working(
            Reason::Creating,
            "The answer to the create call was lost: the operator looks whether it happened before it tries again.",
            Next::After(left + Duration::from_secs(1)),
        )
    }

    async fn create(&mut self, cause: &'static str) -> Result<Outcome> {
        if let Some(outcome) = self.preflight().await {
            return Ok(outcome);
        }
        // What takes the place of another needs none of its own.
        if !self.replaces()
            && let Err(error) = self.subject.room().await
        {
            return Ok(failed(self.case, &error));
        }
        self.intend(OperationKind::Create, None).await?;
        match self.case.write((cause, None, None), self.subject.create()).await? {
            Ok(Written::Accepted { id, verdict }) => {
                self.put_right();
                self.record(&id, false, verdict).await?;
                self.case
                    .shared()
                    .events
                    .normal(&self.case.reference(), "Created", &format!("Created {id} upstream."))
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
            return Ok(failed(self.case, error));
        }
        self.forget().await?;
        let outcome = failed(self.case, error);
        if error.kind == ErrorKind::AlreadyExists {
            // Somebody was faster, perhaps an attempt of ours: look who it is.
            return Ok(Outcome { next: Next::Backoff, stalled: false, ..outcome });
        }
        Ok(outcome)
    }

    async fn hold(&mut self, hold: Hold) -> Result<Outcome> {
        let Hold { seen, take, claim, step } = hold;
        let _stake = match take {
            Some(Take::Adopted) => Some(self.secure(&seen).await?),
            Some(Take::Recovered) | None => None,
        };
        let unclaimed = match take {
            Some(Take::Adopted) if claim => self.adopt(&seen).await?,
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
        self.case.report.common.operation = None;
        match step {
            Step::Keep if seen.diff.is_empty() => Ok(self.keep().await),
            // Taken over as it is, and never updated.
            Step::Keep => Ok(Outcome::reported(Some(seen.diff), Restraint::CreateOnly)),
            Step::Update { diff, drift } => self.update(&seen, &diff, drift).await,
            Step::Recreate { diff, drift } => self.recreate(&seen.id, &diff, drift).await,
            Step::Stuck(diff) => Ok(Outcome::stuck(diff)),
            Step::Fight { diff, over } => {
                self.count_found();
                Ok(Outcome::fight(diff, &over))
            }
        }
    }

    /// Stamps are never overwritten: nobody else may have taken the object since it was looked at.
    /// `Stale` has it looked at again.
    async fn secure(&self, seen: &Sighting) -> Result<Stake<'c>> {
        let case = &self.case;
        let stake = case.shared().stakes.hold(vec![claims::claim_on(&case.object, &seen.id)], &case.uid());
        let stake = stake.ok_or(Error::Stale)?;
        let Ok(Some(now)) = self.subject.observe(&seen.id).await else { return Err(Error::Stale) };
        let owner = case.ctx.judge(now.owner, &case.namespace()).await;
        if owner == seen.owner { Ok(stake) } else { Err(Error::Stale) }
    }

    /// The intent stays while nobody knows what became of the stamp, so that the stamp is not taken for
    /// that of a lost create.
    async fn adopt(&mut self, seen: &Sighting) -> Result<Option<Outcome>> {
        let before = (self.case.report.common.upstream.clone(), self.case.report.seen_id.clone());
        self.intend(OperationKind::Adopt, Some(&seen.id)).await?;
        let Err(error) = self.stamp(seen).await? else { return Ok(None) };
        if error.kind != ErrorKind::OutcomeUnknown {
            (self.case.report.common.upstream, self.case.report.seen_id) = before;
            self.case.report.common.operation = None;
        }
        Ok(Some(failed(self.case, &error)))
    }

    async fn claim(&mut self, seen: &Sighting) -> Result<Option<Outcome>> {
        Ok(self.stamp(seen).await?.err().map(|error| failed(self.case, &error)))
    }

    async fn stamp(&mut self, seen: &Sighting) -> Result<crate::engine::Result<()>> {
        match self.case.write(("adoption", Some(&seen.id), None), self.subject.claim(&seen.id)).await? {
            // Without tags the id in status is the only proof that there can be.
            Err(error) if error.kind == ErrorKind::Unsupported => Ok(Ok(())),
            answer => Ok(answer),
        }
    }

    async fn take(&mut self, seen: &Sighting, take: Take) -> Result<()> {
        let adopted = take == Take::Adopted;
        let (reason, note) = match take {
            Take::Adopted => ("Adopted", format!("Took over the existing upstream object {}.", seen.id)),
            Take::Recovered => ("Recovered", format!("Found {} upstream: a create whose answer was lost.", seen.id)),
        };
        self.point_at(Some(&seen.id), adopted);
        self.case.report.common.operation = None;
        self.case.save().await?;
        self.case.shared().events.normal(&self.case.reference(), reason, &note).await;
        Ok(())
    }

    async fn keep(&mut self) -> Outcome {
        // Whoever put it right.
        self.case.shared().looks.is_right(&self.case.uid());
        self.case.report.common.applied_hash = Some(self.hash.clone());
        // None yet; or a no to a spec that was taken back.
        if self.case.report.verdict.as_ref().is_none_or(|verdict| !verdict.success)
            && let Ok(Some(verdict)) = self.subject.check().await
        {
            self.case.report.verdict = Some(verdict);
        }
        Outcome::up_to_date()
    }

    async fn update(&mut self, seen: &Sighting, diff: &Diff, drift: bool) -> Result<Outcome> {
        if let Some(outcome) = self.preflight().await {
            return Ok(outcome);
        }
        if drift {
            self.drift_found(diff).await;
        }
        let cause = if drift { "drift" } else { "spec" };
        match self.case.write((cause, Some(&seen.id), Some(diff)), self.subject.update(&seen.id, diff)).await? {
            Ok(Written::Accepted { id, verdict }) => {
                self.record(&id, self.adopted(), verdict).await?;
                let outcome = self.settle(&id).await?;
                self.updated(diff, drift).await;
                if outcome.diff.moved_since(&seen.diff) {
                    let message = "Somebody else wrote upstream at the same time: looking again.";
                    return Ok(Outcome::working(Reason::Updating, message, Next::Backoff));
                }
                Ok(outcome)
            }
            Ok(Written::Refused(verdict)) => Ok(self.refused(verdict)),
            Err(error) => Ok(failed(self.case, &error)),
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
        let remnant = self.subject.remnant();
        if let Err(error) = self.case.write(("recreate", Some(id), Some(diff)), remnant.delete(id)).await? {
            return Ok(failed(self.case, &error));
        }
        self.corrected(diff, drift);
        let note = format!("Deleted {id} upstream to create it again: {} cannot be changed in place.", diff.summary());
        self.case.shared().events.normal(&self.case.reference(), "Recreating", &note).await;
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
            Err(error) => Some(failed(self.case, &error)),
        }
    }

    fn replaces(&self) -> bool {
        self.case.report.common.operation.as_ref().is_some_and(|o| o.kind == OperationKind::Recreate)
    }

    fn refused(&mut self, verdict: Verdict) -> Outcome {
        let outcome = Outcome::invalid(&verdict);
        self.case.report.verdict = Some(verdict);
        outcome
    }

    async fn intend(&mut self, kind: OperationKind, id: Option<&str>) -> Result<()> {
        if !self.case.shared().settings.safeguards.intent {
            return Ok(());
        }
        let now = self.case.shared().clock.now().to_string();
        let adopted = id.is_some() && self.adopted();
        self.point_at(id, adopted);
        self.case.report.seen_id = id.map(str::to_owned);
        self.case.report.common.operation = Some(Operation {
            id: format!(
                "{}-{}",
                self.case.object.meta().generation.unwrap_or_default(),
                self.case.object.resource_version().unwrap_or_default()
            ),
            kind,
            started_at: now,
            request_hash: self.hash.clone(),
        });
        self.case.save().await
    }

    async fn forget(&mut self) -> Result<()> {
        self.case.report.common.operation = None;
        self.case.report.common.upstream = None;
        self.case.report.seen_id = None;
        self.case.save().await
    }

    async fn record(&mut self, id: &str, adopted: bool, verdict: Option<Verdict>) -> Result<()> {
        self.point_at(Some(id), adopted);
        let verdict = verdict.or(self.yes.take());
        let report = &mut self.case.report;
        report.common.applied_hash = Some(self.hash.clone());
        report.verdict = verdict.or(report.verdict.take());
        self.case.save().await
    }

    fn point_at(&mut self, id: Option<&str>, adopted: bool) {
        self.case.report.common.upstream = Some(UpstreamRef {
            system: self.subject.system().to_owned(),
            connection: self.case.object.common().connection_ref.clone(),
            endpoint: self.account.endpoint().to_owned(),
            id: id.map(str::to_owned),
            key: self.subject.key(),
            adopted,
        });
    }

    fn adopted(&self) -> bool {
        self.case.report.common.upstream.as_ref().is_some_and(|u| u.adopted)
    }

    fn show(&mut self, seen: &Sighting) {
        self.case.report.facts = seen.facts.clone();
        self.case.report.seen_id = Some(seen.id.clone());
    }

    /// A success does not prove that every value was taken: read it back and compare.
    async fn settle(&mut self, id: &str) -> Result<Outcome> {
        let seen = match self.subject.observe(id).await {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                let message = "Written upstream; the upstream does not show it yet.";
                return Ok(Outcome::working(Reason::Updating, message, Next::After(READ_AFTER_WRITE)));
            }
            Err(error) => return Ok(failed(self.case, &error)),
        };
        self.show(&seen);
        // An upstream that drops the stamp at creation may take it afterwards.
        if seen.owner == Ownership::Unmarked
            && let Some(outcome) = self.claim(&seen).await?
        {
            return Ok(outcome);
        }
        self.case.report.common.operation = None;
        Ok(if seen.diff.is_empty() { Outcome::up_to_date() } else { Outcome::stuck(seen.diff) })
    }
}
