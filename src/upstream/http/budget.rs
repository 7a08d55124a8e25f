//! The token bucket of one account: so many requests a second, with a burst.
//!
//! Requests wait in two queues, first come first served; a waiting write goes before any read, so
//! that a sweep over many objects does not hold up the one change that somebody waits for.

use super::Effect;
use crate::api::connection::RateLimit;
use std::sync::{Mutex as Lock, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as Queue;
use tokio::time::{Instant, sleep, timeout_at};

/// A write does not wait longer than this for its turn: its caller has just made sure that it
/// still leads, and that knowledge ages.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// The bucket and the queues before it.
pub(super) struct Budget {
    per_second: f64,
    burst: f64,
    level: Lock<Level>,
    readers: Queue<()>,
    writers: Queue<()>,
}

struct Level {
    tokens: f64,
    at: Instant,
    closed_until: Instant,
}

impl Budget {
    pub(super) fn new(rate: RateLimit) -> Self {
        let burst = f64::from(rate.burst.max(1));
        let now = Instant::now();
        Self {
            per_second: f64::from(rate.requests_per_second.max(1)),
            burst,
            level: Lock::new(Level { tokens: burst, at: now, closed_until: now }),
            readers: Queue::new(()),
            writers: Queue::new(()),
        }
    }

    /// Waits for its turn and a token; the error says after how long it is worth another try.
    pub(super) async fn take(&self, effect: Effect, limit: Duration) -> Result<(), Duration> {
        let (queue, limit) = match effect {
            Effect::Read => (&self.readers, limit),
            Effect::Write => (&self.writers, limit.min(WRITE_PATIENCE)),
        };
        let deadline = Instant::now() + limit;
        let Ok(_turn) = timeout_at(deadline, queue.lock()).await else {
            return Err(limit);
        };
        while let Some(wait) = self.wait(effect) {
            if Instant::now() + wait > deadline {
                return Err(wait);
            }
            sleep(wait).await;
        }
        Ok(())
    }

    /// Lets no request through for this long: the upstream asked for it.
    pub(super) fn close(&self, pause: Duration) {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        level.closed_until = level.closed_until.max(Instant::now() + pause);
    }

    /// Takes a token, or tells how long until it is worth asking again.
    fn wait(&self, effect: Effect) -> Option<Duration> {
        let a_token = Duration::from_secs_f64(1.0 / self.per_second);
        if effect == Effect::Read && self.writers.try_lock().is_err() {
            return Some(a_token);
        }
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now.duration_since(level.at).as_secs_f64() * self.per_second;
        level.tokens = (level.tokens + earned).min(self.burst);
        level.at = now;
        if level.closed_until > now {
            return Some(level.closed_until - now);
        }
        if level.tokens >= 1.0 {
            level.tokens -= 1.0;
            return None;
        }
        Some(a_token.mul_f64(1.0 - level.tokens).max(Duration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_secs(60);

    fn budget(requests_per_second: i32, burst: i32) -> Arc<Budget> {
        Arc::new(Budget::new(RateLimit { requests_per_second, burst }))
    }

    async fn seconds_for(budget: &Budget, effect: Effect, requests: usize) -> u64 {
        let begun = Instant::now();
        for _ in 0..requests {
            budget.take(effect, LONG).await.unwrap();
        }
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let budget = budget(5, 10);
        assert_eq!(seconds_for(&budget, Effect::Read, 10).await, 0);
        assert_eq!(seconds_for(&budget, Effect::Read, 50).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_bucket_holds_no_more_than_its_burst() {
        let budget = budget(5, 10);
        sleep(LONG).await;
        assert_eq!(seconds_for(&budget, Effect::Write, 20).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_goes_before_reads_that_wait() {
        let budget = budget(1, 1);
        budget.take(Effect::Read, LONG).await.unwrap();
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let budget = Arc::clone(&budget);
                tokio::spawn(async move { budget.take(Effect::Read, LONG).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let begun = Instant::now();
        budget.take(Effect::Write, LONG).await.unwrap();
        assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
        for reader in readers {
            assert_eq!(reader.await.unwrap(), Ok(()));
        }
        assert!(begun.elapsed() >= Duration::from_secs(20), "the readers keep to the rate");
    }

    #[tokio::test(start_paused = true)]
    async fn who_would_wait_too_long_is_told_so_at_once() {
        let budget = budget(1, 1);
        budget.close(Duration::from_secs(100));
        let begun = Instant::now();
        let wait = budget.take(Effect::Read, Duration::from_secs(20)).await.unwrap_err();
        assert_eq!((wait.as_secs(), begun.elapsed().as_secs()), (100, 0));
        sleep(Duration::from_secs(100)).await;
        assert_eq!(seconds_for(&budget, Effect::Read, 1).await, 0);
    }
}
