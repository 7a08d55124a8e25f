//! Counts the recent deletions of each connection, and tells a mass deletion from housekeeping.
//!
//! Callers pass the time, and deletions older than the window are dropped. The count is lost at a
//! restart, so callers also pass the deletions that wait: the limit applies to them after a restart too.
//!
//! The limit applies to each namespace: what one namespace deletes does not hold back another. A mistake may also hit
//! many namespaces with a few objects each, such as a repository that renders to nothing. So all namespaces of a
//! connection are held together when [`SEVERAL`] or more of them, each within the limit, exceed it together within
//! one window. A namespace above the limit is held already, and does not count for the others.

use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The number of namespaces that look like one mistake when they exceed the limit together.
pub const SEVERAL: usize = 3;

/// One deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// The uid of the object.
    pub uid: String,
    /// The namespace of the object.
    pub namespace: String,
    /// When a user deleted the object.
    pub since: Timestamp,
}

/// A mass deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mass {
    /// The namespace deletes this many objects.
    OneNamespace(usize),
    /// Several namespaces delete this many objects together.
    SeveralNamespaces(usize),
}

/// The completed deletions, by connection.
#[derive(Debug)]
pub struct Deletions<C> {
    window: SignedDuration,
    done: HashMap<C, Vec<(Deletion, Timestamp)>>,
    alarms: HashMap<(C, Option<String>), Timestamp>,
}

impl<C: Eq + Hash + Clone> Deletions<C> {
    /// Returns an empty count over this window.
    #[must_use]
    pub fn within(window: SignedDuration) -> Self {
        Self { window, done: HashMap::new(), alarms: HashMap::new() }
    }

    /// Records that an object was deleted upstream.
    pub fn note(&mut self, connection: &C, deletion: Deletion, now: Timestamp) {
        self.expire(now);
        let done = self.done.entry(connection.clone()).or_default();
        done.retain(|(other, _)| other.uid != deletion.uid);
        done.push((deletion, now));
    }

    /// Returns whether this deletion is part of a mass deletion: more than `limit` objects were deleted in the window
    /// or wait for their deletion. An object that is both counts once.
    #[must_use]
    pub fn mass(
        &self,
        connection: &C,
        deletion: &Deletion,
        waiting: &[Deletion],
        limit: usize,
        now: Timestamp,
    ) -> Option<Mass> {
        let done = self.done.get(connection).into_iter().flatten();
        let done = done.filter(|(_, at)| now.duration_since(*at) < self.window).map(|(done, _)| done);
        // By uid, so that each object counts once.
        let all: BTreeMap<&str, &Deletion> =
            done.chain(waiting).chain([deletion]).map(|deletion| (deletion.uid.as_str(), deletion)).collect();
        let own = all.values().filter(|other| other.namespace == deletion.namespace).count();
        if own > limit {
            return Some(Mass::OneNamespace(own));
        }
        let mut together = BTreeMap::<&str, usize>::new();
        for other in all.values().filter(|other| other.is_near(deletion, self.window)) {
            *together.entry(&other.namespace).or_default() += 1;
        }
        together.retain(|_, count| *count <= limit);
        let count = together.values().sum();
        (together.len() >= SEVERAL && count > limit).then_some(Mass::SeveralNamespaces(count))
    }

    /// Records an alarm about this connection, and about one namespace if only that one is held. Returns whether there
    /// was none in the window before.
    pub fn record_alarm(&mut self, connection: &C, namespace: Option<&str>, now: Timestamp) -> bool {
        self.expire(now);
        self.alarms.insert((connection.clone(), namespace.map(ToOwned::to_owned)), now).is_none()
    }

    fn expire(&mut self, now: Timestamp) {
        let window = self.window;
        for done in self.done.values_mut() {
            done.retain(|(_, at)| now.duration_since(*at) < window);
        }
        self.done.retain(|_, done| !done.is_empty());
        self.alarms.retain(|_, at| now.duration_since(*at) < window);
    }
}

impl Deletion {
    /// Returns whether a user deleted both objects within one window. Held deletions of one namespace may wait for days,
    /// and must not hold back what another namespace deletes later.
    fn is_near(&self, other: &Self, window: SignedDuration) -> bool {
        self.since.duration_since(other.since).abs() < window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 5;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn deletions() -> Deletions<&'static str> {
        Deletions::within(SignedDuration::from_mins(10))
    }

    /// Returns this many deletions of a namespace, that a user made in this minute.
    fn of(namespace: &str, count: usize, minute: i64) -> Vec<Deletion> {
        let one = |n| Deletion { uid: format!("{namespace}-{n}"), namespace: namespace.to_owned(), since: at(minute) };
        (0..count).map(one).collect()
    }

    /// Returns whether the first deletion of `mine` is held, beside those that wait.
    fn held(mine: &str, waiting: &[Vec<Deletion>]) -> Option<Mass> {
        deletions().mass(&"a", &of(mine, 1, 0)[0], &waiting.concat(), LIMIT, at(0))
    }

    #[test]
    fn mass_adds_done_and_waiting_deletions_once_each() {
        let mut deletions = deletions();
        let mine = of("n", 7, 0);
        deletions.note(&"a", mine[0].clone(), at(0));
        deletions.note(&"a", mine[1].clone(), at(5));
        deletions.note(&"a", mine[1].clone(), at(5));
        let mass = |waiting: &[Deletion], minute| deletions.mass(&"a", &mine[2], waiting, LIMIT, at(minute));
        assert_eq!(mass(&mine[3..6], 5), Some(Mass::OneNamespace(6)));
        assert_eq!(mass(&mine[1..5], 5), None, "deleted upstream and still in Kubernetes");
        assert_eq!(mass(&mine[3..6], 10), None, "the first is ten minutes old");
        assert_eq!(deletions.mass(&"b", &mine[2], &mine[3..7], LIMIT, at(5)), None, "another connection");
    }

    #[test]
    fn namespace_above_the_limit_holds_only_itself() {
        let crowd = of("crowd", 60, 0);
        assert_eq!(held("crowd", std::slice::from_ref(&crowd)), Some(Mass::OneNamespace(60)));
        assert_eq!(held("mine", std::slice::from_ref(&crowd)), None);
        assert_eq!(held("mine", &[crowd.clone(), of("other", 3, 0)]), None, "those above the limit do not count");
        assert_eq!(held("mine", &[crowd, of("other", 5, 0), of("mine", 5, 0)]), None, "two namespaces");
    }

    #[test]
    fn several_namespaces_above_the_limit_together_are_all_held() {
        let many: Vec<Vec<Deletion>> = (0..4).map(|n| of(&format!("team-{n}"), 2, 0)).collect();
        for mine in ["team-0", "team-3", "mine"] {
            let count = if mine == "mine" { 9 } else { 8 };
            assert_eq!(held(mine, &many), Some(Mass::SeveralNamespaces(count)), "{mine}");
        }
        assert_eq!(held("team-0", &many[..2]), None);
    }

    #[test]
    fn deletions_that_wait_for_long_hold_no_other_namespace() {
        let old: Vec<Vec<Deletion>> = (0..4).map(|n| of(&format!("team-{n}"), 2, -60)).collect();
        assert_eq!(held("mine", &old), None);
        let mut mine = old[0][0].clone();
        mine.uid = "later".to_owned();
        let mass = deletions().mass(&"a", &mine, &old.concat(), LIMIT, at(0));
        assert_eq!(mass, Some(Mass::SeveralNamespaces(9)), "a mistake that is found an hour later, after a restart");
    }

    #[test]
    fn record_alarm_returns_true_once_in_the_window() {
        let mut deletions = deletions();
        let raised: Vec<bool> =
            [0, 1, 9, 12, 13].map(|minute| deletions.record_alarm(&"a", Some("n"), at(minute))).into();
        assert_eq!(raised, [true, false, false, false, false], "each alarm extends the window");
        assert!(deletions.record_alarm(&"a", Some("n"), at(30)) && deletions.record_alarm(&"b", Some("n"), at(30)));
        assert!(deletions.record_alarm(&"a", Some("m"), at(30)) && deletions.record_alarm(&"a", None, at(30)));
    }

    #[test]
    fn deletions_drop_old_entries() {
        let mut deletions = deletions();
        deletions.note(&"a", of("n", 1, 0)[0].clone(), at(0));
        deletions.note(&"b", of("n", 1, 0)[0].clone(), at(20));
        assert_eq!(deletions.done.len(), 1);
    }
}
