//! The token bucket of one account: so many requests a second, with a burst.
//!
//! Requests wait in two queues, first come first served; a waiting write goes before any read, so
//! that a sweep over many objects does not hold up the one change that somebody waits for.

use super::Effect;
use crate::api::connection::RateLimit;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex as Queue;
use tokio::time::{sleep, timeout_at};

/// A write does not wait longer than this for its turn: its caller has just made sure that it
/// still leads, and that knowledge ages.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// The bucket and the queues before it.
pub(super) struct Budget {
    bucket: Lock<Bucket>,
    readers: Queue<()>,
    writers: Queue<()>,
}

impl Budget {
    pub(super) fn new(rate: RateLimit) -> Self {
        let bucket = Lock::new(Bucket::full(rate, Instant::now()));
        Self { bucket, readers: Queue::new(()), writers: Queue::new(()) }
    }

    /// Waits for its turn and a token; the error says after how long it is worth another try.
    pub(super) async fn take(&self, effect: Effect, limit: Duration) -> Result<(), Duration> {
        let (queue, limit) = match effect {
            Effect::Read => (&self.readers, limit),
            Effect::Write => (&self.writers, limit.min(WRITE_PATIENCE)),
        };
        let deadline = Instant::now() + limit;
        let Ok(_turn) = timeout_at(deadline.into(), queue.lock()).await else {
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
        self.bucket().close(Instant::now() + pause);
    }

    /// Takes a token, or tells how long until it is worth asking again.
    fn wait(&self, effect: Effect) -> Option<Duration> {
        let mut bucket = self.bucket();
        if effect == Effect::Read && self.writers.try_lock().is_err() {
            return Some(bucket.interval);
        }
        bucket.take(Instant::now())
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokens, as a function of time.
struct Bucket {
    /// Between two tokens.
    interval: Duration,
    burst: f64,
    tokens: f64,
    at: Instant,
    closed_until: Instant,
}

impl Bucket {
    fn full(rate: RateLimit, now: Instant) -> Self {
        let burst = f64::from(rate.burst.max(1));
        let interval = Duration::from_secs_f64(1.0 / f64::from(rate.requests_per_second.max(1)));
        Self { interval, burst, tokens: burst, at: now, closed_until: now }
    }

    /// Takes a token, or tells how long until there is one.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        let earned = now.saturating_duration_since(self.at).div_duration_f64(self.interval);
        self.tokens = (self.tokens + earned).min(self.burst);
        self.at = now;
        if self.closed_until > now {
            return Some(self.closed_until - now);
        }
        if self.tokens < 1.0 {
            return Some(self.interval.mul_f64(1.0 - self.tokens).max(Duration::from_millis(1)));
        }
        self.tokens -= 1.0;
        None
    }

    fn close(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_mins(1);

    fn rate(requests_per_second: i32, burst: i32) -> RateLimit {
        RateLimit { requests_per_second, burst }
    }

    /// How long `requests` take that are sent one after the other, each as soon as it may be.
    fn time_for(bucket: &mut Bucket, begun: Instant, requests: usize) -> Duration {
        let mut now = begun;
        for _ in 0..requests {
            while let Some(wait) = bucket.take(now) {
                now += wait;
            }
        }
        now - begun
    }

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let now = Instant::now();
        let mut bucket = Bucket::full(rate(5, 10), now);
        assert_eq!(time_for(&mut bucket, now, 10), Duration::ZERO);
        let rest = time_for(&mut bucket, now, 50);
        assert!((9_900..=10_100).contains(&rest.as_millis()), "{rest:?}");
    }

    #[test]
    fn an_idle_bucket_holds_no_more_than_its_burst() {
        let now = Instant::now();
        let mut bucket = Bucket::full(rate(5, 10), now);
        let later = time_for(&mut bucket, now + LONG, 20);
        assert!((1_900..=2_100).contains(&later.as_millis()), "{later:?}");
    }

    #[test]
    fn a_closed_bucket_gives_nothing_until_it_opens() {
        let now = Instant::now();
        let mut bucket = Bucket::full(rate(5, 10), now);
        bucket.close(now + LONG);
        bucket.close(now + LONG / 2);
        assert_eq!(bucket.take(now), Some(LONG));
        assert_eq!(bucket.take(now + LONG), None);
    }

    #[tokio::test]
    async fn a_write_goes_before_reads_that_wait() {
        let budget = Arc::new(Budget::new(rate(50, 1)));
        let order = Arc::new(Lock::new(Vec::new()));
        let take = |effect| {
            let (budget, order) = (Arc::clone(&budget), Arc::clone(&order));
            tokio::spawn(async move {
                budget.take(effect, LONG).await.unwrap();
                order.lock().unwrap().push(effect);
            })
        };
        let mut tasks: Vec<_> = (0..20).map(|_| take(Effect::Read)).collect();
        tokio::task::yield_now().await;
        tasks.push(take(Effect::Write));
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        let place = order.iter().position(|effect| *effect == Effect::Write).unwrap();
        assert!(place < 5, "{order:?}");
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_told_so_at_once() {
        let budget = Budget::new(rate(1, 1));
        budget.close(Duration::from_secs(100));
        let begun = Instant::now();
        let wait = budget.take(Effect::Read, Duration::from_secs(20)).await.unwrap_err();
        assert!(wait > Duration::from_secs(90), "{wait:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
