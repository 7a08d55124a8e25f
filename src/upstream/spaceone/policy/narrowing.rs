//! Permissions that an update takes away, and how long SpaceONE may go on granting them.
//!
//! Identity caches a repository policy for 600 s and what a role permits for 3,600 s, and reads both again only when a
//! user of the role calls something. So a permission that was taken away may be in force for the sum of both.

use crate::engine::Diff;
use crate::engine::access::spaceone;
use serde_json::Value;
use std::time::Duration;

/// How long identity may go on granting what an update takes away.
const CACHED: Duration = Duration::from_mins(10 + 60);

/// Returns how long the permissions that this update takes away may stay in force; `None` if it takes none away.
pub(super) fn delay(wanted: &[String], diff: &Diff) -> Option<Duration> {
    let field = diff.fields.iter().find(|field| field.path == "spec.spaceone.permissions")?;
    // The difference of two sets: the permissions that only the upstream has.
    let removed = field.observed.as_array().into_iter().flatten().filter_map(Value::as_str);
    let removed: Vec<String> = removed.map(str::to_owned).collect();
    spaceone::compare(&removed, wanted).may_narrow().then_some(CACHED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Remedy;

    fn narrows(observed: &[&str], wanted: &[&str]) -> bool {
        let mut diff = Diff::default();
        diff.compare_sets("spec.spaceone.permissions", wanted, observed, Remedy::Update);
        delay(&wanted.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), &diff).is_some()
    }

    #[test]
    fn permission_that_no_pattern_covers_is_taken_away() {
        assert!(narrows(&["a.B.get", "a.B.list"], &["a.B.get"]));
        assert!(narrows(&["*"], &["a.*"]));
        assert!(narrows(&["a.*"], &["a.B.*"]));
        assert!(narrows(&["a.B.get"], &["a.C.get"]));
        assert!(narrows(&["a.B.get"], &["a.[z-a].get"]), "a pattern that is not understood counts as narrower");
    }

    #[test]
    fn wider_permissions_take_nothing_away() {
        assert!(!narrows(&["a.B.get"], &["a.B.get", "a.B.list"]));
        assert!(!narrows(&["a.B.get", "a.B.list"], &["a.B.*"]));
        assert!(!narrows(&["a.B.get", "c.*"], &["*"]));
        assert!(!narrows(&["a.B.get"], &["a.*.get", "x"]));
        assert!(!narrows(&["a.B.get"], &["*.get"]));
        assert!(!narrows(&["a.B.get"], &["a.?.get"]));
        assert!(!narrows(&["a.*", "a.B.get"], &["a.*"]));
    }
}
