//! Reads a written object: an accepted write does not prove that every value was applied, and an upstream may show
//! it late.

use super::Apply;
use crate::api::Reason;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::plan::ReportOnly;
use crate::engine::{Diff, Observation, Ownership, Remedy};
use std::time::Duration;

impl<K: Managed> Apply<'_, '_, K> {
    /// Reads an object that was created.
    pub(super) async fn read_back_created(&mut self, id: &str) -> Result<Outcome, Stop> {
        let Some(observed) = self.read(id).await? else { return Ok(self.not_shown()) };
        // An upstream that drops the owner tag at creation may accept it afterwards.
        if observed.owner == Ownership::Untagged {
            self.tag_owner(&observed).await?;
        }
        // A write that completes the object belongs to its create, also under `CreateOnly`.
        if !is_late(&observed) {
            self.this.status.common.operation = None;
        }
        Ok(self.compare(observed).await)
    }

    /// Reads an object that was updated or tagged.
    pub(super) async fn read_back(&mut self, id: &str) -> Result<Outcome, Stop> {
        let Some(observed) = self.read(id).await? else { return Ok(self.not_shown()) };
        self.this.status.common.operation = None;
        Ok(if observed.owner == Ownership::Untagged { self.recheck(&observed) } else { self.compare(observed).await })
    }

    async fn read(&mut self, id: &str) -> Result<Option<Observation>, Stop> {
        let observed = self.external.observe(id).await.map_err(|error| failed(self.this, &error))?;
        if let Some(observed) = &observed {
            self.show(observed);
        }
        Ok(observed)
    }

    async fn compare(&mut self, observed: Observation) -> Outcome {
        if is_late(&observed) && self.this.shared().settings.safeguards.lagging_reads {
            return self.recheck(&observed);
        }
        if !observed.diff.is_empty() && !observed.diff.is_writable() {
            return self.report_only(Some(observed), ReportOnly::Ineffective).await;
        }
        if !observed.diff.is_empty() {
            return self.not_applied(observed.diff);
        }
        self.this.status.once_declared = self.external.lasting_names();
        if observed.owner != Ownership::Untagged {
            self.this.shared().settling.settled(&self.this.uid());
        }
        self.this.status.common.applied_hash = Some(self.hash.clone());
        Outcome::up_to_date()
    }

    /// Waits for an object that the upstream does not show yet; at most as long as the create may take effect.
    pub(super) fn not_shown(&self) -> Outcome {
        let pause = self.this.shared().settling.next_look(&self.this.uid());
        let pause = self.this.grace_left().map_or(pause, |left| pause.min(left + Duration::from_secs(1)));
        let message = "The upstream accepted the write but does not show the object yet. The operator looks again.";
        Outcome::working(Reason::Updating, message, Requeue::After(pause))
    }

    /// Waits for an upstream that may not show the last write yet.
    pub(super) fn recheck(&mut self, observed: &Observation) -> Outcome {
        self.show(observed);
        let pause = self.this.shared().settling.next_look(&self.this.uid());
        Outcome::settling(observed.diff.clone(), pause)
    }

    /// Reports fields that the upstream did not apply. The operator looks at them with growing pauses.
    pub(super) fn not_applied(&self, diff: Diff) -> Outcome {
        let (shared, outcome) = (self.this.shared(), Outcome::not_applied(diff));
        // What may grant more than the spec is written again after each pause.
        if outcome.reason != Reason::NotApplied || outcome.requeue == Requeue::Backoff {
            return outcome;
        }
        match shared.settling.next_review(&self.this.uid()) {
            pause if pause < shared.settings.slow_retry => Outcome { requeue: Requeue::After(pause), ..outcome },
            _ => outcome,
        }
    }
}

/// Returns whether the upstream may show later what differs now.
fn is_late(observed: &Observation) -> bool {
    observed.diff.fields.iter().any(|field| field.remedy == Remedy::Update)
}
