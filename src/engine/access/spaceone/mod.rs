//! Compares what permissions of `SpaceONE` grant.
//!
//! A request is `service.Resource.verb`: three parts with no dots inside. It is allowed if a permission matches it as
//! a pattern of Python's `fnmatch`. No permission denies. So `new` grants more than `old` if a permission of `new`
//! matches a request that none of `old` matches. `?` and `[...]` let several patterns together match all of another
//! one, so a search decides that: see [`search`].

mod fnmatch;
mod idle;
mod search;
#[cfg(test)]
pub(in crate::engine::access) mod tests;

use crate::engine::access::change::{Comparison, Finding, Undecided};
use crate::engine::access::step_limit::{STEPS, StepLimit};
use fnmatch::Pattern;
pub use idle::{IdleCause, idle};
use search::Search;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Compares two lists of permissions. A witness is a request.
pub fn compare(old: &[String], new: &[String]) -> Comparison<String> {
    compare_within(STEPS, old, new)
}

/// Compares within so many steps for each direction.
pub(super) fn compare_within(steps: usize, old: &[String], new: &[String]) -> Comparison<String> {
    let set = |permissions: &[String]| permissions.iter().cloned().collect::<BTreeSet<String>>();
    let (old, new) = (set(old), set(new));
    if old == new {
        return Comparison { granted: Finding::Nothing, revoked: Finding::Nothing };
    }
    let (Some(old), Some(new)) = (Permissions::parse(&old), Permissions::parse(&new)) else {
        let undecided = || Finding::Undecided(Undecided::Pattern);
        return Comparison { granted: undecided(), revoked: undecided() };
    };
    let beyond = |more, less| beyond(more, less, &StepLimit::of(steps)).into();
    Comparison { granted: beyond(&new, &old), revoked: beyond(&old, &new) }
}

/// Parsed permissions, by the text that everything starts with that they match.
#[derive(Default)]
struct Permissions<'a> {
    by_prefix: BTreeMap<String, Vec<(&'a str, Pattern)>>,
}

impl<'a> Permissions<'a> {
    /// Parses permissions; `None` if one is not understood.
    fn parse(texts: &'a BTreeSet<String>) -> Option<Self> {
        let mut permissions = Self::default();
        for text in texts {
            let pattern = Pattern::parse(text)?;
            permissions.by_prefix.entry(pattern.prefix()).or_default().push((text, pattern));
        }
        Some(permissions)
    }

    fn has(&self, prefix: &str, text: &str) -> bool {
        self.by_prefix.get(prefix).is_some_and(|all| all.iter().any(|(own, _)| *own == text))
    }

    /// Returns those that may match a request that starts with this text: one prefix starts with the other.
    fn near(&self, prefix: &str, steps: &StepLimit) -> Result<Vec<&Pattern>, Undecided> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let longer = self.by_prefix.range::<str, _>(from).take_while(|(own, _)| own.starts_with(prefix));
        let shorter = prefix.char_indices().filter_map(|(end, _)| self.by_prefix.get(&prefix[..end]));
        let near = longer.map(|(_, all)| all).chain(shorter).flatten().map(|(_, pattern)| pattern);
        let near: Vec<&Pattern> = near.collect();
        steps.spend(prefix.len() + near.len())?;
        Ok(near)
    }
}

/// Finds a request that a permission of `more` matches, and none of `less`.
fn beyond(more: &Permissions<'_>, less: &Permissions<'_>, steps: &StepLimit) -> Result<Option<String>, Undecided> {
    let mut undecided = None;
    let all = more.by_prefix.iter().flat_map(|(prefix, all)| all.iter().map(move |(text, own)| (prefix, text, own)));
    for (prefix, _, pattern) in all.filter(|(prefix, text, _)| !less.has(prefix, text)) {
        match less.near(prefix, steps).and_then(|near| Search::new(&[pattern], &near, steps).run()) {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(reason) => undecided = Some(reason),
        }
    }
    undecided.map_or(Ok(None), Err)
}

/// Finds a request that permissions allow and one of the named patterns matches, and none of `except`. The steps are taken
/// from the limit.
pub fn overlap(steps: &StepLimit, permissions: &[String], named: &[String], except: &[String]) -> Finding<String> {
    let parse = |texts: &[String]| texts.iter().map(|text| Pattern::parse(text)).collect::<Option<Vec<_>>>();
    let (Some(own), Some(named), Some(except)) = (parse(permissions), parse(named), parse(except)) else {
        return Finding::Undecided(Undecided::Pattern);
    };
    let except: Vec<&Pattern> = except.iter().collect();
    let mut undecided = None;
    for (own, named) in own.iter().flat_map(|own| named.iter().map(move |named| (own, named))) {
        match Search::new(&[own, named], &except, steps).run() {
            Ok(None) => {}
            Ok(found) => return Ok(found).into(),
            Err(reason) => undecided = Some(reason),
        }
    }
    undecided.map_or(Ok(None), Err).into()
}
