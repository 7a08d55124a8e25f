//! Counts the corrections of each field. The count distinguishes drift from a drift fight, in which
//! another writer changes a field back after each correction.
//!
//! Callers pass the time. Corrections older than [`WINDOW`] are dropped.

use super::Diff;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long a correction counts.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How many corrections of one field within [`WINDOW`] are drift. The next one would be a drift fight.
pub const LIMIT: usize = 3;

type ByField = BTreeMap<String, Vec<Timestamp>>;

/// The corrections of all objects, by uid and path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Corrections(BTreeMap<String, ByField>);

impl Corrections {
    /// Records that these fields of an object were corrected.
    pub fn note(&mut self, uid: &str, corrected: &Diff, now: Timestamp) {
        self.expire(now);
        let fields = self.0.entry(uid.to_owned()).or_default();
        for field in &corrected.fields {
            fields.entry(field.path.clone()).or_default().push(now);
        }
    }

    /// Returns the fields of an object that were corrected [`LIMIT`] times within [`WINDOW`].
    #[must_use]
    pub fn fought(&self, uid: &str, now: Timestamp) -> Vec<String> {
        let often = |times: &[Timestamp]| times.iter().filter(|at| counts(**at, now)).count() >= LIMIT;
        let fields = self.0.get(uid).into_iter().flatten();
        fields.filter(|(_, times)| often(times)).map(|(path, _)| path.clone()).collect()
    }

    /// Removes the corrections of an object.
    pub fn forget(&mut self, uid: &str) {
        self.0.remove(uid);
    }

    fn expire(&mut self, now: Timestamp) {
        for fields in self.0.values_mut() {
            for times in fields.values_mut() {
                times.retain(|at| counts(*at, now));
            }
            fields.retain(|_, times| !times.is_empty());
        }
        self.0.retain(|_, fields| !fields.is_empty());
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
