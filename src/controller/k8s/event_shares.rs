//! Shares the queue of events between namespaces: a flood of one tenant does not drop the events of others.
//!
//! Until half of the queue is taken, a namespace may take as much as it likes. From then on it waits for its earlier
//! events once it has its share. So events of others, such as `Orphaned` and `DeleteHeld`, find room.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many events wait at most.
pub const MAX_QUEUED: usize = 1024;
/// How many events of one namespace wait at most when the queue is half full.
const SHARE: usize = MAX_QUEUED / 16;

/// How many events wait, by namespace.
#[derive(Debug, Default)]
pub struct EventShares(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    /// Only namespaces of which events wait.
    by_namespace: HashMap<String, usize>,
}

impl EventShares {
    /// Takes a place for an event. Returns whether there is one for this namespace.
    #[must_use]
    pub fn enter(&self, namespace: &str) -> bool {
        let mut waiting = self.lock();
        let own = waiting.by_namespace.get(namespace).copied().unwrap_or_default();
        let has_room = waiting.all < MAX_QUEUED / 2 || (waiting.all < MAX_QUEUED && own < SHARE);
        if has_room {
            waiting.all += 1;
            waiting.by_namespace.insert(namespace.to_owned(), own + 1);
        }
        has_room
    }

    /// Gives a place back.
    pub fn leave(&self, namespace: &str) {
        let mut waiting = self.lock();
        waiting.all = waiting.all.saturating_sub(1);
        match waiting.by_namespace.get_mut(namespace) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(waiting.by_namespace.remove(namespace)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Both counts are valid at every moment, so a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowded_queue_keeps_room_for_other_namespaces() {
        let shares = EventShares::default();
        let taken = |namespace: &str| (0..2 * MAX_QUEUED).filter(|_| shares.enter(namespace)).count();
        assert_eq!(taken("loud"), MAX_QUEUED / 2);
        assert_eq!(taken("quiet"), SHARE);
        assert_eq!(taken("loud"), 0);
        let others: usize = (0..20).map(|n| taken(&n.to_string())).sum();
        assert_eq!(others, MAX_QUEUED / 2 - SHARE, "the queue has an end");
    }

    #[test]
    fn place_is_free_again_when_its_event_left() {
        let shares = EventShares::default();
        assert!((0..MAX_QUEUED / 2).all(|_| shares.enter("loud")) && !shares.enter("loud"));
        shares.leave("loud");
        assert!(shares.enter("loud") && !shares.enter("loud"));
        (0..MAX_QUEUED / 2).for_each(|_| shares.leave("loud"));
        assert!(shares.lock().by_namespace.is_empty() && shares.lock().all == 0);
    }
}
