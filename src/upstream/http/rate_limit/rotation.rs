//! Gives the waiting requests of one rank their rotation: one request of each namespace, then the next of each.
//!
//! The turn of a request is one more than that of the namespace's last waiting request, and at least the turn that is
//! served now. So a namespace that has many requests waiting delays a request of another namespace by one request.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The turns of all requests that wait, by rank.
pub(super) struct Rotation<R> {
    ranks: HashMap<R, Rank>,
}

/// The turns of one rank.
#[derive(Default)]
struct Rank {
    /// The turn that is served now.
    now: u64,
    /// The last turn that each namespace was given.
    last: HashMap<Arc<str>, u64>,
    waiting: usize,
}

impl<R: Eq + Hash> Default for Rotation<R> {
    fn default() -> Self {
        Self { ranks: HashMap::new() }
    }
}

impl<R: Eq + Hash> Rotation<R> {
    /// Returns the turn of a new request.
    pub(super) fn enter(&mut self, rank: R, namespace: &Arc<str>) -> u64 {
        let rank = self.ranks.entry(rank).or_default();
        rank.waiting += 1;
        let turn = rank.last.get(namespace).map_or(rank.now, |last| rank.now.max(last + 1));
        rank.last.insert(Arc::clone(namespace), turn);
        turn
    }

    /// Records that a request with this turn is served.
    pub(super) fn serve(&mut self, rank: &R, turn: u64) {
        if let Some(rank) = self.ranks.get_mut(rank) {
            rank.now = rank.now.max(turn);
        }
    }

    /// Records that a request left, served or not. Forgets the rank with its last request.
    pub(super) fn leave(&mut self, rank: &R) {
        if let Some(entry) = self.ranks.get_mut(rank) {
            entry.waiting = entry.waiting.saturating_sub(1);
            if entry.waiting == 0 {
                self.ranks.remove(rank);
            }
        }
    }

    /// Returns whether no request waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ranks.is_empty()
    }
}
