//! The rate limiter of one account: a token bucket with a priority queue.
//!
//! The request with the highest priority is sent first. At the same priority writes go before reads,
//! then the order of arrival decides. So background reads of many objects delay neither a deletion
//! nor a change of one spec.

mod token_bucket;

use super::call::Effect;
use crate::api::connection::RateLimit;
use crate::upstream::request::Priority;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use token_bucket::TokenBucket;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The maximum time that a write waits: the observation from which it was decided gets older meanwhile.
const WRITE_QUEUE_LIMIT: Duration = Duration::from_secs(5);

/// The state of a rate limiter, for metrics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitStats {
    /// Requests per second that may be sent now.
    pub rate: f64,
    /// Requests per second, as configured.
    pub configured: f64,
    /// Requests that may be sent at once now.
    pub tokens: f64,
    /// Requests that wait.
    pub waiting: usize,
}

/// The token bucket and its queue.
pub(super) struct RateLimiter {
    state: Lock<State>,
    /// Notified when a request leaves the queue.
    moved: Notify,
}

struct State {
    bucket: TokenBucket,
    waiting: BTreeSet<Position>,
    arrivals: u64,
}

/// A position in the queue. The least is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    priority: Reverse<Priority>,
    read: bool,
    arrival: u64,
}

/// The answer to a request in the queue.
enum Admission {
    /// It may be sent.
    Now,
    /// It is the first in the queue, and there is a token after this time.
    After(Duration),
    /// Others are before it. There is a token for it after this time unless requests of a higher
    /// priority arrive.
    Queued(Duration),
}

/// An entry of the queue. Dropping it removes the request from the queue.
struct Ticket<'a> {
    rate_limiter: &'a RateLimiter,
    position: Position,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.rate_limiter.state().waiting.remove(&self.position);
        self.rate_limiter.moved.notify_waiters();
    }
}

impl RateLimiter {
    pub(super) fn new(rate: RateLimit) -> Self {
        let state = State { bucket: TokenBucket::full(rate, Instant::now()), waiting: BTreeSet::new(), arrivals: 0 };
        Self { state: Lock::new(state), moved: Notify::new() }
    }

    /// Waits for a token. The error is the time after which the caller may retry.
    pub(super) async fn take(&self, priority: Priority, effect: Effect, limit: Duration) -> Result<(), Duration> {
        let limit = if effect == Effect::Write { limit.min(WRITE_QUEUE_LIMIT) } else { limit };
        let deadline = Instant::now() + limit;
        let ticket = self.enqueue(priority, effect);
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Enabled before the state is read, so that no notification is missed.
            moved.as_mut().enable();
            let now = Instant::now();
            let pause = match self.state().admit(ticket.position, now) {
                Admission::Now => return Ok(()),
                Admission::After(wait) | Admission::Queued(wait) if now + wait > deadline => return Err(wait),
                Admission::After(wait) => wait,
                Admission::Queued(_) => deadline - now,
            };
            // Both a timeout and a notification are reasons to check again.
            let _ = timeout(pause, moved).await;
        }
    }

    /// Sends no request for this time, because the upstream asked for it.
    pub(super) fn close(&self, pause: Duration) {
        self.state().bucket.close(Instant::now() + pause);
    }

    /// Lowers the rate, because the upstream rejected a request with 429 that was sent at this time.
    pub(super) fn slow_down(&self, sent: Instant) {
        self.state().bucket.slow_down(sent, Instant::now());
    }

    /// Raises the rate a little, because the upstream served a request that was sent at this time.
    pub(super) fn speed_up(&self, sent: Instant) {
        self.state().bucket.speed_up(sent, Instant::now());
    }

    /// Returns the current state.
    pub(super) fn stats(&self) -> RateLimitStats {
        let mut state = self.state();
        let (rate, configured, tokens) = state.bucket.stats(Instant::now());
        RateLimitStats { rate, configured, tokens, waiting: state.waiting.len() }
    }

    fn enqueue(&self, priority: Priority, effect: Effect) -> Ticket<'_> {
        let mut state = self.state();
        state.arrivals += 1;
        let position = Position { priority: Reverse(priority), read: effect == Effect::Read, arrival: state.arrivals };
        state.waiting.insert(position);
        Ticket { rate_limiter: self, position }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, position: Position, now: Instant) -> Admission {
        let others = self.waiting.range(..position).count();
        if others > 0 {
            return Admission::Queued(self.bucket.wait(others, now));
        }
        self.bucket.take(now).map_or(Admission::Now, Admission::After)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_mins(1);

    fn rate_limiter(requests_per_second: i32, burst: i32) -> Arc<RateLimiter> {
        Arc::new(RateLimiter::new(RateLimit { requests_per_second, burst }))
    }

    /// Queues these requests in this order while the limiter is closed, and returns the order of sending.
    async fn served<const N: usize>(requests: [(Priority, Effect); N]) -> Vec<(Priority, Effect)> {
        let rate_limiter = rate_limiter(100, 1);
        rate_limiter.close(Duration::from_millis(200));
        let order = Arc::new(Lock::new(Vec::new()));
        let mut tasks = Vec::new();
        for (priority, effect) in requests {
            let (limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                limiter.take(priority, effect, LONG).await.unwrap();
                order.lock().unwrap().push((priority, effect));
            }));
            while rate_limiter.state().waiting.len() < tasks.len() {
                tokio::task::yield_now().await;
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        order.clone()
    }

    #[tokio::test]
    async fn queue_orders_by_priority_then_writes_before_reads() {
        use Effect::{Read, Write};
        use Priority::{Background, Change, Deletion, Probe};
        let order = served([
            (Background, Read),
            (Background, Write),
            (Change, Read),
            (Change, Write),
            (Deletion, Read),
            (Deletion, Write),
            (Probe, Read),
        ]);
        let expected = [
            (Probe, Read),
            (Deletion, Write),
            (Deletion, Read),
            (Change, Write),
            (Change, Read),
            (Background, Write),
            (Background, Read),
        ];
        assert_eq!(order.await, expected);
    }

    #[tokio::test]
    async fn queue_keeps_order_of_arrival_at_same_priority() {
        let rate_limiter = rate_limiter(200, 1);
        let order = Arc::new(Lock::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|number| {
                let (rate_limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
                tokio::spawn(async move {
                    rate_limiter.take(Priority::Background, Effect::Read, LONG).await.unwrap();
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn take_fails_at_once_when_wait_exceeds_limit() {
        let rate_limiter = rate_limiter(1, 1);
        rate_limiter.close(Duration::from_secs(100));
        let begun = Instant::now();
        let wait = rate_limiter.take(Priority::Probe, Effect::Read, Duration::from_secs(20)).await.unwrap_err();
        assert!(wait > Duration::from_secs(90), "{wait:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn cancelled_request_leaves_the_queue() {
        let rate_limiter = rate_limiter(2, 1);
        rate_limiter.take(Priority::Probe, Effect::Read, LONG).await.unwrap();
        let first = tokio::spawn({
            let rate_limiter = Arc::clone(&rate_limiter);
            async move { rate_limiter.take(Priority::Deletion, Effect::Read, LONG).await }
        });
        while rate_limiter.state().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        let (second, ()) = tokio::join!(rate_limiter.take(Priority::Background, Effect::Read, LONG), async {
            first.abort();
        });
        second.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(950), "the token of the first: {:?}", begun.elapsed());
        assert!(rate_limiter.state().waiting.is_empty());
    }
}
