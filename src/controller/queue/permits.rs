//! Limits how many objects of one connection are reconciled at once, and orders those that wait by priority.
//!
//! The runtime starts every reconcile as soon as it is due, and the reconcile waits here for a permit. Each
//! connection has its own permits, so a slow upstream delays no object of another connection. Background work
//! can take long, so it leaves a quarter of the permits (rounded down) to changes and deletions.

use crate::api::ConnectionKey;
use crate::upstream::Priority;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The permits of all connections.
pub struct Permits {
    /// How many permits of one connection may be in use at once.
    limit: usize,
    /// How many permits may be in use when background work gets one more.
    background_limit: usize,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    by_connection: HashMap<ConnectionKey, Queue>,
    arrivals: u64,
}

/// The permits of one connection that are in use, and the objects that wait for one.
#[derive(Default)]
struct Queue {
    in_use: usize,
    /// The waiter at the lowest position is the next.
    waiters: BTreeMap<Position, Waiter>,
}

/// The order of waiters: the highest priority first, then the first to arrive.
type Position = (Reverse<Priority>, u64);

struct Waiter {
    uid: String,
    grant: oneshot::Sender<()>,
}

/// The permission to reconcile one object. Dropping it passes it to the next waiter.
pub struct Permit {
    permits: Arc<Permits>,
    key: ConnectionKey,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.release(&self.key);
    }
}

/// Removes a cancelled waiter from the queue, or releases the permit that it was granted at the same moment.
struct CancelGuard<'a> {
    permits: &'a Arc<Permits>,
    key: &'a ConnectionKey,
    uid: &'a str,
    granted: oneshot::Receiver<()>,
    done: bool,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        self.permits.lock().remove(self.key, self.uid);
        if self.granted.try_recv().is_ok() {
            self.permits.release(self.key);
        }
    }
}

impl Permits {
    /// Allows `limit` permits at once for each connection, and at least one.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        let limit = limit.max(1);
        Arc::new(Self { limit, background_limit: (limit - limit / 4).max(1), queues: Mutex::default() })
    }

    /// Waits for a permit for this object. An object waits once at a time.
    pub async fn acquire(self: &Arc<Self>, key: ConnectionKey, uid: &str, priority: Priority) -> Permit {
        let (grant, granted) = oneshot::channel();
        let waiter = Waiter { uid: uid.to_owned(), grant };
        self.lock().enqueue(key.clone(), priority, waiter);
        self.grant(&key);
        let mut cancel_guard = CancelGuard { permits: self, key: &key, uid, granted, done: false };
        // Never an error: only `grant`, which sends first, and `cancel_guard` take the sender out of the queue.
        let _ = (&mut cancel_guard.granted).await;
        cancel_guard.done = true;
        drop(cancel_guard);
        Permit { permits: Arc::clone(self), key }
    }

    /// Raises the priority of an object, if it waits. Never lowers it.
    pub fn raise_priority(&self, key: &ConnectionKey, uid: &str, priority: Priority) {
        self.lock().raise_priority(key, uid, priority);
        self.grant(key);
    }

    fn release(&self, key: &ConnectionKey) {
        if let Some(queue) = self.lock().by_connection.get_mut(key) {
            queue.in_use -= 1;
        }
        self.grant(key);
    }

    /// Grants the free permits of a connection to the next waiters.
    fn grant(&self, key: &ConnectionKey) {
        let mut queues = self.lock();
        let Some(queue) = queues.by_connection.get_mut(key) else { return };
        while let Some(next) = queue.waiters.first_entry() {
            let limit = if next.key().0.0 == Priority::Background { self.background_limit } else { self.limit };
            if queue.in_use >= limit {
                return;
            }
            queue.in_use += 1;
            // A waiter that is gone does not use its permit.
            if next.remove().grant.send(()).is_err() {
                queue.in_use -= 1;
            }
        }
        if queue.in_use == 0 {
            queues.by_connection.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn enqueue(&mut self, key: ConnectionKey, priority: Priority, waiter: Waiter) {
        self.arrivals += 1;
        let position = (Reverse(priority), self.arrivals);
        self.by_connection.entry(key).or_default().waiters.insert(position, waiter);
    }

    fn remove(&mut self, key: &ConnectionKey, uid: &str) {
        if let Some(queue) = self.by_connection.get_mut(key)
            && let Some(position) = queue.position_of(uid)
        {
            queue.waiters.remove(&position);
        }
    }

    fn raise_priority(&mut self, key: &ConnectionKey, uid: &str, priority: Priority) {
        if let Some(queue) = self.by_connection.get_mut(key)
            && let Some(position @ (Reverse(before), arrival)) = queue.position_of(uid)
            && before < priority
            && let Some(waiter) = queue.waiters.remove(&position)
        {
            queue.waiters.insert((Reverse(priority), arrival), waiter);
        }
    }
}

impl Queue {
    fn position_of(&self, uid: &str) -> Option<Position> {
        self.waiters.iter().find(|(_, waiter)| waiter.uid == uid).map(|(position, _)| *position)
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

    /// Starts a task that waits for a permit, and returns once it is in the queue.
    async fn waiter(permits: &Arc<Permits>, uid: &str, priority: Priority) -> JoinHandle<Permit> {
        let before = permits.lock().arrivals;
        let task = tokio::spawn({
            let (permits, uid) = (Arc::clone(permits), uid.to_owned());
            async move { permits.acquire(key("a"), &uid, priority).await }
        });
        while permits.lock().arrivals == before {
            tokio::task::yield_now().await;
        }
        task
    }

    async fn granted(task: &mut JoinHandle<Permit>) -> Option<Permit> {
        timeout(MOMENT, task).await.ok().map(Result::unwrap)
    }

    #[tokio::test]
    async fn permit_goes_to_highest_priority_then_first_waiter() {
        let permits = Permits::new(1);
        let in_use = permits.acquire(key("a"), "first-user", Priority::Background).await;
        let mut background = waiter(&permits, "background", Priority::Background).await;
        let mut first = waiter(&permits, "first", Priority::Change).await;
        let mut second = waiter(&permits, "second", Priority::Change).await;
        let mut deletion = waiter(&permits, "deletion", Priority::Deletion).await;
        drop(in_use);
        let mut permit = None;
        for next in [&mut deletion, &mut first, &mut second, &mut background] {
            drop(permit);
            permit = Some(granted(next).await.expect("a permit"));
        }
        drop(permit);
        assert!(permits.lock().by_connection.is_empty(), "the entry of an unused connection is removed");
    }

    #[tokio::test]
    async fn busy_connection_does_not_block_other_connections() {
        let permits = Permits::new(2);
        let _in_use = (
            permits.acquire(key("a"), "1", Priority::Change).await,
            permits.acquire(key("a"), "2", Priority::Change).await,
        );
        let mut third = waiter(&permits, "3", Priority::Change).await;
        assert!(granted(&mut third).await.is_none());
        timeout(MOMENT, permits.acquire(key("b"), "4", Priority::Background))
            .await
            .expect("a permit of its own connection");
    }

    #[tokio::test]
    async fn background_work_leaves_a_quarter_of_the_permits() {
        let permits = Permits::new(8);
        let mut in_use = Vec::new();
        for uid in 0..6 {
            in_use.push(permits.acquire(key("a"), &uid.to_string(), Priority::Background).await);
        }
        let mut seventh = waiter(&permits, "7", Priority::Background).await;
        assert!(granted(&mut seventh).await.is_none());
        for uid in ["8", "9"] {
            in_use.push(timeout(MOMENT, permits.acquire(key("a"), uid, Priority::Change)).await.expect("a permit"));
        }
        in_use.truncate(5);
        assert!(granted(&mut seventh).await.is_some());
    }

    #[tokio::test]
    async fn waiter_moves_up_when_priority_is_raised() {
        let permits = Permits::new(1);
        let in_use = permits.acquire(key("a"), "first-user", Priority::Change).await;
        let mut early = waiter(&permits, "early", Priority::Background).await;
        let mut edited = waiter(&permits, "edited", Priority::Background).await;
        permits.raise_priority(&key("a"), "edited", Priority::Change);
        permits.raise_priority(&key("a"), "edited", Priority::Background);
        drop(in_use);
        assert!(granted(&mut early).await.is_none());
        drop(granted(&mut edited).await.expect("a permit"));
        assert!(granted(&mut early).await.is_some());
    }

    #[tokio::test]
    async fn cancelled_waiter_leaks_no_permit() {
        let permits = Permits::new(1);
        let in_use = permits.acquire(key("a"), "first-user", Priority::Change).await;
        let gone = waiter(&permits, "gone", Priority::Deletion).await;
        let mut next = waiter(&permits, "next", Priority::Change).await;
        gone.abort();
        assert!(gone.await.is_err());
        drop(in_use);
        assert!(granted(&mut next).await.is_some());
        // A waiter that is cancelled after the grant, before it runs again.
        let in_use = permits.acquire(key("a"), "first-user", Priority::Change).await;
        let late = waiter(&permits, "late", Priority::Change).await;
        drop(in_use);
        late.abort();
        let _ = late.await;
        timeout(MOMENT, permits.acquire(key("a"), "last", Priority::Change)).await.expect("a permit");
    }
}
