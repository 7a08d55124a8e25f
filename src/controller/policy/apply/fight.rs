//! Goes on correcting access that another writer keeps widening, and keeps the reason visible meanwhile.

use super::Apply;
use crate::api::Reason;
use crate::api::status::DriftAccess;
use crate::controller::kinds::managed::Managed;
use crate::engine::corrections::Widenings;
use crate::engine::outcome::Outcome;
use crate::engine::{Cause, Diff};
use std::time::Duration;

/// After how many of the longest pauses without a further widening a fight is over.
const QUIET_PAUSES: u32 = 2;

impl<K: Managed> Apply<'_, '_, K> {
    /// Returns the outcome of a correction, unless another writer keeps widening the access: that is reported
    /// although the upstream equals the spec right now.
    pub(super) fn unless_fought(&self, corrected: &Diff, cause: Cause, outcome: Outcome) -> Outcome {
        let is_correction = cause == Cause::Drift || self.this.has_reason(Reason::NotApplied);
        let widened = is_correction && corrected.widens() && outcome.diff.is_empty() && !outcome.reconciling;
        let widenings = self.widenings().filter(|_| widened);
        let fought = widenings.filter(|widenings| self.is_fight(*widenings) || self.shows_fight());
        match fought {
            Some(widenings) => Outcome::widening_fight(corrected.clone(), self.pause(widenings)),
            None => outcome,
        }
    }

    /// Returns how long the operator waits before it compares again; `None` if status shows no fight over wider
    /// access, or the fight is over.
    pub(super) fn pause_of_fight(&self) -> Option<Duration> {
        let widenings = self.widenings().filter(|_| self.shows_fight())?;
        self.is_fight(widenings).then(|| self.pause(widenings))
    }

    fn widenings(&self) -> Option<Widenings> {
        let shared = self.this.shared();
        shared.corrections().widenings(&self.this.uid(), shared.clock.now())
    }

    fn is_fight(&self, widenings: Widenings) -> bool {
        let shared = self.this.shared();
        let (_, longest_pause) = shared.settings.backoff;
        widenings.is_fight(shared.clock.now(), longest_pause * QUIET_PAUSES)
    }

    fn pause(&self, widenings: Widenings) -> Duration {
        widenings.pause(self.this.shared().settings.backoff)
    }

    /// Returns whether status shows a fight over wider access, also from before a restart.
    fn shows_fight(&self) -> bool {
        let drift = self.this.status.common.drift.as_ref();
        let is_wider = drift.and_then(|drift| drift.access).is_some_and(DriftAccess::may_be_wider);
        is_wider && self.this.has_reason(Reason::DriftFight) && !self.this.spec_changed()
    }
}
