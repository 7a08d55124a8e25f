//! Who may send next: the token bucket of one account, and the queue before it.
//!
//! The most urgent request goes first; of equally urgent ones writes go before reads, and else the
//! first come. A sweep over many objects so holds up neither a deletion nor the one change that
//! somebody waits for.

mod token_bucket;

use super::Effect;
use crate::api::connection::RateLimit;
use crate::upstream::Priority;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use token_bucket::TokenBucket;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A write does not wait longer than this for its turn: its caller has just made sure that it
/// still leads, and that knowledge ages.
const WRITE_QUEUE_LIMIT: Duration = Duration::from_secs(5);

/// How a rate limit stands, for people and machines that watch it.
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

/// The bucket and the queue before it.
pub(super) struct RateLimiter {
    state: Lock<State>,
    /// Somebody left the queue.
    moved: Notify,
}

struct State {
    bucket: TokenBucket,
    waiting: BTreeSet<Position>,
    arrivals: u64,
}

/// A place in the queue; the least is the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    priority: Reverse<Priority>,
    read: bool,
    arrival: u64,
}

/// What somebody in the queue is told.
enum Admission {
    /// Send.
    Now,
    /// Nobody is before you, and there is a token after this time.
    Next(Duration),
    /// Others are before you, and there is a token for you after this time if nobody more urgent
    /// comes.
    Queued(Duration),
}

/// A place that is given up when its holder goes, for whatever reason.
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

    /// Waits for its turn and a token; the error says after how long it is worth another try.
    pub(super) async fn take(&self, priority: Priority, effect: Effect, limit: Duration) -> Result<(), Duration> {
        let limit = if effect == Effect::Write { limit.min(WRITE_QUEUE_LIMIT) } else { limit };
        let deadline = Instant::now() + limit;
        let ticket = self.enqueue(priority, effect);
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on no move is missed.
            moved.as_mut().enable();
            let now = Instant::now();
            let nap = match self.state().ask(ticket.position, now) {
                Admission::Now => return Ok(()),
                Admission::Next(wait) | Admission::Queued(wait) if now + wait > deadline => return Err(wait),
                Admission::Next(wait) => wait,
                Admission::Queued(_) => deadline - now,
            };
            // Either way there is reason to ask again.
            let _ = timeout(nap, moved).await;
        }
    }

    /// Lets no request through for this long: the upstream asked for it.
    pub(super) fn close(&self, pause: Duration) {
        self.state().bucket.close(Instant::now() + pause);
    }

    /// The upstream refused a request that was sent at this time as one too many.
    pub(super) fn slow_down(&self, sent: Instant) {
        self.state().bucket.slow_down(sent, Instant::now());
    }

    /// The upstream served a request that was sent at this time.
    pub(super) fn speed_up(&self, sent: Instant) {
        self.state().bucket.speed_up(sent, Instant::now());
    }

    /// How it stands now.
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
    fn ask(&mut self, position: Position, now: Instant) -> Admission {
        let others = self.waiting.range(..position).count();
        if others > 0 {
            return Admission::Queued(self.bucket.wait(others, now));
        }
        self.bucket.take(now).map_or(Admission::Now, Admission::Next)
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

    /// Lets these requests queue up in this order, opens the gate, and tells who went when.
    async fn served<const N: usize>(requests: [(Priority, Effect); N]) -> Vec<(Priority, Effect)> {
        let rate_limiter = rate_limiter(100, 1);
        rate_limiter.close(Duration::from_millis(200));
        let order = Arc::new(Lock::new(Vec::new()));
        let mut tasks = Vec::new();
        for (priority, effect) in requests {
            let (asking, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                asking.take(priority, effect, LONG).await.unwrap();
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
    async fn the_most_urgent_goes_first_and_a_write_before_equally_urgent_reads() {
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
    async fn equals_go_as_they_came_and_all_go() {
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
    async fn who_would_wait_too_long_is_told_so_at_once() {
        let rate_limiter = rate_limiter(1, 1);
        rate_limiter.close(Duration::from_secs(100));
        let begun = Instant::now();
        let wait = rate_limiter.take(Priority::Probe, Effect::Read, Duration::from_secs(20)).await.unwrap_err();
        assert!(wait > Duration::from_secs(90), "{wait:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn who_gives_up_makes_room_for_those_behind() {
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
        assert!(begun.elapsed() < Duration::from_millis(950), "the turn of the first: {:?}", begun.elapsed());
        assert!(rate_limiter.state().waiting.is_empty());
    }
}
