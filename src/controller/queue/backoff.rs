//! Calculates waits: backoff by object, and jitter.
//!
//! The controller runtime does not tell its error policy about successes. So the count of failures is kept
//! here, by uid. Callers clear it on success and deletion.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts the consecutive failures of each object, by uid.
#[derive(Debug)]
pub struct Backoffs {
    failures: Mutex<HashMap<String, u32>>,
    first: Duration,
    longest: Duration,
}

impl Backoffs {
    /// Starts with no failures. The waits double from `first` to `longest`.
    #[must_use]
    pub fn new((first, longest): (Duration, Duration)) -> Self {
        Self { failures: Mutex::default(), first, longest }
    }

    /// Counts a failure, and returns how long to wait before the next attempt.
    pub fn failed(&self, uid: &str) -> Duration {
        let mut failures = self.lock();
        let count = failures.entry(uid.to_owned()).or_default();
        let factor = 2_u32.saturating_pow(*count);
        *count = count.saturating_add(1).min(30);
        jitter(self.first.saturating_mul(factor).min(self.longest))
    }

    /// Returns whether the last attempt failed.
    pub fn is_failing(&self, uid: &str) -> bool {
        self.lock().contains_key(uid)
    }

    /// Forgets the failures of an object.
    pub fn clear(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // The counts are valid at every moment, so a panic elsewhere leaves a valid map.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the duration, up to 20 % shorter or longer, so that not all objects send requests at once.
#[must_use]
pub fn jitter(duration: Duration) -> Duration {
    // Each `RandomState` hashes differently, which is random enough to spread load.
    let thousandths = RandomState::new().hash_one(0_u8) % 401;
    let factor = 800 + u32::try_from(thousandths).unwrap_or(200);
    duration.saturating_mul(factor) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_longest_and_restarts_after_success() {
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
    fn jitter_varies_by_at_most_a_fifth() {
        let spread: Vec<Duration> = (0..50).map(|_| jitter(Duration::from_secs(100))).collect();
        assert!(spread.iter().all(|d| (80..=120).contains(&d.as_secs())), "{spread:?}");
        assert!(spread.iter().any(|d| d != &spread[0]));
    }
}
