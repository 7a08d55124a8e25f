//! Counts the recent deletions of each connection. The count distinguishes a mass deletion from
//! housekeeping.
//!
//! Callers pass the time, and deletions older than the window are dropped. The count is lost at a
//! restart, so callers also pass the deletions that wait: the limit applies to them after a restart too.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// The completed deletions, by connection.
#[derive(Debug)]
pub struct Deletions<C> {
    window: SignedDuration,
    done: HashMap<C, HashMap<String, Timestamp>>,
    alarms: HashMap<C, Timestamp>,
}

impl<C: Eq + Hash + Clone> Deletions<C> {
    /// Returns an empty count over this window.
    #[must_use]
    pub fn within(window: SignedDuration) -> Self {
        Self { window, done: HashMap::new(), alarms: HashMap::new() }
    }

    /// Records that the object with this uid was deleted upstream.
    pub fn note(&mut self, connection: &C, uid: &str, now: Timestamp) {
        self.expire(now);
        self.done.entry(connection.clone()).or_default().insert(uid.to_owned(), now);
    }

    /// Returns how many objects were deleted in the window or wait for their deletion. An object that is
    /// both counts once.
    #[must_use]
    pub fn count(&self, connection: &C, waiting: &BTreeSet<String>, now: Timestamp) -> usize {
        let done = self.done.get(connection).into_iter().flatten();
        let past = done.filter(|(uid, at)| now.duration_since(**at) < self.window && !waiting.contains(*uid)).count();
        past + waiting.len()
    }

    /// Records an alarm about this connection. Returns whether there was none in the window before.
    pub fn record_alarm(&mut self, connection: &C, now: Timestamp) -> bool {
        self.expire(now);
        self.alarms.insert(connection.clone(), now).is_none()
    }

    fn expire(&mut self, now: Timestamp) {
        let window = self.window;
        for done in self.done.values_mut() {
            done.retain(|_, at| now.duration_since(*at) < window);
        }
        self.done.retain(|_, done| !done.is_empty());
        self.alarms.retain(|_, at| now.duration_since(*at) < window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn waiting(uids: &[&str]) -> BTreeSet<String> {
        uids.iter().map(|uid| (*uid).to_owned()).collect()
    }

    #[test]
    fn count_adds_done_and_waiting_deletions_once_each() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        deletions.note(&"a", "1", at(0));
        deletions.note(&"a", "2", at(5));
        assert_eq!(deletions.count(&"a", &waiting(&["3", "4"]), at(5)), 4);
        assert_eq!(deletions.count(&"a", &waiting(&["2", "3"]), at(5)), 3, "deleted upstream and still in Kubernetes");
        assert_eq!(deletions.count(&"a", &waiting(&["3"]), at(10)), 2, "the first is ten minutes old");
        assert_eq!(deletions.count(&"b", &waiting(&[]), at(5)), 0, "another connection");
    }

    #[test]
    fn record_alarm_returns_true_once_in_the_window() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        let raised: Vec<bool> = [0, 1, 9, 12, 13].map(|minute| deletions.record_alarm(&"a", at(minute))).into();
        assert_eq!(raised, [true, false, false, false, false], "each alarm extends the window");
        assert!(deletions.record_alarm(&"a", at(30)) && deletions.record_alarm(&"b", at(30)));
    }

    #[test]
    fn deletions_drop_old_entries() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        deletions.note(&"a", "1", at(0));
        deletions.note(&"b", "2", at(20));
        assert_eq!(deletions.done.len(), 1);
    }
}
