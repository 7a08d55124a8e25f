//! The simulators' clock: it follows the machine's clock, or stands still until a test moves it.
//!
//! A simulator reads and prints only timestamps of this clock. A test can therefore set the server's
//! clock ten minutes off its own and check how a client copes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::sync::lock;

/// A shared clock. Clones are handles to the same clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    /// The time at which the clock stands; `None` follows the machine.
    frozen: Option<Timestamp>,
    /// The span that is added to the base time.
    offset: SignedDuration,
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// Returns a clock that follows the machine.
    #[must_use]
    pub fn system() -> Self {
        Self::starting(None)
    }

    /// Returns a clock that stands still at `now`.
    #[must_use]
    pub fn frozen(now: Timestamp) -> Self {
        Self::starting(Some(now))
    }

    fn starting(frozen: Option<Timestamp>) -> Self {
        Self(Arc::new(Mutex::new(Reading { frozen, offset: SignedDuration::ZERO })))
    }

    /// Returns the current time, at most [`Timestamp::MAX`].
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

    /// Returns true if both are handles to the same clock.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn shift(&self, by: SignedDuration) {
        let mut reading = lock(&self.0);
        reading.offset = reading.offset.saturating_add(by);
    }
}
