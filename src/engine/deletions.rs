//! How many objects were deleted lately, through each connection: what tells a mass deletion from
//! housekeeping.
//!
//! Times are handed in, and nothing older than the window is kept. The memory of one process: the
//! deletions that wait are handed in too, so that a restart does not open the gate.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// The deletions that were done, by connection.
#[derive(Debug)]
pub struct Deletions<C> {
    window: SignedDuration,
    done: HashMap<C, HashMap<String, Timestamp>>,
    alarms: HashMap<C, Timestamp>,
}

impl<C: Eq + Hash + Clone> Deletions<C> {
    /// Counts over this time.
    #[must_use]
    pub fn within(window: SignedDuration) -> Self {
        Self { window, done: HashMap::new(), alarms: HashMap::new() }
    }

    /// Notes that the object with this uid was deleted upstream.
    pub fn note(&mut self, connection: &C, uid: &str, now: Timestamp) {
        self.expire(now);
        self.done.entry(connection.clone()).or_default().insert(uid.to_owned(), now);
    }

    /// How many objects were deleted in the window or wait for it; those that are both count once.
    #[must_use]
    pub fn count(&self, connection: &C, waiting: &BTreeSet<String>, now: Timestamp) -> usize {
        let done = self.done.get(connection).into_iter().flatten();
        let past = done.filter(|(uid, at)| now.duration_since(**at) < self.window && !waiting.contains(*uid)).count();
        past + waiting.len()
    }

    /// Whether nobody was told of this connection in the window; it counts as told from now on.
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
    fn what_was_done_and_what_waits_add_up_and_nothing_counts_twice() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        deletions.note(&"a", "1", at(0));
        deletions.note(&"a", "2", at(5));
        assert_eq!(deletions.count(&"a", &waiting(&["3", "4"]), at(5)), 4);
        assert_eq!(deletions.count(&"a", &waiting(&["2", "3"]), at(5)), 3, "deleted upstream, and still shown here");
        assert_eq!(deletions.count(&"a", &waiting(&["3"]), at(10)), 2, "the first is ten minutes old");
        assert_eq!(deletions.count(&"b", &waiting(&[]), at(5)), 0, "another connection");
    }

    #[test]
    fn an_alarm_is_raised_once_in_the_window() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        let raised: Vec<bool> = [0, 1, 9, 12, 13].map(|minute| deletions.record_alarm(&"a", at(minute))).into();
        assert_eq!(raised, [true, false, false, false, false], "as long as it goes on");
        assert!(deletions.record_alarm(&"a", at(30)) && deletions.record_alarm(&"b", at(30)));
    }

    #[test]
    fn what_is_old_takes_no_room() {
        let mut deletions = Deletions::within(SignedDuration::from_mins(10));
        deletions.note(&"a", "1", at(0));
        deletions.note(&"b", "2", at(20));
        assert_eq!(deletions.done.len(), 1);
    }
}
