//! Counts the corrections of each field. The count distinguishes drift from a drift fight, in which
//! another writer changes a field back after each correction.
//!
//! Corrections of what granted more than the spec count together, whatever their fields: the operator never gives
//! them up, and their number only decides how long it pauses.
//!
//! Callers pass the time. Corrections older than [`WINDOW`] are dropped.

use super::Diff;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a correction counts.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many corrections of one field within [`WINDOW`] are drift. The next one would be a drift fight.
pub const LIMIT: usize = 3;

type ByField = BTreeMap<String, Vec<Timestamp>>;

/// The longest pause between two corrections of access that another writer keeps widening.
pub const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The corrections of all objects, by uid.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Corrections {
    fields: BTreeMap<String, ByField>,
    widenings: BTreeMap<String, Vec<Timestamp>>,
}

/// The corrections of an object that granted more than its spec, within [`WINDOW`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widenings {
    /// How many there were.
    pub count: usize,
    /// When the last one was.
    pub last: Timestamp,
}

impl Widenings {
    /// Returns whether another writer keeps widening the access, and did so within the last `quiet`.
    #[must_use]
    pub fn is_fight(&self, now: Timestamp, quiet: Duration) -> bool {
        let since = Duration::try_from(now.duration_since(self.last)).unwrap_or_default();
        self.count >= LIMIT && since < quiet
    }

    /// Returns how long the operator waits before it compares again: `first` after [`LIMIT`] corrections, then
    /// twice as long after each one, and at most `longest` or [`LONGEST_PAUSE`].
    #[must_use]
    pub fn pause(&self, (first, longest): (Duration, Duration)) -> Duration {
        let doublings = u32::try_from(self.count.saturating_sub(LIMIT)).unwrap_or(u32::MAX);
        first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest).min(LONGEST_PAUSE)
    }
}

impl Corrections {
    /// Records that these fields of an object were corrected.
    pub fn note(&mut self, uid: &str, corrected: &Diff, now: Timestamp) {
        self.expire(now);
        let fields = self.fields.entry(uid.to_owned()).or_default();
        for field in &corrected.fields {
            fields.entry(field.path.clone()).or_default().push(now);
        }
        if corrected.widens() {
            self.widenings.entry(uid.to_owned()).or_default().push(now);
        }
    }

    /// Returns the corrections of an object that granted more than its spec; `None` if there were none.
    #[must_use]
    pub fn widenings(&self, uid: &str, now: Timestamp) -> Option<Widenings> {
        let times: Vec<Timestamp> = self.widenings.get(uid)?.iter().copied().filter(|at| counts(*at, now)).collect();
        times.last().map(|last| Widenings { count: times.len(), last: *last })
    }

    /// Returns the fields of an object that were corrected [`LIMIT`] times within [`WINDOW`].
    #[must_use]
    pub fn fought(&self, uid: &str, now: Timestamp) -> Vec<String> {
        let often = |times: &[Timestamp]| times.iter().filter(|at| counts(**at, now)).count() >= LIMIT;
        let fields = self.fields.get(uid).into_iter().flatten();
        fields.filter(|(_, times)| often(times)).map(|(path, _)| path.clone()).collect()
    }

    /// Returns whether anything is remembered of this object.
    #[cfg(test)]
    #[must_use]
    pub fn knows(&self, uid: &str) -> bool {
        self.fields.contains_key(uid) || self.widenings.contains_key(uid)
    }

    /// Removes the corrections of an object.
    pub fn forget(&mut self, uid: &str) {
        self.fields.remove(uid);
        self.widenings.remove(uid);
    }

    fn expire(&mut self, now: Timestamp) {
        for fields in self.fields.values_mut() {
            for times in fields.values_mut() {
                times.retain(|at| counts(*at, now));
            }
            fields.retain(|_, times| !times.is_empty());
        }
        self.fields.retain(|_, fields| !fields.is_empty());
        self.widenings.retain(|_, times| {
            times.retain(|at| counts(*at, now));
            !times.is_empty()
        });
    }
}

fn counts(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) < WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Remedy;

    fn diff(paths: &[&str]) -> Diff {
        let mut diff = Diff::default();
        for path in paths {
            diff.compare(path, &1, &2, Remedy::Update);
        }
        diff
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    fn corrected(times: &[(&[&str], i64)]) -> Corrections {
        let mut corrections = Corrections::default();
        for (paths, minute) in times {
            corrections.note("uid", &diff(paths), at(*minute));
        }
        corrections
    }

    #[test]
    fn corrections_reach_the_limit_at_the_third_in_an_hour() {
        let twice = corrected(&[(&["spec.x"], 0), (&["spec.x"], 10)]);
        assert_eq!(twice.fought("uid", at(10)), [""; 0]);
        let thrice = corrected(&[(&["spec.x"], 0), (&["spec.x"], 10), (&["spec.x"], 59)]);
        assert_eq!(thrice.fought("uid", at(59)), ["spec.x"]);
        assert_eq!(thrice.fought("uid", at(60)), [""; 0], "the first is an hour old");
    }

    #[test]
    fn corrections_are_counted_per_field_and_object() {
        let apart = corrected(&[(&["spec.x", "spec.y"], 0), (&["spec.x"], 1), (&["spec.y"], 2), (&["spec.x"], 3)]);
        assert_eq!(apart.fought("uid", at(3)), ["spec.x"]);
        assert_eq!(apart.fought("other", at(3)), [""; 0]);
    }

    #[test]
    fn corrections_of_wider_access_pause_longer_and_longer() {
        let mut wider = diff(&["spec.x"]);
        wider.mark_widening("spec.x");
        let mut corrections = corrected(&[(&["spec.x"], 0)]);
        assert_eq!(corrections.widenings("uid", at(0)), None, "nothing was wider");
        let mut pauses = Vec::new();
        for minute in 0..14 {
            corrections.note("uid", &wider, at(minute));
            let widenings = corrections.widenings("uid", at(minute)).unwrap();
            let backoff = (Duration::from_secs(1), Duration::from_hours(1));
            pauses.push(widenings.pause(backoff).as_secs());
            assert_eq!(widenings.is_fight(at(minute), LONGEST_PAUSE), minute >= 2);
            assert!(!widenings.is_fight(at(minute + 5), LONGEST_PAUSE), "quiet for five minutes");
        }
        assert_eq!(pauses, [1, 1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        corrections.forget("uid");
        assert_eq!(corrections.widenings("uid", at(14)), None);
    }

    #[test]
    fn corrections_drop_forgotten_objects_and_old_entries() {
        let mut corrections = corrected(&[(&["spec.x"], 0)]);
        corrections.note("other", &diff(&["spec.x"]), at(61));
        corrections.forget("other");
        assert_eq!(corrections, Corrections::default());
    }

    #[test]
    fn corrections_stay_when_the_clock_jumps_back() {
        let thrice = corrected(&[(&["spec.x"], 600), (&["spec.x"], 601), (&["spec.x"], 602)]);
        assert_eq!(thrice.fought("uid", at(0)), ["spec.x"]);
    }
}
