//! The rate limiter of one account: a token bucket with a priority queue.
//!
//! The request with the highest priority is sent first. At the same priority writes go before reads, then the
//! namespaces take turns, then the order of arrival decides. So background reads of many objects delay neither a
//! deletion nor a change of one spec, and one namespace does not delay the others.

mod rotation;
mod token_bucket;

use super::call::Effect;
use crate::api::connection::RateLimit;
use crate::upstream::request::Priority;
use rotation::Rotation;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
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
    rotation: Rotation<Rank>,
    arrivals: u64,
}

/// A position in the queue. The least is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    rank: Rank,
    turn: u64,
    arrival: u64,
}

/// The rank of a request. The least goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Rank {
    priority: Reverse<Priority>,
    read: bool,
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
        self.rate_limiter.state().remove(&self.position);
        self.rate_limiter.moved.notify_waiters();
    }
}

impl RateLimiter {
    pub(super) fn new(rate: RateLimit) -> Self {
        let state = State {
            bucket: TokenBucket::full(rate, Instant::now()),
            waiting: BTreeSet::new(),
            rotation: Rotation::default(),
            arrivals: 0,
        };
        Self { state: Lock::new(state), moved: Notify::new() }
    }

    /// Waits for a token. The error is the time after which the caller may retry.
    pub(super) async fn take(
        &self,
        priority: Priority,
        namespace: &Arc<str>,
        effect: Effect,
        limit: Duration,
    ) -> Result<(), Duration> {
        let limit = if effect == Effect::Write { limit.min(WRITE_QUEUE_LIMIT) } else { limit };
        let deadline = Instant::now() + limit;
        let ticket = self.enqueue(priority, namespace, effect);
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

    fn enqueue(&self, priority: Priority, namespace: &Arc<str>, effect: Effect) -> Ticket<'_> {
        let mut state = self.state();
        state.arrivals += 1;
        let rank = Rank { priority: Reverse(priority), read: effect == Effect::Read };
        let position = Position { rank, turn: state.rotation.enter(rank, namespace), arrival: state.arrivals };
        state.waiting.insert(position);
        Ticket { rate_limiter: self, position }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, position: &Position) {
        self.waiting.remove(position);
        self.rotation.leave(&position.rank);
    }

    fn admit(&mut self, position: Position, now: Instant) -> Admission {
        let others = self.waiting.range(..position).count();
        if others > 0 {
            return Admission::Queued(self.bucket.wait(others, now));
        }
        if let Some(wait) = self.bucket.take(now) {
            return Admission::After(wait);
        }
        self.rotation.serve(&position.rank, position.turn);
        Admission::Now
    }
}

#[cfg(test)]
mod tests;
