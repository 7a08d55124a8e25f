//! Carries out a plan.
//!
//! The create protocol makes a second copy impossible. Its order: look the object up (before the plan), validate
//! upstream, add the finalizer, record the intent in status under `resourceVersion`, check leadership, create with
//! the owner tag in the same call, record the id before anything else, read back and compare. A response that shows
//! the whole object is the read-back. The intent stays in status until the operator has seen the new object with its
//! owner tag. After a lost response the next reconcile looks the object up and never repeats the create blindly.
//!
//! | file | part |
//! | --- | --- |
//! | `create` | create, and delete and create again |
//! | `adopt` | write the owner tag, and record that an object is ours |
//! | `update` | send an update |
//! | `drift` | counters and events of drift |
//! | `fight` | goes on correcting access that another writer keeps widening |
//! | `wait` | wait for a create that may still take effect |
//! | `read_back` | read a written object, and look again while the upstream does not show the write |

mod adopt;
mod create;
mod drift;
mod fight;
mod read_back;
mod update;
mod wait;

use super::failure::failed;
use super::moved;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::shared::ManagementPolicy;
use crate::api::status::{Operation, OperationKind, UpstreamRef};
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::ClaimGuard;
use crate::controller::{Error, Result};
use crate::engine::location::Location;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::plan::{Acquire, Existing, Plan, Refusal, ReportOnly, Step, TagOwner};
use crate::engine::{BoundExternal, Cause, Observation, Verdict};
use crate::upstream::{Account, registry};
use std::sync::Arc;
use std::time::Duration;

/// The delay before the operator reconciles an object again that yields to another object of this cluster.
const YIELD_RETRY: Duration = Duration::from_secs(30);

/// Carries out one plan. Every step ends in an outcome, or in a [`Stop`].
pub struct Apply<'a, 'c, K: Managed> {
    this: &'a mut Reconciliation<'c, K>,
    external: &'a dyn BoundExternal,
    account: &'a Arc<Account>,
    hash: String,
    /// The verdict of the validation. The write may still refuse the spec.
    verdict: Option<Verdict>,
}

impl<'a, 'c, K: Managed> Apply<'a, 'c, K> {
    /// Prepares to carry out a plan.
    pub fn new(
        this: &'a mut Reconciliation<'c, K>,
        external: &'a dyn BoundExternal,
        account: &'a Arc<Account>,
        hash: String,
    ) -> Self {
        Self { this, external, account, hash, verdict: None }
    }

    /// Carries out the plan. `claims` are locked unless another reconcile holds them: a plan that acquires an
    /// upstream object needs them, and is retried otherwise.
    pub async fn run(mut self, plan: Plan, claims: Option<ClaimGuard<'c>>) -> Result<Outcome, Stop> {
        match plan {
            Plan::Create => self.create_new(&claims.ok_or(Error::Stale)?).await,
            Plan::Wait => self.wait(),
            Plan::Recheck(observed) => self.recheck(&observed),
            Plan::Existing(existing) if existing.acquire == Some(Acquire::Adopt) => {
                self.adopt(existing, &claims.ok_or(Error::Stale)?).await
            }
            Plan::Existing(existing) => self.keep_ours(existing).await,
            Plan::Report { observed, why } => Ok(self.report_only(observed, why)),
            Plan::Duplicate { oldest, ids } => Ok(self.report_duplicate(&oldest, &ids).await?),
            Plan::Yield(rival) => {
                Ok(Outcome::yielded(rival.message(), YIELD_RETRY.min(self.this.shared().settings.slow_retry)))
            }
            Plan::Refuse(refusal) => {
                if matches!(refusal, Refusal::RecordedElsewhere(_)) {
                    // When the connection leads back, the search after a refused create is not the end.
                    self.this.shared().records.rest(&self.this.uid(), false);
                }
                Ok(Outcome::refused(refusal.reason(), refusal.message()))
            }
        }
    }

    fn report_only(&mut self, observed: Option<Observation>, why: ReportOnly) -> Outcome {
        if observed.is_none() {
            self.this.forget_unrecorded();
        }
        let diff = observed.map(|observed| {
            self.show(&observed);
            observed.diff
        });
        self.notice(diff.as_ref(), why);
        if why == ReportOnly::Ineffective {
            self.this.status.common.operation = None;
            self.this.status.common.applied_hash = Some(self.hash.clone());
        }
        Outcome::reported(diff, why)
    }

    async fn report_duplicate(&mut self, oldest: &Observation, ids: &[String]) -> Result<Outcome> {
        self.show(oldest);
        if !self.this.object.only_observes() {
            self.this.keep_place(self.place()).await?;
            self.point_at(Some(&oldest.id), self.adopted());
            self.this.status.common.operation = None;
        }
        Ok(Outcome::duplicate(ids))
    }

    /// Writes what differs in an object that is ours, or was created in a call whose response was lost.
    async fn keep_ours(&mut self, existing: Existing) -> Result<Outcome, Stop> {
        self.this.keep_place(self.place()).await?;
        if existing.tag == TagOwner::Needed {
            self.tag_owner(&existing.observed).await?;
        }
        if existing.acquire == Some(Acquire::Recover) {
            self.record_recovered(&existing.observed).await?;
        }
        self.step(existing).await
    }

    /// Does what the plan says about the content of an object that is ours.
    async fn step(&mut self, existing: Existing) -> Result<Outcome, Stop> {
        let Existing { observed, acquire: _, tag: _, step } = existing;
        self.show(&observed);
        self.this.status.common.operation = None;
        if let (Some(denied), Some(cause)) = (self.this.denied(), step.cause()) {
            return Ok(self.keep_denied(&observed, denied, cause));
        }
        match step {
            Step::None if observed.diff.is_empty() => match self.pause_of_fight() {
                // The fight goes on until another writer has left the access alone for a while.
                Some(pause) => Err(Stop::Silently(Requeue::After(pause))),
                None => Ok(self.up_to_date().await),
            },
            Step::None if !observed.diff.is_writable() => Ok(self.report_only(Some(observed), ReportOnly::Ineffective)),
            // Adopted or found as it is, and not updated.
            Step::None if self.this.rules().management == ManagementPolicy::CreateOnly => {
                Ok(Outcome::reported(Some(observed.diff), ReportOnly::CreateOnly))
            }
            Step::None => Ok(self.report_only(Some(observed), ReportOnly::DriftReport)),
            Step::Update { diff, cause } => self.update(&observed, &diff, cause).await,
            Step::Recreate { diff, cause } => self.recreate(&observed.id, &diff, cause).await,
            Step::NotApplied(diff) => Ok(self.not_applied(diff)),
            Step::DriftFight { diff, over } => {
                self.count_drift(diff.access);
                Ok(Outcome::drift_fight(diff, &over))
            }
        }
    }

    /// Leaves an object beyond the guardrails of its connection as it is.
    fn keep_denied(&self, observed: &Observation, denied: Outcome, cause: Cause) -> Outcome {
        if cause == Cause::Drift {
            self.count_drift(observed.diff.access);
        }
        Outcome::guardrail_kept(denied.message, observed.diff.clone(), cause == Cause::Drift)
    }

    async fn up_to_date(&mut self) -> Outcome {
        self.this.shared().settling.settled(&self.this.uid());
        // Another writer may have corrected the drift.
        self.this.shared().observations.mark_corrected(&self.this.uid());
        // There is no verdict yet, or only a rejection of an older spec.
        if self.this.status.verdict.as_ref().is_none_or(|verdict| !verdict.success)
            && let Ok(Some(verdict)) = self.external.check().await
        {
            self.this.status.verdict = Some(verdict);
        }
        self.confirmed()
    }

    /// Asks the upstream to validate the spec before anything is written.
    async fn check(&mut self) -> Result<(), Stop> {
        match self.external.check().await {
            Ok(Some(verdict)) if !verdict.success => Err(self.invalid(verdict).into()),
            Ok(verdict) => {
                self.verdict = verdict;
                Ok(())
            }
            Err(error) => Err(failed(self.this, &error)),
        }
    }

    fn invalid(&mut self, verdict: Verdict) -> Outcome {
        let outcome = Outcome::invalid(&verdict, &self.external.wanted());
        self.this.status.verdict = Some(verdict);
        outcome
    }

    /// Reports a write that the upstream refused with a verdict.
    fn refused_write(&mut self, verdict: Verdict) -> Outcome {
        let outcome = Outcome::refused_write(&verdict, &self.external.wanted());
        self.this.status.verdict = Some(verdict);
        outcome
    }

    /// Records in status what the operator is about to write, before it writes.
    async fn record_intent(&mut self, kind: OperationKind, id: Option<&str>) -> Result<()> {
        self.this.keep_place(self.place()).await?;
        if !self.this.shared().settings.safeguards.intent {
            return Ok(());
        }
        let now = self.this.shared().clock.now().to_string();
        let adopted = id.is_some() && self.adopted();
        self.declare(kind, id);
        self.point_at(id, adopted);
        self.this.status.observed_id = id.map(str::to_owned);
        let generation = self.this.object.meta().generation.unwrap_or_default();
        let version = self.this.object.resource_version().unwrap_or_default();
        self.this.status.common.operation = Some(Operation {
            id: format!("{generation}-{version}"),
            kind,
            started_at: now,
            request_hash: self.hash.clone(),
        });
        self.this.save().await
    }

    /// Notes what the operator wrote. The next write of status records it.
    fn note_written(&mut self, id: &str, adopted: bool, verdict: Option<Verdict>) {
        self.point_at(Some(id), adopted);
        let verdict = verdict.or(self.verdict.take());
        let report = &mut self.this.status;
        report.verdict = verdict.or(report.verdict.take());
    }

    /// Remembers the object that the record names until status in the API server does: the write may fail, and lists may
    /// show a new object late.
    fn remember_acquired(&self) {
        self.this.shared().records.acquired(&self.this.uid(), self.this.status.common.upstream.clone());
    }

    /// Notes that reads may not show a write yet, for a later process.
    fn note_write_time(&mut self) {
        let now = self.this.shared().clock.now().to_string();
        self.this.status.common.repeated_create_time = self.this.may_have_copy().then(|| now.clone());
        self.this.status.common.last_write_time = Some(now);
    }

    /// Records the names that the object declares. A new object holds no others; one that is adopted holds none of
    /// ours yet.
    fn declare(&mut self, kind: OperationKind, id: Option<&str>) {
        match kind {
            OperationKind::Create | OperationKind::Recreate => {
                self.this.status.once_declared.extend(self.external.lasting_names());
            }
            OperationKind::Adopt if self.this.recorded_id().as_deref() != id => {
                self.this.status.once_declared.clear();
            }
            OperationKind::Adopt => {}
        }
    }

    fn point_at(&mut self, id: Option<&str>, adopted: bool) {
        self.this.status.common.upstream = Some(UpstreamRef { id: id.map(str::to_owned), adopted, ..self.place() });
    }

    /// Returns the place to which the spec leads.
    fn place(&self) -> UpstreamRef {
        let Location { endpoint, account, repository } = registry::location(self.account, self.external.system());
        UpstreamRef {
            system: self.external.system().to_owned(),
            connection: self.this.object.common().connection_ref.clone(),
            endpoint,
            account,
            repository,
            id: None,
            key: self.external.key(),
            adopted: false,
        }
    }

    fn adopted(&self) -> bool {
        self.this.status.common.upstream.as_ref().is_some_and(|upstream| upstream.adopted)
    }

    fn show(&mut self, observed: &Observation) {
        self.this.status.details = observed.details.clone();
        // Another object has other holders.
        if self.this.status.observed_id.as_ref().is_some_and(|id| *id != observed.id) {
            self.this.status.attached_to = None;
        }
        self.this.status.observed_id = Some(observed.id.clone());
        let is_ours = observed.owner.may_be_ours();
        if is_ours && self.this.recorded_id().as_ref() == Some(&observed.id) {
            moved::record(self.this, self.account);
        }
    }
}
