//! Remembers writes that reads may not show yet: an upstream may answer reads from a replica or a cache.
//!
//! After each write that the upstream accepted the operator looks a few times, with growing pauses. Only what
//! still differs then is a value that the upstream did not apply, or drift.

use crate::engine::Diff;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the operator looks before it believes that a write had no effect: 1 + 2 + 4 + 8 + 16 seconds.
const LOOKS: u32 = 5;

/// The last write of each object that reads did not show yet, by uid.
#[derive(Debug)]
pub struct Settling {
    writes: Mutex<HashMap<String, Box<Write>>>,
    /// The last update that this process sent for each object, whatever became of it, by uid.
    sent: Mutex<HashMap<String, Sent>>,
    first_pause: Duration,
}

/// An update that was sent.
#[derive(Debug)]
struct Sent {
    /// The hash of its wanted document.
    hash: String,
    at: Instant,
}

/// What a process knows of its last write of an upstream object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWrite {
    /// This process wrote nothing.
    Unknown,
    /// It was a deletion.
    Deletion,
    /// It was a create or an update, so long ago. A replica may not show it yet, although another one does.
    Written(Duration),
}

#[derive(Debug)]
struct Write {
    at: Instant,
    /// How often the operator looked since.
    looks: u32,
    /// Whether a read showed it.
    shown: bool,
    /// Whether it was an update whose response was lost: it may take effect later.
    lost: bool,
    /// The differences before the write, if it was an update.
    before: Option<Diff>,
    /// The id of the object that the write deleted.
    deleted: Option<String>,
    /// Whether a list that serves other deletions as well is to confirm this one.
    deferred: bool,
}

impl Default for Write {
    fn default() -> Self {
        Self { at: Instant::now(), looks: 0, shown: false, lost: false, before: None, deleted: None, deferred: false }
    }
}

impl Settling {
    /// Starts without a write. The pauses double from `first_pause`.
    #[must_use]
    pub fn new(first_pause: Duration) -> Self {
        Self { writes: Mutex::default(), sent: Mutex::default(), first_pause }
    }

    /// Records a write that the upstream accepted.
    pub fn wrote(&self, uid: &str) {
        self.lock().insert(uid.to_owned(), Box::default());
    }

    /// Records that the upstream accepted an update of these differences.
    pub fn updated(&self, uid: &str, diff: &Diff) {
        self.lock().insert(uid.to_owned(), Box::new(Write { before: Some(diff.clone()), ..Write::default() }));
    }

    /// Records that an update to the document with this hash was sent. It may take effect although it fails, and status may
    /// not tell that it succeeded: another writer may change the object meanwhile.
    pub fn sent(&self, uid: &str, hash: &str) {
        let sent = Sent { hash: hash.to_owned(), at: Instant::now() };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), sent);
    }

    /// Returns the hash of the update that was sent last, if that was within this time, and forgets an older one.
    #[must_use]
    pub fn last_sent(&self, uid: &str, within: Duration) -> Option<String> {
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(uid)?.at.elapsed() >= within {
            all.remove(uid);
        }
        all.get(uid).map(|sent| sent.hash.clone())
    }

    /// Records that the response to an update was lost.
    pub fn lost(&self, uid: &str) {
        self.lock().insert(uid.to_owned(), Box::new(Write { lost: true, ..Write::default() }));
    }

    /// Returns whether an update whose response was lost may still take effect, `grace` after it was sent.
    #[must_use]
    pub fn may_land(&self, uid: &str, grace: Duration) -> bool {
        self.lock().get(uid).is_some_and(|write| write.lost && write.at.elapsed() < grace)
    }

    /// Records that the upstream accepted the deletion of this object, and returns when.
    pub fn deleted(&self, uid: &str, id: &str) -> Instant {
        let write = Write { deleted: Some(id.to_owned()), ..Write::default() };
        let at = write.at;
        self.lock().insert(uid.to_owned(), Box::new(write));
        at
    }

    /// Records that a later list is to confirm the deletion: nothing else of the object is left to delete.
    pub fn defer(&self, uid: &str) {
        if let Some(write) = self.lock().get_mut(uid) {
            write.deferred = true;
        }
    }

    /// Returns when the upstream accepted the deletion of this object that a list is to confirm. A look that still shows
    /// the object ends that.
    #[must_use]
    pub fn deferred(&self, uid: &str, id: &str) -> Option<Instant> {
        let writes = self.lock();
        let write = writes.get(uid).filter(|write| write.deferred && write.looks == 0)?;
        (write.deleted.as_deref() == Some(id)).then_some(write.at)
    }

    /// Returns how long the operator looks, in all.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.first_pause.saturating_mul(2_u32.saturating_pow(LOOKS) - 1)
    }

    /// Returns whether reads may not show the last write yet; `None` if this process made none.
    #[must_use]
    pub fn is_open(&self, uid: &str) -> Option<bool> {
        let longest = self.longest();
        self.lock()
            .get(uid)
            .map(|write| !write.shown && write.looks < LOOKS && (write.looks > 0 || write.at.elapsed() < longest))
    }

    /// Returns whether reads may still show this object, which the operator deleted.
    #[must_use]
    pub fn is_deleted(&self, uid: &str, id: &str) -> bool {
        self.lock().get(uid).is_some_and(|write| write.looks < LOOKS && write.deleted.as_deref() == Some(id))
    }

    /// Returns what this process knows of its last write.
    #[must_use]
    pub fn last_write(&self, uid: &str) -> LastWrite {
        match self.lock().get(uid) {
            None => LastWrite::Unknown,
            Some(write) if write.deleted.is_some() => LastWrite::Deletion,
            Some(write) => LastWrite::Written(write.at.elapsed()),
        }
    }

    /// Returns whether the last write of this process was a deletion.
    #[must_use]
    pub fn has_deleted(&self, uid: &str) -> bool {
        self.last_write(uid) == LastWrite::Deletion
    }

    /// Returns the differences before the last write, if it was an update of this process.
    #[must_use]
    pub fn before(&self, uid: &str) -> Option<Diff> {
        self.lock().get(uid)?.before.clone()
    }

    /// Counts a look, and returns the pause before the next.
    pub fn count_look(&self, uid: &str) -> Duration {
        self.count(uid, Write::default)
    }

    /// Counts a look at an object that did not apply a write, and returns the pause before the next.
    pub fn count_review(&self, uid: &str) -> Duration {
        self.count(uid, || Write { looks: LOOKS, ..Write::default() })
    }

    /// Records that a read showed the last write.
    pub fn settled(&self, uid: &str) {
        if let Some(write) = self.lock().get_mut(uid) {
            **write = Write { shown: true, at: write.at, lost: write.lost, ..Write::default() };
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    fn count(&self, uid: &str, unknown: impl Fn() -> Write) -> Duration {
        let mut writes = self.lock();
        let write = writes.entry(uid.to_owned()).or_insert_with(|| Box::new(unknown()));
        if write.shown {
            **write = unknown();
        }
        let pause = self.first_pause.saturating_mul(2_u32.saturating_pow(write.looks));
        write.looks = write.looks.saturating_add(1).min(30);
        pause
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Box<Write>>> {
        // A write is valid at every moment, so a panic elsewhere leaves a valid map.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Remedy;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_until_write_is_no_longer_awaited() {
        let settling = Settling::new(SECOND);
        assert_eq!(settling.is_open("a"), None);
        settling.wrote("a");
        let pauses: Vec<u64> = (0..LOOKS)
            .map(|_| {
                assert_eq!(settling.is_open("a"), Some(true));
                settling.count_look("a").as_secs()
            })
            .collect();
        assert_eq!((pauses, settling.is_open("a")), (vec![1, 2, 4, 8, 16], Some(false)));
        assert_eq!(settling.count_review("a"), SECOND * 32);
        settling.wrote("a");
        assert_eq!(settling.is_open("a"), Some(true), "each write is awaited");
        settling.settled("a");
        assert_eq!(settling.is_open("a"), Some(false), "a read showed the write");
        settling.forget("a");
        assert_eq!(settling.is_open("a"), None);
    }

    #[test]
    fn write_that_no_read_followed_is_awaited_for_a_while() {
        let settling = Settling::new(SECOND);
        assert_eq!(settling.longest(), SECOND * 31);
        settling.wrote("a");
        assert_eq!(settling.is_open("a"), Some(true));
        let before = Instant::now().checked_sub(settling.longest()).unwrap();
        settling.lock().get_mut("a").unwrap().at = before;
        assert_eq!(settling.is_open("a"), Some(false));
    }

    #[test]
    fn review_after_restart_does_not_await_a_write() {
        let settling = Settling::new(SECOND);
        assert_eq!(settling.count_review("a"), SECOND * 32);
        assert_eq!(settling.is_open("a"), Some(false));
    }

    #[test]
    fn update_that_was_sent_is_remembered_for_a_while() {
        let settling = Settling::new(SECOND);
        settling.sent("a", "1");
        settling.sent("a", "2");
        settling.settled("a");
        assert_eq!(settling.last_sent("a", SECOND).as_deref(), Some("2"), "also after a read");
        assert_eq!(settling.last_sent("a", Duration::ZERO), None);
        assert_eq!(settling.last_sent("a", SECOND), None, "it takes no memory any more");
        settling.sent("a", "3");
        settling.forget("a");
        assert_eq!(settling.last_sent("a", SECOND), None);
    }

    #[test]
    fn update_and_deletion_are_remembered() {
        let settling = Settling::new(SECOND);
        let mut diff = Diff::default();
        diff.compare("spec.x", &"new", &"old", Remedy::Update);
        settling.updated("a", &diff);
        assert_eq!(settling.before("a"), Some(diff));
        settling.deleted("a", "id-1");
        assert!(settling.is_deleted("a", "id-1") && !settling.is_deleted("a", "id-2"));
        assert!(settling.before("a").is_none() && settling.deferred("a", "id-1").is_none());
        settling.defer("a");
        assert!(settling.deferred("a", "id-1").is_some() && settling.deferred("a", "id-2").is_none());
        for _ in 0..LOOKS {
            settling.count_look("a");
        }
        assert!(settling.deferred("a", "id-1").is_none(), "a look showed the object");
        assert!(!settling.is_deleted("a", "id-1"), "the deletion is repeated");
    }
}
