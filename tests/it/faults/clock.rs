//! A clock that jumps when told to, and is finer than the operator's own so that graces can be short.

use cloud_policy::controller::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// The machine's clock, so many seconds off.
#[derive(Debug, Default)]
pub struct Offset(AtomicI64);

impl Offset {
    /// Jumps forward, or back.
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
