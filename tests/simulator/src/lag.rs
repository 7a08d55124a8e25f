//! The lag of reads behind writes, as in stores with replicas and caches.
//!
//! Writes always see the newest state. Time is real time: a clock that a test moves or freezes has no effect.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::faults::millis;

/// How far reads are behind writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lag {
    /// The age of the state that reads of one object show.
    #[serde(with = "millis", rename = "readsMillis")]
    pub reads: Duration,
    /// The age of the state that lists and searches show.
    #[serde(with = "millis", rename = "listsMillis")]
    pub lists: Duration,
    /// How long reads and lists still show a deleted object.
    #[serde(with = "millis", rename = "deletionsMillis")]
    pub deletions: Duration,
}

impl Lag {
    fn longest(self) -> Duration {
        self.reads.max(self.lists).max(self.deletions)
    }
}

/// The states that were replaced by writes, oldest first, each with the time of its write.
#[derive(Debug)]
pub(crate) struct Past<T>(VecDeque<(Instant, Vec<T>)>);

impl<T> Default for Past<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Clone> Past<T> {
    /// Returns the state before a write, to be kept if the write has an effect. `None` if nothing lags.
    pub(crate) fn before(now: &[T], lag: Lag) -> Option<Vec<T>> {
        (!lag.longest().is_zero()).then(|| now.to_vec())
    }

    /// Keeps the state before a write that took effect.
    pub(crate) fn keep(&mut self, before: Vec<T>, lag: Lag) {
        self.0.retain(|(written, _)| written.elapsed() < lag.longest());
        self.0.push_back((Instant::now(), before));
    }

    /// Returns the state that a read shows which is `behind` writes, if it differs from `now`.
    pub(crate) fn seen(&self, now: &[T], behind: Duration, lag: Lag, id: impl Fn(&T) -> &str) -> Option<Vec<T>> {
        if self.0.is_empty() {
            return None;
        }
        let within = |span: Duration| self.0.iter().filter(move |(written, _)| written.elapsed() < span);
        let old = within(behind).next().map(|(_, state)| state);
        let mut seen = old.map_or_else(|| now.to_vec(), Clone::clone);
        let mut known: HashSet<String> = seen.iter().chain(now).map(|object| id(object).to_owned()).collect();
        let before = seen.len();
        for object in within(lag.deletions).flat_map(|(_, state)| state) {
            if known.insert(id(object).to_owned()) {
                seen.push(object.clone());
            }
        }
        (old.is_some() || seen.len() > before).then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn seen(lag: Lag, before: &[&'static str], now: &[&'static str], behind: Duration) -> Option<Vec<&'static str>> {
        let mut past = Past::default();
        past.keep(before.to_vec(), lag);
        past.seen(now, behind, lag, |object| object)
    }

    #[test]
    fn reads_show_state_before_a_write_that_they_lag_behind() {
        let lag = Lag { reads: LONG, ..Lag::default() };
        assert_eq!(seen(lag, &["a"], &["a", "b"], lag.reads), Some(vec!["a"]));
        assert_eq!(seen(lag, &["a"], &["a", "b"], lag.lists), None);
        assert_eq!(seen(lag, &["a"], &[], lag.reads), Some(vec!["a"]));
    }

    #[test]
    fn deleted_object_stays_visible_while_deletions_lag() {
        let lag = Lag { deletions: LONG, ..Lag::default() };
        assert_eq!(seen(lag, &["a", "b"], &["b", "c"], lag.lists), Some(vec!["b", "c", "a"]));
        assert_eq!(seen(lag, &["a"], &["a", "b"], lag.reads), None);
    }

    #[test]
    fn no_state_is_copied_when_nothing_lags() {
        assert_eq!(Past::before(&["a"], Lag::default()), None);
    }
}
