//! A clock that a test can shift. It is finer than the operator's clock, so that grace periods can be short.

use cloud_policy::controller::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of the machine, shifted by a number of seconds.
#[derive(Debug, Default)]
pub struct Offset(AtomicI64);

impl Offset {
    /// Shifts the clock forward, or backward when `seconds` is negative.
    pub fn jump(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Offset {
    fn now(&self) -> Timestamp {
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        now + SignedDuration::from_secs(self.0.load(Ordering::SeqCst))
    }
}
