//! The simulators' clock: the machine's own, or one that only moves when told to.
//!
//! Every timestamp a simulator reads or prints comes from here, so a test can put the server's clock
//! ten minutes away from its own and see what a client makes of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::sync::lock;

/// A shared clock; clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    /// `None` follows the machine.
    frozen: Option<Timestamp>,
    /// Added to whatever the clock follows.
    offset: SignedDuration,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::starting(None)
    }

    /// A clock that stands still at `now`.
    #[must_use]
    pub fn frozen(now: Timestamp) -> Self {
        Self::starting(Some(now))
    }

    fn starting(frozen: Option<Timestamp>) -> Self {
        Self(Arc::new(Mutex::new(Reading { frozen, offset: SignedDuration::ZERO })))
    }

    /// What the clock shows. A reading past the calendar's end saturates there.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let reading = lock(&self.0);
        let base = reading.frozen.unwrap_or_else(Timestamp::now);
        base.saturating_add(reading.offset).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward, frozen or not.
    pub fn advance(&self, by: Duration) {
        self.shift(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }

    /// Moves the clock back, frozen or not.
    pub fn rewind(&self, by: Duration) {
        self.shift(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX).saturating_mul(-1));
    }

    /// Freezes the clock at `now`.
    pub fn freeze(&self, now: Timestamp) {
        let mut reading = lock(&self.0);
        reading.frozen = Some(now);
        reading.offset = SignedDuration::ZERO;
    }

    /// Whether both are handles to the same clock.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn shift(&self, by: SignedDuration) {
        let mut reading = lock(&self.0);
        reading.offset = reading.offset.saturating_add(by);
    }
}
