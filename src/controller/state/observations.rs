//! Remembers when each object was last read and written, and whether it drifts.

use super::recent::Recent;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The last read and write of each object, by uid. A restart may forget them: every list of the new process
/// is younger than any write of the old one.
#[derive(Debug)]
pub struct Observations {
    started: Instant,
    last: Mutex<HashMap<String, Last>>,
    /// When each object went that this process did not let go, by kind, namespace and name.
    lost: Mutex<Recent<String, ()>>,
    /// When a read of users failed, by connection.
    users_failed: Mutex<Recent<String, ()>>,
}

/// How long a lost object is remembered: longer than any grace.
const LOST: Duration = Duration::from_hours(1);

#[derive(Debug, Clone, Copy, Default)]
struct Last {
    seen: Option<Instant>,
    deletion_seen: Option<Instant>,
    written: Option<Instant>,
    read: Option<Instant>,
    users_read: Option<Instant>,
    /// Whether another writer changed the upstream object, and nothing corrected it yet.
    drifted: bool,
}

impl Default for Observations {
    fn default() -> Self {
        let recent = || Mutex::new(Recent::new(LOST));
        Self { started: Instant::now(), last: Mutex::default(), lost: recent(), users_failed: recent() }
    }
}

impl Observations {
    /// Returns when this process started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Records that this process saw the Kubernetes object. Only the first time counts.
    pub fn record_seen(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().seen.get_or_insert_with(Instant::now);
    }

    /// Records that this process saw the Kubernetes object in deletion. Only the first time counts.
    pub fn record_deletion_seen(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().deletion_seen.get_or_insert_with(Instant::now);
    }

    /// Returns the earliest start of a list that may serve the deletion of the object: not before this process saw the
    /// deletion, nor before its last write, and no older than `max_age`.
    pub fn deletion_not_before(&self, uid: &str, max_age: Duration) -> Instant {
        let seen = self.last(uid).deletion_seen.unwrap_or_else(Instant::now);
        seen.max(self.not_before(uid, max_age))
    }

    /// Returns how long ago this process saw the Kubernetes object first.
    pub fn seen_for(&self, uid: &str) -> Duration {
        self.last(uid).seen.map_or(Duration::ZERO, |seen| seen.elapsed())
    }

    /// Returns the earliest start of a list that may tell that nothing exists upstream for this object: not before this
    /// process saw it, nor before its last write, and no older than `max_age`.
    pub fn absent_not_before(&self, uid: &str, max_age: Duration) -> Instant {
        let seen = self.last(uid).seen.unwrap_or_else(Instant::now);
        seen.max(self.not_before(uid, max_age))
    }

    /// Records that an object with this kind, namespace and name went, and that this process did not let it go.
    pub fn record_lost(&self, name: String) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).note(name, ());
    }

    /// Returns how long ago an object with this kind, namespace and name was lost.
    pub fn lost_for(&self, name: &str) -> Option<Duration> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get(name).map(|((), at)| at.elapsed())
    }

    /// Records that the operator wrote the upstream object.
    pub fn record_write(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().written = Some(Instant::now());
    }

    /// Records that the operator read the upstream object completely.
    pub fn record_read(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().read = Some(Instant::now());
    }

    /// Records that the operator read the users of the upstream object.
    pub fn record_users_read(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().users_read = Some(Instant::now());
    }

    /// Returns how long ago the users of the upstream object were read; counts from the start if they never were.
    pub fn since_users_read(&self, uid: &str) -> Duration {
        self.last(uid).users_read.unwrap_or(self.started).elapsed()
    }

    /// Records that a read of users failed by this connection.
    pub fn record_users_failed(&self, connection: String) {
        self.users_failed.lock().unwrap_or_else(PoisonError::into_inner).note(connection, ());
    }

    /// Returns how long ago a read of users failed by this connection.
    pub fn users_failed_for(&self, connection: &str) -> Option<Duration> {
        let failed = self.users_failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(connection).map(|((), at)| at.elapsed())
    }

    /// Marks the object as drifted. Returns whether it was not marked before.
    pub fn mark_drifted(&self, uid: &str) -> bool {
        !std::mem::replace(&mut self.lock().entry(uid.to_owned()).or_default().drifted, true)
    }

    /// Clears the mark of drift. Returns whether the object was marked.
    pub fn mark_corrected(&self, uid: &str) -> bool {
        self.lock().get_mut(uid).is_some_and(|last| std::mem::take(&mut last.drifted))
    }

    /// Forgets the object.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Returns the earliest start of a list that may serve this object: younger than its last write, and no
    /// older than `max_age`.
    pub fn not_before(&self, uid: &str, max_age: Duration) -> Instant {
        let oldest = Instant::now().checked_sub(max_age).unwrap_or(self.started);
        self.last(uid).written.map_or(oldest, |written| written.max(oldest))
    }

    /// Returns how long ago the object was read completely; counts from the start if it never was.
    pub fn since_last_read(&self, uid: &str) -> Duration {
        self.last(uid).read.unwrap_or(self.started).elapsed()
    }

    fn last(&self, uid: &str) -> Last {
        self.lock().get(uid).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        // Instants are valid at every moment, so a panic elsewhere leaves a valid map.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the observations of a process that started so long ago.
    fn started(ago: Duration) -> Observations {
        Observations { started: Instant::now().checked_sub(ago).unwrap(), ..Observations::default() }
    }

    #[test]
    fn list_must_be_younger_than_last_write_and_max_age() {
        let age = Duration::from_millis(50);
        let observations = started(age * 2);
        let before = Instant::now();
        assert!(observations.not_before("a", age) >= before.checked_sub(age).unwrap());
        assert!(observations.not_before("a", age) < before);
        observations.record_write("a");
        assert!(observations.not_before("a", age) >= before, "nothing older than the write");
        let other = observations.not_before("b", age);
        assert!(other < before.max(observations.not_before("a", age)), "other objects are not affected");
        observations.forget("a");
        assert!(observations.last("a").written.is_none());
    }

    #[test]
    fn lost_object_is_remembered_by_its_name() {
        let observations = Observations::default();
        assert_eq!(observations.lost_for("Policy a/b"), None);
        observations.record_lost("Policy a/b".to_owned());
        assert!(observations.lost_for("Policy a/b").is_some() && observations.lost_for("Policy a/c").is_none());
    }

    #[test]
    fn list_shows_absence_only_after_object_was_seen() {
        let (observations, age) = (started(Duration::from_secs(9)), Duration::from_secs(5));
        let before = Instant::now();
        assert!(observations.absent_not_before("a", age) >= before, "never seen");
        observations.record_seen("a");
        let seen = observations.absent_not_before("a", age);
        assert!(seen >= before && seen <= Instant::now());
        observations.record_seen("a");
        assert_eq!(observations.absent_not_before("a", age), seen, "the first time counts");
        assert!(observations.absent_not_before("a", Duration::ZERO) > seen, "a list becomes too old");
        observations.record_write("a");
        assert!(observations.absent_not_before("a", age) > seen, "nothing older than the write");
    }

    #[test]
    fn list_serves_a_deletion_only_after_it_was_seen() {
        let (observations, age) = (started(Duration::from_secs(9)), Duration::from_secs(5));
        observations.record_seen("a");
        let before = Instant::now();
        assert!(observations.deletion_not_before("a", age) >= before, "the deletion was never seen");
        observations.record_deletion_seen("a");
        let seen = observations.deletion_not_before("a", age);
        observations.record_deletion_seen("a");
        assert_eq!(observations.deletion_not_before("a", age), seen, "the first time counts");
        observations.record_write("a");
        assert!(observations.deletion_not_before("a", age) > seen, "nothing older than the write");
    }

    #[test]
    fn drift_is_new_once_until_it_is_corrected() {
        let observations = Observations::default();
        assert!(!observations.mark_corrected("a"));
        assert!(observations.mark_drifted("a") && !observations.mark_drifted("a") && observations.mark_drifted("b"));
        assert!(observations.mark_corrected("a") && !observations.mark_corrected("a"));
        assert!(observations.mark_drifted("a"));
    }

    #[test]
    fn unread_object_counts_from_the_start_of_the_process() {
        let observations = started(Duration::from_millis(20));
        assert!(observations.since_last_read("a") >= Duration::from_millis(20));
        observations.record_read("a");
        assert!(observations.since_last_read("a") < observations.since_last_read("b"));
    }
}
