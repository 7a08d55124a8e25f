//! Adopts an existing upstream object, and records one that a lost create left.

use super::Apply;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::audit_log::Write;
use crate::controller::policy::failure::failed;
use crate::controller::policy::stop::Stop;
use crate::controller::policy::{conflicts, ownership};
use crate::controller::state::claims::{Claim, ClaimGuard};
use crate::controller::{Error, Result};
use crate::engine::access::guardrails::Grants;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{Existing, TagOwner};
use crate::engine::{Cause, ErrorKind, Observation, Ownership};

impl<'c, K: Managed> Apply<'_, 'c, K> {
    /// Adopts an object under the adoption policy: locks it, writes the owner tag, records it, and then does
    /// what the plan says about its content.
    pub(super) async fn adopt(&mut self, existing: Existing, _claims: &ClaimGuard<'_>) -> Result<Outcome, Stop> {
        self.this.permit(self.external).await?;
        if existing.step.cause().is_some() {
            self.approve(Some(&existing.observed.id), true).await?;
        }
        let _lock = self.lock_unchanged(&existing.observed).await?;
        self.this.keep_place(self.place()).await?;
        let (tag, id) = (existing.tag, existing.observed.id.clone());
        if let Some(refused) = self.this.shared().records.refused_adoption(&self.this.uid()) {
            self.wait_for_adoption(&refused, &id)?;
            self.settle_searched().await?;
        }
        if tag == TagOwner::Needed {
            self.tag_adopted(&existing.observed).await?;
        }
        let note = format!("Adopted the existing upstream object {}.", existing.observed.id);
        self.record_acquired(&existing.observed, true, "Adopted", &note).await?;
        match self.step(existing).await? {
            outcome if tag == TagOwner::Needed && outcome.reason == Reason::UpToDate => self.read_back(&id).await,
            outcome => Ok(outcome),
        }
    }

    /// Records an object that is ours and that status does not name: its create lost its response, or another writer
    /// changed status.
    pub(super) async fn record_recovered(&mut self, observed: &Observation) -> Result<()> {
        if !self.this.is_in_flight(OperationKind::Create) {
            let note = format!("Found {} upstream by its owner tag: status did not record it.", observed.id);
            return self.record_acquired(observed, false, "Recovered", &note).await;
        }
        let may_be_repeated = self.may_be_repeated();
        self.note_write_time();
        if may_be_repeated {
            self.this.status.common.repeated_create_time.clone_from(&self.this.status.common.last_write_time);
        }
        let note = format!("Found {} upstream, created by a request whose response was lost.", observed.id);
        self.record_acquired(observed, false, "Recovered", &note).await?;
        // Only now it is certain that the cache did not merely lag.
        if may_be_repeated {
            self.this.shared().records.create_repeated(&self.this.uid());
        }
        Ok(())
    }

    /// Returns whether an earlier process may have repeated the create in flight. Where names are unique there is no copy.
    fn may_be_repeated(&self) -> bool {
        let (records, uid) = (&self.this.shared().records, self.this.uid());
        !self.this.has_unique_name() && !records.is_first_process(&uid) && records.sent_create(&uid).is_none()
    }

    /// Writes the owner tag on an object that is ours, unless another object has adopted it meanwhile.
    pub(super) async fn tag_owner(&mut self, observed: &Observation) -> Result<(), Stop> {
        let _lock = self.lock(&observed.id)?;
        if ownership::of_read(self.this, &self.claim_on(&observed.id), observed.owner.clone()).await != observed.owner {
            return Err(Error::Stale.into());
        }
        self.write_tag(observed).await?.map_err(|error| failed(self.this, &error))
    }

    /// Locks an object by its id and reads its owner again: the operator never overwrites an owner tag, so
    /// no other writer may have tagged the object since it was observed. A change is retried. An object that grants
    /// more than the guardrails permit is not adopted, also if it were narrowed next.
    async fn lock_unchanged(&self, observed: &Observation) -> Result<ClaimGuard<'c>, Stop> {
        let lock = self.lock(&observed.id)?;
        let judge = |grants: &Grants<'_>| self.this.judge_grants(grants);
        let read = self.external.observe_judged(&observed.id, &judge).await;
        let Ok(Some((now, judgement))) = read else { return Err(Error::Stale.into()) };
        if let Some(breach) = judgement.breach() {
            return Err(self.this.adoption_denied(&observed.id, breach).into());
        }
        let owner = ownership::of_read(self.this, &self.claim_on(&observed.id), now.owner).await;
        if owner == observed.owner { Ok(lock) } else { Err(Error::Stale.into()) }
    }

    /// Locks an object that was found, whichever connection leads to it.
    fn lock(&self, id: &str) -> Result<ClaimGuard<'c>> {
        let this = &self.this;
        this.shared().claim_locks.try_lock(vec![self.claim_on(id)], &this.uid()).ok_or(Error::Stale)
    }

    fn claim_on(&self, id: &str) -> Claim {
        conflicts::claim_on(self.account, self.external.system(), id)
    }

    /// Writes the owner tag under an intent, which stays while the effect of the write is unknown: the tag is
    /// not mistaken for that of a lost create. A refused write may have taken effect all the same: the operator reads at once,
    /// and searches once more after the grace.
    async fn tag_adopted(&mut self, observed: &Observation) -> Result<(), Stop> {
        let before = (self.this.status.common.upstream.clone(), self.this.status.observed_id.clone());
        self.record_intent(OperationKind::Adopt, Some(&observed.id)).await?;
        let Err(error) = self.write_tag(observed).await? else { return Ok(()) };
        if error.kind == ErrorKind::OutcomeUnknown {
            return Err(failed(self.this, &error));
        }
        if !error.unsent {
            let now = self.external.observe(&observed.id).await;
            if now.is_ok_and(|now| now.is_some_and(|now| now.owner == Ownership::Ours)) {
                return Ok(());
            }
            self.note_refused_adoption(&observed.id);
        }
        (self.this.status.common.upstream, self.this.status.observed_id) = before;
        self.this.status.common.operation = None;
        Err(match failed(self.this, &error) {
            Stop::Report(outcome) => self.rest(outcome).into(),
            stop => stop,
        })
    }

    fn note_refused_adoption(&self, id: &str) {
        if self.this.shared().settings.safeguards.hidden_refusals {
            self.this.shared().records.adoption_refused(&self.this.uid(), id, self.place());
        }
    }

    async fn write_tag(&self, observed: &Observation) -> Result<crate::engine::Result<()>> {
        let write = Write::tag(Cause::Adoption, &observed.id);
        match self.this.write(write, self.external.tag_owner(&observed.id)).await? {
            // Without tags, the id in status is the only proof of ownership.
            Err(error) if error.kind == ErrorKind::Unsupported => Ok(Ok(())),
            result => {
                if result.is_ok() {
                    self.this.shared().written_tags.record(self.claim_on(&observed.id), &self.this.uid());
                }
                Ok(result)
            }
        }
    }

    async fn record_acquired(&mut self, observed: &Observation, adopted: bool, reason: &str, note: &str) -> Result<()> {
        self.point_at(Some(&observed.id), adopted);
        self.remember_acquired();
        self.this.status.common.operation = None;
        self.this.save().await?;
        self.this.normal_event(reason, note);
        Ok(())
    }
}
