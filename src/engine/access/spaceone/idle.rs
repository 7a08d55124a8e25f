//! Finds the permissions of a policy that have no effect.

use super::{Permissions, Search, beyond};
use crate::engine::access::spaceone::fnmatch::Pattern;
use crate::engine::access::step_limit::{STEPS, StepLimit};
use std::collections::BTreeSet;

/// Why a permission has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdleCause {
    /// It matches no `service.Resource.verb`.
    MatchesNothing,
    /// Others match everything that it matches.
    Covered,
}

/// How many permissions are compared with each other. Of more, only equal ones are found.
const MOST_COMPARED: usize = 500;

/// Returns the permissions without effect, by their places in the list. Later ones are left out first, so of two equal
/// ones the first counts. What is undecided has an effect.
pub fn idle(permissions: &[String]) -> Vec<(usize, IdleCause)> {
    let steps = StepLimit::of(STEPS);
    let matches_nothing = |text: &String| {
        let Some(pattern) = Pattern::parse(text) else { return false };
        Search::new(&[&pattern], &[], &steps).run() == Ok(None)
    };
    let (mut found, mut left) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (at, text) in permissions.iter().enumerate() {
        if matches_nothing(text) {
            found.push((at, IdleCause::MatchesNothing));
        } else if seen.insert(text) {
            left.push((at, text));
        } else {
            found.push((at, IdleCause::Covered));
        }
    }
    if left.len() <= MOST_COMPARED {
        found.extend(covered(left, &steps).into_iter().map(|at| (at, IdleCause::Covered)));
    }
    found.sort_unstable();
    found
}

/// Returns the places of different permissions that the others cover.
fn covered(mut left: Vec<(usize, &String)>, steps: &StepLimit) -> Vec<usize> {
    let mut found = Vec::new();
    for at in (0..left.len()).rev() {
        let (place, text) = left.remove(at);
        if is_covered(text, &left, steps) {
            found.push(place);
        } else {
            left.insert(at, (place, text));
        }
    }
    found
}

fn is_covered(text: &str, others: &[(usize, &String)], steps: &StepLimit) -> bool {
    let (own, others) = (BTreeSet::from([text.to_owned()]), others.iter().map(|(_, text)| (*text).clone()).collect());
    let (Some(own), Some(others)) = (Permissions::parse(&own), Permissions::parse(&others)) else { return false };
    beyond(&own, &others, steps) == Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(permissions: &[&str]) -> Vec<(usize, IdleCause)> {
        idle(&permissions.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn permission_without_three_parts_matches_nothing() {
        for text in ["inventory", "inventory.Server", "a.b.c.d", "a..b", ""] {
            assert_eq!(found(&["a.b.c", text]), [(1, IdleCause::MatchesNothing)], "{text}");
        }
        assert_eq!(found(&["inventory.*", "*", "a.[x-"]).len(), 2, "only the star counts");
    }

    #[test]
    fn repeated_and_narrower_permissions_are_covered() {
        assert_eq!(found(&["a.B.c", "a.B.c"]), [(1, IdleCause::Covered)]);
        assert_eq!(found(&["a.B.c", "a.*"]), [(0, IdleCause::Covered)]);
        assert_eq!(found(&["a.*", "b.*"]), []);
        assert_eq!(found(&["a.[!A-Z]*", "a.[A-Z]*", "a.*"]), [(2, IdleCause::Covered)], "two cover it together");
    }
}
