//! Remembers when each object was last read and written, and whether it drifts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// When objects were last written and looked at, by uid. Of this process alone: what an earlier one
/// wrote is older than every list of this one.
#[derive(Debug)]
pub struct Observations {
    pub started: Instant,
    last: Mutex<HashMap<String, Last>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Last {
    written: Option<Instant>,
    looked: Option<Instant>,
    /// Whether somebody changed it upstream, and it was not put right yet.
    drifting: bool,
}

impl Default for Observations {
    fn default() -> Self {
        Self { started: Instant::now(), last: Mutex::default() }
    }
}

impl Observations {
    /// The object was written upstream.
    pub fn wrote(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().written = Some(Instant::now());
    }

    /// The object was looked at closely.
    pub fn looked(&self, uid: &str) {
        self.lock().entry(uid.to_owned()).or_default().looked = Some(Instant::now());
    }

    /// The object was found changed upstream by somebody else; whether that is news.
    pub fn drifts(&self, uid: &str) -> bool {
        !std::mem::replace(&mut self.lock().entry(uid.to_owned()).or_default().drifting, true)
    }

    /// The object is upstream as it should be; whether that is news.
    pub fn is_right(&self, uid: &str) -> bool {
        self.lock().get_mut(uid).is_some_and(|last| std::mem::take(&mut last.drifting))
    }

    /// The object is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// How old a list may be that serves this object.
    pub fn not_before(&self, uid: &str, max_age: Duration) -> Instant {
        let young = Instant::now().checked_sub(max_age).unwrap_or(self.started);
        self.last(uid).written.map_or(young, |written| written.max(young))
    }

    /// How long ago the object was looked at closely; since the start, if it never was.
    pub fn since_last_read(&self, uid: &str) -> Duration {
        self.last(uid).looked.unwrap_or(self.started).elapsed()
    }

    fn last(&self, uid: &str) -> Last {
        self.lock().get(uid).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Last>> {
        // Instants are valid at every moment, so a panic elsewhere does not spoil them.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after a start so long ago.
    fn started(ago: Duration) -> Observations {
        Observations { started: Instant::now().checked_sub(ago).unwrap(), ..Observations::default() }
    }

    #[test]
    fn a_list_must_be_younger_than_the_last_write_and_than_the_object_allows() {
        let age = Duration::from_millis(50);
        let observations = started(age * 2);
        let before = Instant::now();
        assert!(observations.not_before("a", age) >= before.checked_sub(age).unwrap());
        assert!(observations.not_before("a", age) < before);
        observations.wrote("a");
        assert!(observations.not_before("a", age) >= before, "nothing older than the write");
        assert!(
            observations.not_before("b", age) < before.max(observations.not_before("a", age)),
            "others are not concerned"
        );
        observations.forget("a");
        assert!(observations.last("a").written.is_none());
    }

    #[test]
    fn drift_is_news_once_until_it_is_put_right() {
        let observations = Observations::default();
        assert!(!observations.is_right("a"));
        assert!(observations.drifts("a") && !observations.drifts("a") && observations.drifts("b"));
        assert!(observations.is_right("a") && !observations.is_right("a"));
        assert!(observations.drifts("a"));
    }

    #[test]
    fn an_object_that_was_never_looked_at_is_unseen_since_the_start() {
        let observations = started(Duration::from_millis(20));
        assert!(observations.since_last_read("a") >= Duration::from_millis(20));
        observations.looked("a");
        assert!(observations.since_last_read("a") < observations.since_last_read("b"));
    }
}
