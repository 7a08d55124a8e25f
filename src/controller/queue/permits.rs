//! Whose turn it is: so many objects of one connection at once, the most urgent first.
//!
//! The runtime starts every reconcile as soon as it is due; here it waits for its turn. Each
//! connection has its own turns, so that one whose upstream is slow or silent holds up no object of
//! another. Some turns are kept free of work in the background, which may be slow to end: a change
//! or a deletion need not wait for it.

use crate::api::ConnectionKey;
use crate::upstream::Priority;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The turns of all connections.
pub struct Permits {
    /// At once, of one connection.
    most: usize,
    /// Of these, in the background.
    most_background: usize,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    by_connection: HashMap<ConnectionKey, Queue>,
    arrivals: u64,
}

/// The turns of one connection.
#[derive(Default)]
struct Queue {
    taken: usize,
    /// The least place is the next.
    waiting: BTreeMap<Position, Waiting>,
}

type Position = (Reverse<Priority>, u64);

struct Waiting {
    uid: String,
    call: oneshot::Sender<()>,
}

/// One turn; dropped, it is the next one's.
pub struct Permit {
    permits: Arc<Permits>,
    key: ConnectionKey,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.release(&self.key);
    }
}

/// Gives up a place in the queue, or a turn that came too late.
struct CancelGuard<'a> {
    permits: &'a Arc<Permits>,
    key: &'a ConnectionKey,
    uid: &'a str,
    called: oneshot::Receiver<()>,
    done: bool,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.permits.queues().forget(self.key, self.uid);
        // Called and gone at the same moment.
        if self.called.try_recv().is_ok() {
            self.permits.release(self.key);
        }
    }
}

impl Permits {
    /// So many turns at once for each connection.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        let most = most.max(1);
        Arc::new(Self { most, most_background: (most - most / 4).max(1), queues: Mutex::default() })
    }

    /// Waits for the turn of this object. An object waits once at a time.
    pub async fn acquire(self: &Arc<Self>, key: ConnectionKey, uid: &str, priority: Priority) -> Permit {
        let (call, called) = oneshot::channel();
        let waiting = Waiting { uid: uid.to_owned(), call };
        self.queues().queue_up(key.clone(), priority, waiting);
        self.grant(&key);
        let mut cancel_guard = CancelGuard { permits: self, key: &key, uid, called, done: false };
        // Never an error: whoever takes the other end out of the queue calls first, or is `cancel_guard`.
        let _ = (&mut cancel_guard.called).await;
        cancel_guard.done = true;
        drop(cancel_guard);
        Permit { permits: Arc::clone(self), key }
    }

    /// An object that waits, if it does, has become more urgent.
    pub fn raise_priority(&self, key: &ConnectionKey, uid: &str, priority: Priority) {
        self.queues().raise_priority(key, uid, priority);
        self.grant(key);
    }

    fn release(&self, key: &ConnectionKey) {
        if let Some(queue) = self.queues().by_connection.get_mut(key) {
            queue.taken -= 1;
        }
        self.grant(key);
    }

    /// Calls those whose turn it is.
    fn grant(&self, key: &ConnectionKey) {
        let mut queues = self.queues();
        let Some(queue) = queues.by_connection.get_mut(key) else { return };
        while let Some(next) = queue.waiting.first_entry() {
            let most = if next.key().0.0 == Priority::Background { self.most_background } else { self.most };
            if queue.taken >= most {
                return;
            }
            queue.taken += 1;
            // Whoever is gone gives the turn back.
            if next.remove().call.send(()).is_err() {
                queue.taken -= 1;
            }
        }
        if queue.taken == 0 {
            queues.by_connection.remove(key);
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn queue_up(&mut self, key: ConnectionKey, priority: Priority, waiting: Waiting) {
        self.arrivals += 1;
        let position = (Reverse(priority), self.arrivals);
        self.by_connection.entry(key).or_default().waiting.insert(position, waiting);
    }

    fn forget(&mut self, key: &ConnectionKey, uid: &str) {
        if let Some(queue) = self.by_connection.get_mut(key)
            && let Some(position) = queue.position_of(uid)
        {
            queue.waiting.remove(&position);
        }
    }

    fn raise_priority(&mut self, key: &ConnectionKey, uid: &str, priority: Priority) {
        if let Some(queue) = self.by_connection.get_mut(key)
            && let Some(position @ (Reverse(before), arrival)) = queue.position_of(uid)
            && before < priority
            && let Some(waiting) = queue.waiting.remove(&position)
        {
            queue.waiting.insert((Reverse(priority), arrival), waiting);
        }
    }
}

impl Queue {
    fn position_of(&self, uid: &str) -> Option<Position> {
        self.waiting.iter().find(|(_, waiting)| waiting.uid == uid).map(|(position, _)| *position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    const MOMENT: Duration = Duration::from_millis(50);

    fn key(name: &str) -> ConnectionKey {
        ConnectionKey { namespace: Some("team".to_owned()), name: name.to_owned() }
    }

    /// Somebody who waits for a turn, and is in the queue when this returns.
    async fn waiter(permits: &Arc<Permits>, uid: &str, priority: Priority) -> JoinHandle<Permit> {
        let before = permits.queues().arrivals;
        let task = tokio::spawn({
            let (permits, uid) = (Arc::clone(permits), uid.to_owned());
            async move { permits.acquire(key("a"), &uid, priority).await }
        });
        while permits.queues().arrivals == before {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn comes(task: &mut JoinHandle<Permit>) -> Option<Permit> {
        timeout(MOMENT, task).await.ok().map(Result::unwrap)
    }

    #[tokio::test]
    async fn a_freed_turn_goes_to_the_most_urgent_and_then_to_the_first() {
        let permits = Permits::new(1);
        let held = permits.acquire(key("a"), "holder", Priority::Background).await;
        let mut background = waiter(&permits, "background", Priority::Background).await;
        let mut first = waiter(&permits, "first", Priority::Change).await;
        let mut second = waiter(&permits, "second", Priority::Change).await;
        let mut deletion = waiter(&permits, "deletion", Priority::Deletion).await;
        drop(held);
        let mut turn = None;
        for next in [&mut deletion, &mut first, &mut second, &mut background] {
            drop(turn);
            turn = Some(comes(next).await.expect("its turn"));
        }
        drop(turn);
        assert!(permits.queues().by_connection.is_empty(), "nothing is kept of a connection that nobody uses");
    }

    #[tokio::test]
    async fn a_connection_that_holds_all_its_turns_holds_up_no_other() {
        let permits = Permits::new(2);
        let _held = (
            permits.acquire(key("a"), "1", Priority::Change).await,
            permits.acquire(key("a"), "2", Priority::Change).await,
        );
        let mut third = waiter(&permits, "3", Priority::Change).await;
        assert!(comes(&mut third).await.is_none());
        timeout(MOMENT, permits.acquire(key("b"), "4", Priority::Background))
            .await
            .expect("a turn of its own connection");
    }

    #[tokio::test]
    async fn a_quarter_of_the_turns_is_kept_for_what_somebody_waits_for() {
        let permits = Permits::new(8);
        let mut held = Vec::new();
        for uid in 0..6 {
            held.push(permits.acquire(key("a"), &uid.to_string(), Priority::Background).await);
        }
        let mut seventh = waiter(&permits, "7", Priority::Background).await;
        assert!(comes(&mut seventh).await.is_none());
        for uid in ["8", "9"] {
            held.push(timeout(MOMENT, permits.acquire(key("a"), uid, Priority::Change)).await.expect("a turn"));
        }
        held.truncate(5);
        assert!(comes(&mut seventh).await.is_some());
    }

    #[tokio::test]
    async fn who_becomes_urgent_while_waiting_is_moved_up() {
        let permits = Permits::new(1);
        let held = permits.acquire(key("a"), "holder", Priority::Change).await;
        let mut early = waiter(&permits, "early", Priority::Background).await;
        let mut edited = waiter(&permits, "edited", Priority::Background).await;
        permits.raise_priority(&key("a"), "edited", Priority::Change);
        permits.raise_priority(&key("a"), "edited", Priority::Background);
        drop(held);
        assert!(comes(&mut early).await.is_none());
        drop(comes(&mut edited).await.expect("its turn"));
        assert!(comes(&mut early).await.is_some());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_no_turn_behind() {
        let permits = Permits::new(1);
        let held = permits.acquire(key("a"), "holder", Priority::Change).await;
        let gone = waiter(&permits, "gone", Priority::Deletion).await;
        let mut next = waiter(&permits, "next", Priority::Change).await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(held);
        assert!(comes(&mut next).await.is_some());
        // Called, and gone before it noticed.
        let held = permits.acquire(key("a"), "holder", Priority::Change).await;
        let late = waiter(&permits, "late", Priority::Change).await;
        drop(held);
        late.abort();
        let _ = late.await;
        timeout(MOMENT, permits.acquire(key("a"), "last", Priority::Change)).await.expect("a turn");
    }
}
