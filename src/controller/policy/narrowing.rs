//! Tells until when permissions that the operator took away may still be in force.
//!
//! The record is written before the update, so that a crash in between does not lose it, and again after it.

use super::reconciliation::Reconciliation;
use crate::api::Reason;
use crate::api::status::Narrowing;
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::engine::outcome::Outcome;
use crate::engine::{BoundExternal, Diff};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

impl<K: Managed> Reconciliation<'_, K> {
    /// Records that an update of `diff` takes permissions away, if it does. Returns how long they may stay in force.
    pub async fn record_narrowing(&mut self, external: &dyn BoundExternal, diff: &Diff) -> Result<Option<Duration>> {
        let enabled = self.shared().settings.safeguards.narrowing_record;
        let Some(delay) = external.revocation_delay(diff).filter(|_| enabled) else { return Ok(None) };
        self.start_narrowing(delay);
        self.save().await?;
        Ok(Some(delay))
    }

    /// Starts the time in which removed permissions may stay in force, and returns its end.
    pub fn start_narrowing(&mut self, delay: Duration) -> Timestamp {
        let now = self.shared().clock.now();
        let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
        let until = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        self.status.narrowing = Some(Narrowing { written_at: now.to_string(), in_force_by: until.to_string() });
        until
    }

    /// Returns how long removed permissions may still be in force; `None` if all are out of force.
    pub fn narrowing_left(&self) -> Option<Duration> {
        let until: Timestamp = self.status.narrowing.as_ref()?.in_force_by.parse().ok()?;
        let left = Duration::try_from(until.duration_since(self.shared().clock.now())).ok()?;
        (!left.is_zero()).then_some(left)
    }

    /// Adds to a success that removed permissions may still be in force.
    pub fn mention_narrowing(&self, outcome: Outcome) -> Outcome {
        if outcome.reason != Reason::UpToDate || self.narrowing_left().is_none() {
            return outcome;
        }
        let message = format!(
            "{} The upstream may still grant the removed permissions until status.narrowing.inForceBy.",
            outcome.message
        );
        Outcome { message, ..outcome }
    }
}
