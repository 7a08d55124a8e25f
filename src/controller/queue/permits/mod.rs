//! Limits how many objects of one connection are reconciled at once. [`namespaces`](super::namespaces) orders those that wait.
//!
//! The runtime starts every reconcile as soon as it is due, and the object waits here for a permit. Each
//! connection has its own permits, so a slow upstream delays no object of another connection. Background work
//! can take long, so it leaves a quarter of the permits (rounded down) to all others. Creations come in crowds, so a
//! change or deletion gets a further permit while its namespace has none in use for one: a quarter of the permits,
//! and at least one, is kept for these.

use super::namespaces::{Limits, NamespaceQueues, Waiter};
use crate::api::ConnectionKey;
use crate::upstream::Priority;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The permits of all connections.
pub struct Permits {
    limits: Limits,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    by_connection: HashMap<ConnectionKey, NamespaceQueues>,
    arrivals: u64,
}

/// An object that is reconciled.
#[derive(Debug, Clone, Copy)]
pub struct Applicant<'a> {
    /// The connection that the object uses.
    pub connection: &'a ConnectionKey,
    /// The namespace of the object.
    pub namespace: &'a str,
    /// The uid of the object.
    pub uid: &'a str,
}

/// The permission to reconcile one object. Dropping it passes it to the next waiter.
pub struct Permit {
    permits: Arc<Permits>,
    connection: ConnectionKey,
    namespace: String,
    priority: Priority,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.permits.release(&self.connection, &self.namespace, self.priority);
    }
}

/// Removes a cancelled waiter from the queue, or releases the permit that it was granted at the same moment.
struct CancelGuard<'a> {
    permits: &'a Arc<Permits>,
    applicant: Applicant<'a>,
    granted: oneshot::Receiver<Priority>,
    done: bool,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let Applicant { connection, namespace, uid } = self.applicant;
        if let Some(waiting) = self.permits.lock().by_connection.get_mut(connection) {
            waiting.remove(namespace, uid);
        }
        if let Ok(priority) = self.granted.try_recv() {
            self.permits.release(connection, namespace, priority);
        }
    }
}

impl Permits {
    /// Allows `limit` permits at once for each connection, and at least one.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        let usual = limit.max(1);
        let quarter = usual / 4;
        let limits = Limits { background: (usual - quarter).max(1), usual, first_change: usual + quarter.max(1) };
        Arc::new(Self { limits, queues: Mutex::default() })
    }

    /// Waits for a permit for this object; `None` if the object names another connection meanwhile. An object waits once
    /// at a time.
    pub async fn acquire(self: &Arc<Self>, applicant: Applicant<'_>, priority: Priority) -> Option<Permit> {
        let (grant, granted) = oneshot::channel();
        let Applicant { connection, namespace, uid } = applicant;
        self.lock().enqueue(applicant, priority, Waiter { uid: uid.to_owned(), grant });
        self.grant(connection);
        let mut cancel_guard = CancelGuard { permits: self, applicant, granted, done: false };
        // An error if the waiter was taken out of the queue, because the object names another connection.
        let granted = (&mut cancel_guard.granted).await;
        cancel_guard.done = true;
        drop(cancel_guard);
        let (connection, namespace) = (connection.clone(), namespace.to_owned());
        granted.ok().map(|priority| Permit { permits: Arc::clone(self), connection, namespace, priority })
    }

    /// Raises the priority of an object that changed, if it waits. Never lowers it. Where it waits for another
    /// connection, which it does not name any more, it stops.
    pub fn raise_priority(&self, applicant: Applicant<'_>, priority: Priority) {
        let Applicant { connection, namespace, uid } = applicant;
        for (key, waiting) in &mut self.lock().by_connection {
            if key == connection {
                waiting.raise_priority(namespace, uid, priority);
            } else {
                waiting.remove(namespace, uid);
            }
        }
        self.grant(connection);
    }

    /// Returns how many objects of a connection wait.
    #[must_use]
    pub fn waiting(&self, connection: &ConnectionKey) -> usize {
        self.lock().by_connection.get(connection).map_or(0, NamespaceQueues::waiting)
    }

    /// Returns how many deletions of a connection wait.
    #[must_use]
    pub fn waiting_deletions(&self, connection: &ConnectionKey) -> usize {
        let queues = self.lock();
        queues.by_connection.get(connection).map_or(0, |queues| queues.waiting_with(Priority::Deletion))
    }

    fn release(&self, connection: &ConnectionKey, namespace: &str, priority: Priority) {
        if let Some(waiting) = self.lock().by_connection.get_mut(connection) {
            waiting.release(namespace, priority);
        }
        self.grant(connection);
    }

    /// Grants the free permits of a connection to the next waiters.
    fn grant(&self, connection: &ConnectionKey) {
        let mut queues = self.lock();
        let Some(waiting) = queues.by_connection.get_mut(connection) else { return };
        while waiting.grant_next(self.limits) {}
        if waiting.is_idle() {
            queues.by_connection.remove(connection);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn enqueue(&mut self, applicant: Applicant<'_>, priority: Priority, waiter: Waiter) {
        self.arrivals += 1;
        let waiting = self.by_connection.entry(applicant.connection.clone()).or_default();
        waiting.push(applicant.namespace, priority, self.arrivals, waiter);
    }
}

#[cfg(test)]
mod tests;
