//! The ways of reading what NAVER Cloud does not document.

use super::condition::Clause;
use super::statement::Statement;
use crate::engine::access::glob;
use std::borrow::Cow;

/// The parts of a resource name: `nrn:<domain>:<product>:<region>:<member>:<resource>`.
const PARTS: usize = 6;

/// The place of the member number among the parts.
const MEMBER: usize = 4;

/// One way of reading. Only the ways that make a difference for the statements at hand are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interpretation {
    /// Whether `*` in a resource also stands for colons. If not, it stands for text within its part.
    pub star_crosses_colon: bool,
    /// Whether an empty member number stands for any.
    pub empty_member_is_any: bool,
    /// Whether a negated operator holds for a request without its key.
    pub absent_passes_not: bool,
}

impl Interpretation {
    /// Returns those that make a difference for these statements.
    pub fn all_of<'s, 'a: 's>(statements: &(impl Iterator<Item = &'s Statement<'a>> + Clone)) -> Vec<Self> {
        let resources = || statements.clone().flat_map(|statement| &statement.resources).copied();
        let parts = |resource: &str| resource.split(':').count();
        let most = resources().map(parts).max().unwrap_or_default().max(PARTS);
        let crossing = resources().any(|resource| resource != "*" && resource.contains('*') && parts(resource) < most);
        let members = resources().any(has_empty_member);
        let negations = statements.clone().any(|statement| statement.clauses.iter().any(Clause::is_negated));
        let ways = |is_relevant: bool| if is_relevant { &[false, true][..] } else { &[false][..] };
        let mut all = Vec::new();
        for &star_crosses_colon in ways(crossing) {
            for &empty_member_is_any in ways(members) {
                let read = |absent_passes_not| Self { star_crosses_colon, empty_member_is_any, absent_passes_not };
                all.extend(ways(negations).iter().map(|&absent_passes_not| read(absent_passes_not)));
            }
        }
        all
    }

    /// Returns a resource pattern in which every part is written out that stands for any text.
    pub fn resource(self, pattern: &str) -> Cow<'_, str> {
        if !self.empty_member_is_any || !has_empty_member(pattern) {
            return Cow::Borrowed(pattern);
        }
        let parts = pattern.split(':').enumerate();
        Cow::Owned(parts.map(|(at, part)| if at == MEMBER { "*" } else { part }).collect::<Vec<_>>().join(":"))
    }

    /// Returns a pattern of resources that both patterns match, which [`Self::resource`] returned; `None` if there are
    /// none.
    pub fn common_resource(self, some: &str, other: &str) -> Option<String> {
        if self.star_crosses_colon || some == "*" || other == "*" {
            return glob::common(some, other);
        }
        let (parts, others): (Vec<&str>, Vec<&str>) = (some.split(':').collect(), other.split(':').collect());
        if parts.len() != others.len() {
            return None;
        }
        let parts: Option<Vec<_>> = parts.iter().zip(others).map(|(part, other)| glob::common(part, other)).collect();
        Some(parts?.join(":"))
    }

    /// Returns whether a resource matches a pattern that [`Self::resource`] returned, and in how many steps that was
    /// decided.
    pub fn resource_matches(self, pattern: &str, resource: &str) -> (bool, usize) {
        if self.star_crosses_colon || pattern == "*" {
            return glob::match_steps(pattern, resource);
        }
        let mut steps = 1;
        let (mut parts, mut others) = (pattern.split(':'), resource.split(':'));
        loop {
            match (parts.next(), others.next()) {
                (None, None) => return (true, steps),
                (Some(part), Some(other)) => {
                    let (matched, more) = glob::match_steps(part, other);
                    steps += more;
                    if !matched {
                        return (false, steps);
                    }
                }
                (Some(_), None) | (None, Some(_)) => return (false, steps),
            }
        }
    }
}

fn has_empty_member(resource: &str) -> bool {
    let parts: Vec<&str> = resource.split(':').collect();
    parts.len() == PARTS && parts[MEMBER].is_empty()
}
