//! How long to wait: per-object backoff and jitter.
//!
//! The controller runtime tells its error policy nothing of successes, so the count of failures
//! is kept here, by uid, and cleared on success and deletion.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures in a row, by object uid.
#[derive(Debug)]
pub struct Backoffs {
    failures: Mutex<HashMap<String, u32>>,
    first: Duration,
    longest: Duration,
}

impl Backoffs {
    /// Distances double from `first` to `longest`.
    #[must_use]
    pub fn new((first, longest): (Duration, Duration)) -> Self {
        Self { failures: Mutex::default(), first, longest }
    }

    /// Counts a failure and says how long to wait.
    pub fn failed(&self, uid: &str) -> Duration {
        let mut failures = self.lock();
        let count = failures.entry(uid.to_owned()).or_default();
        let factor = 2_u32.saturating_pow(*count);
        *count = count.saturating_add(1).min(30);
        jitter(self.first.saturating_mul(factor).min(self.longest))
    }

    /// Whether the last attempt failed.
    pub fn is_failing(&self, uid: &str) -> bool {
        self.lock().contains_key(uid)
    }

    /// Forgets the failures of an object.
    pub fn clear(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // A count is valid at every moment, so a panic elsewhere does not spoil it.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duration, 20 % more or less, so that objects do not all ask at once.
#[must_use]
pub fn jitter(duration: Duration) -> Duration {
    // A fresh RandomState hashes differently each time: randomness enough to spread load.
    let thousandths = RandomState::new().hash_one(0_u8) % 401;
    let factor = 800 + u32::try_from(thousandths).unwrap_or(200);
    duration.saturating_mul(factor) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_grow_to_the_longest_and_start_anew_after_success() {
        let backoffs = Backoffs::new((Duration::from_secs(1), Duration::from_mins(1)));
        let first = backoffs.failed("a");
        assert!(first <= Duration::from_millis(1200), "{first:?}");
        for _ in 0..40 {
            assert!(backoffs.failed("a") <= Duration::from_secs(72));
        }
        assert!(backoffs.failed("a") >= Duration::from_secs(48));
        assert!(backoffs.is_failing("a") && !backoffs.is_failing("b"));
        backoffs.clear("a");
        assert!(!backoffs.is_failing("a"));
        assert!(backoffs.failed("a") <= Duration::from_millis(1200));
    }

    #[test]
    fn jitter_stays_within_a_fifth_and_moves() {
        let spread: Vec<Duration> = (0..50).map(|_| jitter(Duration::from_secs(100))).collect();
        assert!(spread.iter().all(|d| (80..=120).contains(&d.as_secs())), "{spread:?}");
        assert!(spread.iter().any(|d| d != &spread[0]));
    }
}
