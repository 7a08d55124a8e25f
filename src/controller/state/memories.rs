//! Forgets objects that are gone in every memory that is kept by uid.
//!
//! A reconcile under way may write into a memory after its object went. So an object is forgotten twice: when it goes, and
//! once more when no reconcile of it can be under way.

use super::observations::Observations;
use super::places::Places;
use super::records::Records;
use super::settling::Settling;
use crate::api::status::UpstreamRef;
use crate::engine::corrections::Corrections;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a reconcile may go on after its object went: longer than any.
pub const LATE: Duration = Duration::from_mins(10);

/// The memories that are kept by uid.
pub struct Memories<'a> {
    /// What each object recorded last.
    pub records: &'a Records,
    /// Where each upstream object is.
    pub places: &'a Places,
    /// The writes that reads may not show yet.
    pub settling: &'a Settling,
    /// When each object was last read and written.
    pub observations: &'a Observations,
    /// How often each field was corrected.
    pub corrections: &'a Mutex<Corrections>,
}

impl Memories<'_> {
    /// Forgets what is remembered of the work on an object that stays, or whose record is still needed.
    pub fn forget_work(&self, uid: &str) {
        self.observations.forget(uid);
        self.settling.forget(uid);
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner).forget(uid);
    }

    /// Forgets an object that is gone. Returns the upstream object that it recorded last, as [`Records::forget`] does.
    pub fn forget(&self, uid: &str, shown: Option<UpstreamRef>) -> Option<UpstreamRef> {
        self.forget_work(uid);
        self.places.forget(uid);
        self.records.forget(uid, shown)
    }
}

/// The objects that went lately, by uid.
#[derive(Debug, Default)]
pub struct Departed(Mutex<HashMap<String, Instant>>);

impl Departed {
    /// Notes that an object is gone.
    pub fn note(&self, uid: &str) {
        self.lock().insert(uid.to_owned(), Instant::now());
    }

    /// Forgets once more the objects that went at least `late` ago. One that is there after all was missing in the list
    /// of an API server that lagged: it keeps its memory.
    pub fn forget_again(&self, late: Duration, there: impl FnOnce() -> HashSet<String>, forget: impl Fn(&str)) {
        let due: Vec<String> = self.lock().extract_if(|_, at| at.elapsed() >= late).map(|(uid, _)| uid).collect();
        if due.is_empty() {
            return;
        }
        let there = there();
        for uid in due.iter().filter(|uid| !there.contains(*uid)) {
            forget(uid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        // Each entry is inserted and removed whole, so a panic elsewhere leaves a valid map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Diff, Remedy};

    /// All memories of a process.
    struct Process {
        records: Records,
        places: Places,
        settling: Settling,
        observations: Observations,
        corrections: Mutex<Corrections>,
    }

    impl Process {
        fn new() -> Self {
            let second = Duration::from_secs(1);
            Self {
                records: Records::default(),
                places: Places::default(),
                settling: Settling::new(second),
                observations: Observations::default(),
                corrections: Mutex::default(),
            }
        }

        fn memories(&self) -> Memories<'_> {
            let Self { records, places, settling, observations, corrections } = self;
            Memories { records, places, settling, observations, corrections }
        }

        /// Writes into every memory, as a reconcile does.
        fn write(&self, uid: &str) {
            let mut diff = Diff::default();
            diff.compare("spec.x", &"new", &"old", Remedy::Update);
            self.records.prove(uid, "id-1");
            self.places.keep(uid, None);
            self.settling.wrote(uid);
            self.observations.mark_drifted(uid);
            self.corrections.lock().unwrap().note(uid, &diff, "2026-11-21T08:00:00Z".parse().unwrap());
        }

        fn forget(&self, uid: &str) {
            self.memories().forget(uid, None);
        }

        /// Counts the memories that know an object.
        fn knows(&self, uid: &str) -> usize {
            let known = [
                self.records.proven(uid).is_some(),
                self.places.knows(uid),
                self.settling.is_open(uid).is_some(),
                self.observations.mark_corrected(uid),
                self.corrections.lock().unwrap().knows(uid),
            ];
            known.into_iter().filter(|known| *known).count()
        }
    }

    #[test]
    fn object_that_went_is_forgotten_everywhere() {
        let process = Process::new();
        process.write("a");
        assert_eq!(process.knows("a"), 5);
        process.write("a");
        process.forget("a");
        assert_eq!(process.knows("a"), 0);
    }

    #[test]
    fn late_write_of_an_object_that_went_does_not_stay() {
        let (process, departed) = (Process::new(), Departed::default());
        process.forget("a");
        departed.note("a");
        process.write("a");
        departed.forget_again(LATE, HashSet::new, |uid| process.forget(uid));
        assert_eq!(process.knows("a"), 5, "its reconcile may go on");
        process.write("a");
        departed.forget_again(Duration::ZERO, HashSet::new, |uid| process.forget(uid));
        assert_eq!(process.knows("a"), 0);
        process.write("a");
        departed.forget_again(Duration::ZERO, HashSet::new, |uid| process.forget(uid));
        assert_eq!(process.knows("a"), 5, "it is forgotten once more, and not for ever");
    }

    #[test]
    fn object_that_a_list_left_out_keeps_its_memory() {
        let (process, departed) = (Process::new(), Departed::default());
        departed.note("a");
        process.write("a");
        departed.forget_again(Duration::ZERO, || HashSet::from(["a".to_owned()]), |uid| process.forget(uid));
        assert_eq!(process.knows("a"), 5);
    }
}
