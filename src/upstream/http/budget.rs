//! Who may send next: the token bucket of one account, and the queue before it.
//!
//! The most urgent request goes first; of equally urgent ones writes go before reads, and else the
//! first come. A sweep over many objects so holds up neither a deletion nor the one change that
//! somebody waits for.

mod bucket;

use super::Effect;
use crate::api::connection::RateLimit;
use crate::upstream::Urgency;
use bucket::Bucket;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// A write does not wait longer than this for its turn: its caller has just made sure that it
/// still leads, and that knowledge ages.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);

/// How a rate limit stands, for people and machines that watch it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
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
pub(super) struct Budget {
    desk: Lock<Desk>,
    /// Somebody left the queue.
    moved: Notify,
}

struct Desk {
    bucket: Bucket,
    waiting: BTreeSet<Place>,
    arrivals: u64,
}

/// A place in the queue; the least is the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    urgency: Reverse<Urgency>,
    read: bool,
    arrival: u64,
}

/// What somebody in the queue is told.
enum Told {
    /// Send.
    Go,
    /// Nobody is before you, and there is a token after this time.
    Next(Duration),
    /// Others are before you, and there is a token for you after this time if nobody more urgent
    /// comes.
    Behind(Duration),
}

/// A place that is given up when its holder goes, for whatever reason.
struct Seat<'a> {
    budget: &'a Budget,
    place: Place,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.budget.desk().waiting.remove(&self.place);
        self.budget.moved.notify_waiters();
    }
}

impl Budget {
    pub(super) fn new(rate: RateLimit) -> Self {
        let desk = Desk { bucket: Bucket::full(rate, Instant::now()), waiting: BTreeSet::new(), arrivals: 0 };
        Self { desk: Lock::new(desk), moved: Notify::new() }
    }

    /// Waits for its turn and a token; the error says after how long it is worth another try.
    pub(super) async fn take(&self, urgency: Urgency, effect: Effect, limit: Duration) -> Result<(), Duration> {
        let limit = if effect == Effect::Write { limit.min(WRITE_PATIENCE) } else { limit };
        let deadline = Instant::now() + limit;
        let seat = self.sit_down(urgency, effect);
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // From here on no move is missed.
            moved.as_mut().enable();
            let now = Instant::now();
            let nap = match self.desk().ask(seat.place, now) {
                Told::Go => return Ok(()),
                Told::Next(wait) | Told::Behind(wait) if now + wait > deadline => return Err(wait),
                Told::Next(wait) => wait,
                Told::Behind(_) => deadline - now,
            };
            // Either way there is reason to ask again.
            let _ = timeout(nap, moved).await;
        }
    }

    /// Lets no request through for this long: the upstream asked for it.
    pub(super) fn close(&self, pause: Duration) {
        self.desk().bucket.close(Instant::now() + pause);
    }

    /// The upstream refused a request that was sent at this time as one too many.
    pub(super) fn slow_down(&self, sent: Instant) {
        self.desk().bucket.slow_down(sent, Instant::now());
    }

    /// The upstream served a request that was sent at this time.
    pub(super) fn speed_up(&self, sent: Instant) {
        self.desk().bucket.speed_up(sent, Instant::now());
    }

    /// How it stands now.
    pub(super) fn reading(&self) -> Reading {
        let mut desk = self.desk();
        let (rate, configured, tokens) = desk.bucket.reading(Instant::now());
        Reading { rate, configured, tokens, waiting: desk.waiting.len() }
    }

    fn sit_down(&self, urgency: Urgency, effect: Effect) -> Seat<'_> {
        let mut desk = self.desk();
        desk.arrivals += 1;
        let place = Place { urgency: Reverse(urgency), read: effect == Effect::Read, arrival: desk.arrivals };
        desk.waiting.insert(place);
        Seat { budget: self, place }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    fn ask(&mut self, place: Place, now: Instant) -> Told {
        let others = self.waiting.range(..place).count();
        if others > 0 {
            return Told::Behind(self.bucket.wait(others, now));
        }
        self.bucket.take(now).map_or(Told::Go, Told::Next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_mins(1);

    fn budget(requests_per_second: i32, burst: i32) -> Arc<Budget> {
        Arc::new(Budget::new(RateLimit { requests_per_second, burst }))
    }

    /// Lets these requests queue up in this order, opens the gate, and tells who went when.
    async fn served<const N: usize>(requests: [(Urgency, Effect); N]) -> Vec<(Urgency, Effect)> {
        let budget = budget(100, 1);
        budget.close(Duration::from_millis(200));
        let order = Arc::new(Lock::new(Vec::new()));
        let mut tasks = Vec::new();
        for (urgency, effect) in requests {
            let (asking, order) = (Arc::clone(&budget), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                asking.take(urgency, effect, LONG).await.unwrap();
                order.lock().unwrap().push((urgency, effect));
            }));
            while budget.desk().waiting.len() < tasks.len() {
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
        use Urgency::{Background, Change, Deletion, Probe};
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
        let budget = budget(200, 1);
        let order = Arc::new(Lock::new(Vec::new()));
        let tasks: Vec<_> = (0..30)
            .map(|number| {
                let (budget, order) = (Arc::clone(&budget), Arc::clone(&order));
                tokio::spawn(async move {
                    budget.take(Urgency::Background, Effect::Read, LONG).await.unwrap();
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
        let budget = budget(1, 1);
        budget.close(Duration::from_secs(100));
        let begun = Instant::now();
        let wait = budget.take(Urgency::Probe, Effect::Read, Duration::from_secs(20)).await.unwrap_err();
        assert!(wait > Duration::from_secs(90), "{wait:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn who_gives_up_makes_room_for_those_behind() {
        let budget = budget(2, 1);
        budget.take(Urgency::Probe, Effect::Read, LONG).await.unwrap();
        let first = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.take(Urgency::Deletion, Effect::Read, LONG).await }
        });
        while budget.desk().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        let begun = Instant::now();
        let (second, ()) = tokio::join!(budget.take(Urgency::Background, Effect::Read, LONG), async {
            first.abort();
        });
        second.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(950), "the turn of the first: {:?}", begun.elapsed());
        assert!(budget.desk().waiting.is_empty());
    }
}
