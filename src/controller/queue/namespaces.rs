//! Orders the objects of one connection that wait for a permit: by priority, and with equal priority by namespace
//! in turn.
//!
//! Each namespace has a queue. So a namespace with thousands of waiting objects delays an object of another
//! namespace by one turn. Every fourth permit goes to the namespace that waits longest, whatever the priority.
//! So a namespace that changes its objects in a loop does not starve the creations of the others.

use crate::upstream::Priority;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use tokio::sync::oneshot;

/// Of this many permits, one goes to the namespace that waits longest.
const TURN_BY_WAIT: u64 = 4;

/// How many permits may be in use when a waiter gets one more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For background work.
    pub background: usize,
    /// For creations, changes and deletions.
    pub usual: usize,
    /// For the first change or deletion of a namespace.
    pub first_change: usize,
}

/// An object that waits for a permit. The grant carries the priority that the object has by then.
pub(super) struct Waiter {
    pub uid: String,
    pub grant: oneshot::Sender<Priority>,
}

/// The waiting objects of one connection, by namespace, and the permits that each namespace uses.
#[derive(Default)]
pub(super) struct NamespaceQueues {
    by_namespace: BTreeMap<String, NamespaceQueue>,
    /// How many permits were granted.
    turns: u64,
    in_use: usize,
}

/// The waiters of one namespace.
#[derive(Default)]
struct NamespaceQueue {
    /// The waiter at the lowest position is the next.
    waiters: BTreeMap<Position, Waiter>,
    /// The positions of the waiters, by uid.
    positions: HashMap<String, Position>,
    last_turn: u64,
    /// The permits in use for changes and deletions.
    changes: usize,
}

/// The order of waiters in a queue: the highest priority first, then the first to arrive.
type Position = (Reverse<Priority>, u64);

impl NamespaceQueues {
    /// Adds a waiter. `arrival` grows with each call.
    pub fn push(&mut self, namespace: &str, priority: Priority, arrival: u64, waiter: Waiter) {
        self.by_namespace.entry(namespace.to_owned()).or_default().insert((Reverse(priority), arrival), waiter);
    }

    /// Removes a waiter, if it waits.
    pub fn remove(&mut self, namespace: &str, uid: &str) {
        if let Some(queue) = self.by_namespace.get_mut(namespace) {
            queue.remove(uid);
        }
    }

    /// Raises the priority of a waiter. Never lowers it.
    pub fn raise_priority(&mut self, namespace: &str, uid: &str, priority: Priority) {
        if let Some(queue) = self.by_namespace.get_mut(namespace)
            && let Some(&(Reverse(before), arrival)) = queue.positions.get(uid)
            && before < priority
            && let Some(waiter) = queue.remove(uid)
        {
            queue.insert((Reverse(priority), arrival), waiter);
        }
    }

    /// Grants a permit to the next waiter. Returns `false` if nothing waits, or all that wait are above the limits.
    pub fn grant_next(&mut self, limits: Limits) -> bool {
        let Some(namespace) = self.next(limits) else { return false };
        let Some(queue) = self.by_namespace.get_mut(&namespace) else { return false };
        let Some((priority, waiter)) = queue.pop() else { return false };
        // A waiter that is gone uses neither a permit nor a turn.
        if waiter.grant.send(priority).is_ok() {
            self.turns += 1;
            self.in_use += 1;
            queue.last_turn = self.turns;
            queue.changes += usize::from(priority >= Priority::Change);
        }
        true
    }

    /// Takes a permit back that was granted with this priority.
    pub fn release(&mut self, namespace: &str, priority: Priority) {
        self.in_use = self.in_use.saturating_sub(1);
        if let Some(queue) = self.by_namespace.get_mut(namespace)
            && priority >= Priority::Change
        {
            queue.changes = queue.changes.saturating_sub(1);
        }
    }

    /// Returns how many objects wait.
    pub fn waiting(&self) -> usize {
        self.by_namespace.values().map(|queue| queue.waiters.len()).sum()
    }

    /// Returns how many objects wait with this priority.
    pub fn waiting_with(&self, priority: Priority) -> usize {
        let positions = (Reverse(priority), 0)..=(Reverse(priority), u64::MAX);
        self.by_namespace.values().map(|queue| queue.waiters.range(positions.clone()).count()).sum()
    }

    /// Returns whether no permit is in use and no object waits.
    pub fn is_idle(&self) -> bool {
        self.in_use == 0 && self.by_namespace.values().all(|queue| queue.waiters.is_empty())
    }

    /// Returns the namespace whose first waiter is the next.
    fn next(&self, limits: Limits) -> Option<String> {
        let by_wait = self.turns % TURN_BY_WAIT == TURN_BY_WAIT - 1;
        let waiting = self.by_namespace.iter().filter_map(|(namespace, queue)| {
            let ((priority, arrival), _) = queue.waiters.first_key_value()?;
            let limit = queue.limit(priority.0, limits);
            let rank = (!by_wait).then_some(*priority);
            (self.in_use < limit).then_some(((rank, queue.last_turn, *arrival), namespace))
        });
        waiting.min_by_key(|(rank, _)| *rank).map(|(_, namespace)| namespace.clone())
    }
}

impl NamespaceQueue {
    fn limit(&self, priority: Priority, limits: Limits) -> usize {
        match priority {
            Priority::Background => limits.background,
            Priority::Change | Priority::Deletion | Priority::Probe if self.changes == 0 => limits.first_change,
            Priority::Creation | Priority::Change | Priority::Deletion | Priority::Probe => limits.usual,
        }
    }

    fn insert(&mut self, position: Position, waiter: Waiter) {
        self.positions.insert(waiter.uid.clone(), position);
        self.waiters.insert(position, waiter);
    }

    fn remove(&mut self, uid: &str) -> Option<Waiter> {
        self.waiters.remove(&self.positions.remove(uid)?)
    }

    /// Takes the next waiter and its priority.
    fn pop(&mut self) -> Option<(Priority, Waiter)> {
        let ((Reverse(priority), _), waiter) = self.waiters.pop_first()?;
        self.positions.remove(&waiter.uid);
        Some((priority, waiter))
    }
}
