//! Compares what policies of NAVER Cloud grant.
//!
//! A request names a product, an action, a resource and the values of condition keys. A policy denies it if one of its
//! `Deny` permissions applies, else allows it if an `Allow` applies, else says nothing of it. `new` grants more than
//! `old` if it allows a request that `old` does not, or does not deny one that `old` denies. Both are questions of the
//! same form: is a part of these statements outside of all of those? Patterns have only `*`, so one request for each
//! pair of an action and a resource pattern answers it ([`super::glob`]), with a search for the condition keys.
//!
//! What NAVER Cloud does not document has several [`interpretation`]s. A result counts only if it is the same in all of them.

mod condition;
mod context;
#[cfg(test)]
pub(in crate::engine::access) mod fuzz;
mod idle;
mod interpretation;
#[cfg(test)]
mod laws;
mod overlap;
mod request;
mod search;
mod statement;
mod table;
#[cfg(test)]
pub(in crate::engine::access) mod tests;

pub use condition::{Condition, requires};
pub use idle::{Idle, IdleCause, idle};
pub use overlap::overlap;
pub use request::{Effect, Request};
pub(super) use statement::means_all;
pub use statement::{Permission, Target};

use crate::engine::access::change::{Comparison, Finding, Undecided};
use crate::engine::access::glob;
use crate::engine::access::step_limit::{STEPS, StepLimit};
use interpretation::Interpretation;
use request::effect;
use search::Search;
use statement::Statements;
use std::collections::BTreeSet;

/// The most patterns of actions and resources in a policy that is compared.
const MOST_PATTERNS: usize = 200_000;

/// Compares two lists of permissions.
pub fn compare(old: &[Permission<'_>], new: &[Permission<'_>]) -> Comparison<Request> {
    compare_within(STEPS, old, new)
}

/// Compares within so many steps for each direction.
pub(super) fn compare_within(steps: usize, old: &[Permission<'_>], new: &[Permission<'_>]) -> Comparison<Request> {
    if statement::patterns_in(old).max(statement::patterns_in(new)) > MOST_PATTERNS {
        let undecided = || Finding::Undecided(Undecided::TooLarge);
        return Comparison { granted: undecided(), revoked: undecided() };
    }
    let (old, new, none) = (statement::of(old), statement::of(new), Statements::new());
    let products: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    // Whether a product may be a pattern is not documented.
    let patterns = old != new && products.iter().any(|product| product.contains(['*', '?']));
    let start = || Direction { steps: StepLimit::of(steps), found: Ok(None) };
    let (mut granted, mut revoked) = (start(), start());
    for product in products {
        let (old, new) = (old.get(product).unwrap_or(&none), new.get(product).unwrap_or(&none));
        if old != new {
            let question = if patterns { Err(Undecided::Pattern) } else { Question::of(product, old, new) };
            granted.search(&question, new, old);
            revoked.search(&question, old, new);
        }
    }
    Comparison { granted: granted.found.into(), revoked: revoked.found.into() }
}

/// What both directions need to know of the statements of one product.
struct Question<'p> {
    product: &'p str,
    /// How many patterns there are.
    patterns: usize,
    /// A letter that no pattern has.
    letter: char,
    interpretations: Vec<Interpretation>,
    /// What clauses may turn out as that are not understood.
    opaque: &'static [bool],
}

impl<'p> Question<'p> {
    fn of(product: &'p str, old: &Statements<'_>, new: &Statements<'_>) -> Result<Self, Undecided> {
        let patterns = || old.iter().chain(new).flat_map(statement::Statement::patterns);
        if patterns().any(|pattern| pattern.contains('?')) {
            return Err(Undecided::Pattern);
        }
        let clauses = || old.iter().chain(new).flat_map(|statement| statement.clauses.iter());
        Ok(Self {
            product,
            patterns: patterns().count(),
            letter: glob::unused_letter(patterns()).ok_or(Undecided::TooLarge)?,
            interpretations: Interpretation::all_of(&old.iter().chain(new)),
            opaque: if clauses().any(condition::Clause::is_opaque) { &[false, true] } else { &[false] },
        })
    }

    /// Returns whether `more` treats the request better than `less` in every interpretation, whatever the conditions mean
    /// that are not understood.
    fn holds(&self, request: &Request, more: &Statements<'_>, less: &Statements<'_>) -> bool {
        self.interpretations.iter().all(|interpretation| {
            let effects = |statements| {
                self.opaque.iter().map(move |opaque| effect(statements, request, *interpretation, *opaque))
            };
            effects(more).min() > effects(less).max()
        })
    }
}

/// The search in one direction, product after product.
struct Direction {
    steps: StepLimit,
    found: Result<Option<Request>, Undecided>,
}

impl Direction {
    /// Searches for a request that `more` treats better than `less`. A witness for one product counts, whatever is
    /// undecided for another one.
    fn search(&mut self, question: &Result<Question<'_>, Undecided>, more: &Statements<'_>, less: &Statements<'_>) {
        if matches!(self.found, Ok(Some(_))) {
            return;
        }
        match question.as_ref().map_err(|reason| *reason).and_then(|question| self.beyond(question, more, less)) {
            Ok(None) => {}
            found => self.found = found,
        }
    }

    /// Searches in each interpretation. What is found counts only if it is a witness in all of them.
    fn beyond(
        &self,
        question: &Question<'_>,
        more: &Statements<'_>,
        less: &Statements<'_>,
    ) -> Result<Option<Request>, Undecided> {
        let Question { product, letter, interpretations, patterns, opaque } = question;
        let mut undecided = None;
        for interpretation in interpretations {
            match (Search { more, less, interpretation: *interpretation, letter: *letter, steps: &self.steps }).run() {
                Ok(None) => {}
                Ok(Some(hit)) => {
                    for request in hit.requests(product, *letter) {
                        self.steps.spend(2 * opaque.len() * interpretations.len() * patterns)?;
                        if question.holds(&request, more, less) {
                            return Ok(Some(request));
                        }
                    }
                    undecided = Some(Undecided::Pattern);
                }
                Err(reason) => undecided = Some(reason),
            }
        }
        undecided.map_or(Ok(None), Err)
    }
}
