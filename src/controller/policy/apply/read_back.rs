//! Confirms a write: an accepted write does not prove that every value was applied, and an upstream may show it late.
//!
//! A response that shows the whole object as the upstream stored it, with our owner tag and without a difference,
//! confirms a create or an edit of the spec: the object is up to date by the upstream's own word, and the next
//! comparison with the shared list confirms it. Any other response is followed by a read. So is every correction of
//! drift, and every repeated write: another writer may be at work.

use super::Apply;
use crate::api::Reason;
use crate::controller::Error;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::plan::ReportOnly;
use crate::engine::{Diff, Observation, Ownership, Remedy};
use std::time::Duration;

impl<K: Managed> Apply<'_, '_, K> {
    /// Returns the outcome of a write whose response shows the object as it should be; `None` if only a read tells.
    pub(super) fn believe(&mut self, shown: Option<&Observation>) -> Option<Outcome> {
        let shown = shown.filter(|shown| shown.owner == Ownership::Ours && shown.diff.is_empty())?;
        self.show(shown);
        self.this.status.common.operation = None;
        Some(self.confirmed())
    }

    /// Records that the upstream holds the object as the spec says.
    pub(super) fn confirmed(&mut self) -> Outcome {
        self.this.status.once_declared = self.external.lasting_names();
        self.this.status.common.applied_hash = Some(self.hash.clone());
        self.note_in_force(self.this.status.observed_id.clone());
        Outcome::up_to_date()
    }

    /// Reads an object that was created.
    pub(super) async fn read_back_created(&mut self, id: &str) -> Result<Outcome, Stop> {
        let Some(observed) = self.read(id).await? else { return self.not_shown() };
        // An upstream that drops the owner tag at creation may accept it afterwards.
        if observed.owner == Ownership::Untagged {
            self.tag_owner(&observed).await?;
        }
        // A write that completes the object belongs to its create, also under `CreateOnly`.
        if !is_late(&observed) {
            self.this.status.common.operation = None;
        }
        self.compare(observed)
    }

    /// Reads an object that was updated or tagged.
    pub(super) async fn read_back(&mut self, id: &str) -> Result<Outcome, Stop> {
        let Some(observed) = self.read(id).await? else { return self.not_shown() };
        self.this.status.common.operation = None;
        // Another writer was faster with its owner tag: the next plan decides.
        if matches!(observed.owner, Ownership::ForeignTag(_) | Ownership::OtherObject(_)) {
            return Err(Error::Stale.into());
        }
        if observed.owner == Ownership::Untagged { self.recheck(&observed) } else { self.compare(observed) }
    }

    async fn read(&mut self, id: &str) -> Result<Option<Observation>, Stop> {
        let observed = self.external.observe(id).await.map_err(|error| failed(self.this, &error))?;
        if let Some(observed) = &observed {
            self.show(observed);
        }
        Ok(observed)
    }

    fn compare(&mut self, observed: Observation) -> Result<Outcome, Stop> {
        if is_late(&observed) && self.this.shared().settings.safeguards.lagging_reads {
            return self.recheck(&observed);
        }
        if !observed.diff.is_empty() && !observed.diff.is_writable() {
            return Ok(self.report_only(Some(observed), ReportOnly::Ineffective));
        }
        if !observed.diff.is_empty() {
            return Ok(self.not_applied(observed.diff));
        }
        if observed.owner != Ownership::Untagged {
            self.this.shared().settling.settled(&self.this.uid());
        }
        Ok(self.confirmed())
    }

    /// Waits for an object that the upstream does not show yet; at most as long as the create may take effect.
    pub(super) fn not_shown(&self) -> Result<Outcome, Stop> {
        let pause = self.this.shared().settling.count_look(&self.this.uid());
        let left = self.this.grace_left().or_else(|| self.this.unseen_left());
        let pause = left.map_or(pause, |left| pause.min(left + Duration::from_secs(1)));
        self.unless_ready(pause)?;
        let message = "The upstream accepted the write but does not show the object yet. The operator looks again.";
        Ok(Outcome::working(Reason::Updating, message, Requeue::After(pause)))
    }

    /// Waits for an upstream that may not show the last write yet.
    pub(super) fn recheck(&mut self, observed: &Observation) -> Result<Outcome, Stop> {
        let pause = self.this.shared().settling.count_look(&self.this.uid());
        // What grants more than the spec is shown at once, whatever a response said.
        if !observed.diff.widens() {
            self.unless_ready(pause)?;
        }
        self.show(observed);
        Ok(Outcome::settling(observed.diff.clone(), pause))
    }

    /// Ends the reconcile of an object whose last write a response confirmed already: status stays as it is.
    fn unless_ready(&self, pause: Duration) -> Result<(), Stop> {
        if self.this.is_ready() { Err(Stop::Silently(Requeue::After(pause))) } else { Ok(()) }
    }

    /// Reports fields that the upstream did not apply. The operator looks at them with growing pauses.
    pub(super) fn not_applied(&self, diff: Diff) -> Outcome {
        let (shared, outcome) = (self.this.shared(), Outcome::not_applied(diff));
        // What may grant more than the spec is written again after each pause.
        if outcome.reason != Reason::NotApplied || outcome.requeue == Requeue::Backoff {
            return outcome;
        }
        match shared.settling.count_review(&self.this.uid()) {
            pause if pause < shared.settings.slow_retry => Outcome { requeue: Requeue::After(pause), ..outcome },
            _ => outcome,
        }
    }
}

/// Returns whether the upstream may show later what differs now.
fn is_late(observed: &Observation) -> bool {
    observed.diff.fields.iter().any(|field| field.remedy == Remedy::Update)
}
