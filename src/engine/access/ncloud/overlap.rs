//! Searches for a request that permissions allow, among those that some targets name.
//!
//! Two patterns with only `*` have common texts unless they begin or end differently, and one of these texts is easily
//! written ([`glob::common`]). A `Deny` of the permissions may take away what they have in common. That is proven only if
//! it takes away all of one of both sides; else the result is undecided.

use super::context::Solver;
use super::request::{Effect, Request, effect};
use super::search::Hit;
use super::statement::{self, Permission, Statement, Statements, Target};
use super::{MOST_PATTERNS, Question};
use crate::engine::access::change::{Finding, Undecided};
use crate::engine::access::glob;
use crate::engine::access::ncloud::interpretation::Interpretation;
use crate::engine::access::step_limit::StepLimit;
use std::rc::Rc;

/// Finds a request that the permissions allow and one of the targets names. A target names a product whatever the case
/// of its letters, and every product with `*`. The steps are taken from the limit.
pub fn overlap(steps: &StepLimit, permissions: &[Permission<'_>], targets: &[Target<'_>]) -> Finding<Request> {
    find(steps, permissions, targets).into()
}

fn find(
    steps: &StepLimit,
    permissions: &[Permission<'_>],
    targets: &[Target<'_>],
) -> Result<Option<Request>, Undecided> {
    if statement::patterns_in(permissions) > MOST_PATTERNS {
        return Err(Undecided::TooLarge);
    }
    let (clauses, mut undecided) = (Rc::new(Vec::new()), None);
    for (product, own) in &statement::of(permissions) {
        let is_named = |target: &&Target<'_>| target.product == "*" || target.product.eq_ignore_ascii_case(product);
        let named = targets.iter().filter(is_named);
        let named = named.map(|target| Statement::of(false, &Target { product, ..*target }, &clauses));
        let named: Statements<'_> = named.collect();
        if named.is_empty() {
            continue;
        }
        let found = Question::of(product, own, &named)
            .and_then(|question| Overlap { own, named: &named, question: &question, steps }.run());
        match found {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(reason) => undecided = Some(reason),
        }
    }
    undecided.map_or(Ok(None), Err)
}

/// The search for one product.
struct Overlap<'q, 'a> {
    own: &'q Statements<'a>,
    named: &'q Statements<'a>,
    question: &'q Question<'a>,
    steps: &'q StepLimit,
}

/// Two patterns of one dimension, and a pattern of texts that both match.
struct Pair {
    sides: [String; 2],
    common: String,
}

impl<'q, 'a> Overlap<'q, 'a> {
    fn run(&self) -> Result<Option<Request>, Undecided> {
        let mut undecided = None;
        for interpretation in &self.question.interpretations {
            let allowing = self.own.iter().filter(|statement| !statement.denies);
            for (statement, named) in allowing.flat_map(|own| self.named.iter().map(move |named| (own, named))) {
                match self.between(*interpretation, statement, named) {
                    Ok(None) => {}
                    Err(Undecided::TooLarge) => return Err(Undecided::TooLarge),
                    Err(reason) => undecided = Some(reason),
                    Ok(found) => return Ok(found),
                }
            }
        }
        undecided.map_or(Ok(None), Err)
    }

    /// Searches in one interpretation between a statement and a named one.
    fn between(
        &self,
        interpretation: Interpretation,
        statement: &'q Statement<'a>,
        named: &Statement<'a>,
    ) -> Result<Option<Request>, Undecided> {
        let action = |some: &str, other: &str| {
            glob::common(some, other).map(|common| Pair { sides: [some.to_owned(), other.to_owned()], common })
        };
        let resource = |some: &str, other: &str| {
            let sides = [some, other].map(|side| interpretation.resource(side).into_owned());
            interpretation.common_resource(&sides[0], &sides[1]).map(|common| Pair { sides, common })
        };
        let actions = self.pairs(&statement.actions, &named.actions, action)?;
        let resources = self.pairs(&statement.resources, &named.resources, resource)?;
        let mut undecided = None;
        for (action, resource) in actions.iter().flat_map(|action| resources.iter().map(move |it| (action, it))) {
            match self.undenied(interpretation, statement, action, resource) {
                Ok(None) => {}
                Err(Undecided::TooLarge) => return Err(Undecided::TooLarge),
                Err(reason) => undecided = Some(reason),
                Ok(found) => return Ok(found),
            }
        }
        undecided.map_or(Ok(None), Err)
    }

    fn pairs(
        &self,
        some: &[&str],
        others: &[&str],
        pair: impl Fn(&str, &str) -> Option<Pair>,
    ) -> Result<Vec<Pair>, Undecided> {
        let mut pairs = Vec::new();
        for some in some {
            for other in others {
                self.steps.spend(2 + some.len() + other.len())?;
                pairs.extend(pair(some, other));
            }
        }
        Ok(pairs)
    }

    /// Finds a request of both pairs that no `Deny` takes away.
    fn undenied(
        &self,
        interpretation: Interpretation,
        statement: &'q Statement<'a>,
        action: &Pair,
        resource: &Pair,
    ) -> Result<Option<Request>, Undecided> {
        let solve = |action: &str, resource: &str| {
            let denying = self.denying(interpretation, action, resource)?;
            let around = denying.into_iter().map(|deny| &deny.clauses[..]).collect();
            Solver { interpretation, steps: self.steps }.solve(&statement.clauses, around)
        };
        if let Some(context) = solve(&action.common, &resource.common)? {
            let hit = Hit { action: action.common.clone(), resource: resource.common.clone(), context };
            let mut requests = hit.requests(self.question.product, self.question.letter);
            return requests.find(|request| self.is_witness(request)).map(Some).ok_or(Undecided::Pattern);
        }
        for side in &action.sides {
            for other in &resource.sides {
                if matches!(solve(side, other), Ok(None)) {
                    return Ok(None);
                }
            }
        }
        Err(Undecided::Pattern)
    }

    /// Returns the `Deny` statements that take away all texts of both patterns, as far as their conditions hold.
    fn denying(
        &self,
        interpretation: Interpretation,
        action: &str,
        resource: &str,
    ) -> Result<Vec<&'q Statement<'a>>, Undecided> {
        let fill = |pattern: &str| glob::fill(pattern, &self.question.letter.to_string());
        let (action, resource) = (fill(action), fill(resource));
        let mut found = Vec::new();
        for deny in self.own.iter().filter(|statement| statement.denies) {
            self.steps.spend(action.len() + deny.patterns().map(str::len).sum::<usize>())?;
            let has_action = deny.actions.iter().any(|own| glob::matches(own, &action));
            let has_resource = |own: &&str| interpretation.resource_matches(&interpretation.resource(own), &resource).0;
            if has_action && deny.resources.iter().any(has_resource) {
                found.push(deny);
            }
        }
        Ok(found)
    }

    /// Returns whether the request is allowed and named in every interpretation, whatever the conditions mean that are not
    /// understood.
    fn is_witness(&self, request: &Request) -> bool {
        let allows = |statements, interpretation: &Interpretation| {
            self.question
                .opaque
                .iter()
                .all(|opaque| effect(statements, request, *interpretation, *opaque) == Effect::Allowed)
        };
        let mut all = self.question.interpretations.iter();
        all.all(|interpretation| allows(self.own, interpretation) && allows(self.named, interpretation))
    }
}
