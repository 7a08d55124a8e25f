//! The bound of policies of `SpaceONE`.

use super::breach::{Breach, BreachKind, Witness};
use super::rules::{Rule, allowed, unless_nothing};
use crate::api::guardrails::GuardrailStatement;
use crate::engine::access::spaceone::{compare, overlap};
use crate::engine::access::step_limit::{STEPS, StepLimit};

/// The service with which people can change who may do what, and so lift every bound.
const PRIVILEGED: &str = "identity";

/// Judges permissions.
pub(super) fn access(rules: &[Rule<'_>], wanted: &[String]) -> Result<(), Breach> {
    // One limit for all rules.
    let steps = StepLimit::of(STEPS);
    for rule in rules {
        let denied: Vec<String> = patterns(rule.1.deny.iter().flatten());
        let found = overlap(&steps, wanted, &denied, &[]);
        unless_nothing(found, &[*rule], |request| BreachKind::Denied(Witness::Spaceone(request)))?;
    }
    let statements = allowed(rules);
    let bound = statements.map_or_else(|| vec!["*".to_owned()], patterns);
    unless_nothing(compare(&bound, wanted).granted, rules, |request| {
        BreachKind::NotAllowed(Witness::Spaceone(request))
    })?;
    let service = format!("{PRIVILEGED}.");
    let explicit: Vec<String> = bound.iter().filter(|pattern| pattern.starts_with(&service)).cloned().collect();
    let found = overlap(&steps, wanted, &[format!("{service}*")], &explicit);
    unless_nothing(found, rules, |request| BreachKind::NotExplicit {
        witness: Witness::Spaceone(request),
        about: PRIVILEGED.to_owned(),
    })
}

fn patterns<'a>(statements: impl IntoIterator<Item = &'a GuardrailStatement>) -> Vec<String> {
    statements.into_iter().flat_map(|statement| statement.permissions.iter().flatten()).cloned().collect()
}
