//! The bound of policies of NAVER Cloud.

use super::breach::{Breach, BreachKind, Witness};
use super::rules::{Rule, allowed, breach, unless_nothing};
use crate::api::guardrails::GuardrailStatement;
use crate::engine::access::change::Undecided;
use crate::engine::access::ncloud::{Permission, Request, Target, compare, overlap, requires};
use crate::engine::access::step_limit::{STEPS, StepLimit};
use std::collections::BTreeSet;

/// The products with which people can change who may do what, and so lift every bound.
const PRIVILEGED: [&str; 3] = ["IAM", "Organization", "SSO"];

/// Judges permissions.
pub(super) fn access(rules: &[Rule<'_>], wanted: &[Permission<'_>]) -> Result<(), Breach> {
    if products(wanted).iter().any(|product| product.contains(['*', '?'])) {
        // Whether a product may be a pattern is not documented.
        return Err(breach(rules, BreachKind::Undecided(Undecided::Pattern)));
    }
    // One limit for all rules.
    let steps = StepLimit::of(STEPS);
    let everything = vec!["*".to_owned()];
    for rule in rules {
        let denied: Vec<Target<'_>> = rule.1.deny.iter().flatten().filter_map(|it| target(it, &everything)).collect();
        unless_nothing(overlap(&steps, wanted, &denied), &[*rule], |request| {
            BreachKind::Denied(Witness::Ncloud(request.into()))
        })?;
        conditions(*rule, wanted)?;
    }
    let bound = bound(rules, wanted, &everything);
    unless_nothing(compare(&bound, wanted).granted, rules, not_allowed)
}

/// Returns the products of the permissions that allow.
fn products<'a>(wanted: &[Permission<'a>]) -> BTreeSet<&'a str> {
    let allowing = wanted.iter().filter(|permission| !permission.denies);
    allowing.flat_map(|permission| &permission.targets).map(|target| target.product).collect()
}

fn target<'a>(statement: &'a GuardrailStatement, everything: &'a [String]) -> Option<Target<'a>> {
    let GuardrailStatement { product, actions, resource_nrns, permissions: _ } = statement;
    let resources = resource_nrns.as_deref().unwrap_or(everything);
    Some(Target { product: product.as_deref()?, actions: actions.as_deref()?, resources })
}

fn is_privileged(product: &str) -> bool {
    PRIVILEGED.iter().any(|privileged| privileged.eq_ignore_ascii_case(product))
}

/// Returns the bound that the rules allow, for the products that are wanted.
fn bound<'a>(rules: &[Rule<'a>], wanted: &[Permission<'a>], everything: &'a [String]) -> Vec<Permission<'a>> {
    let statements = allowed(rules);
    let explicit: Vec<Target<'a>> = match &statements {
        Some(statements) => statements.iter().filter_map(|statement| target(statement, everything)).collect(),
        None => vec![Target { product: "*", actions: everything, resources: everything }],
    };
    let ordinary: Vec<&str> = products(wanted).into_iter().filter(|product| !is_privileged(product)).collect();
    let spelled_out = |target: Target<'a>| match target.product {
        "*" => ordinary.iter().map(|product| Target { product, ..target }).collect(),
        _ => vec![target],
    };
    let targets = explicit.into_iter().flat_map(spelled_out).collect();
    vec![Permission { denies: false, targets, condition: None }]
}

fn not_allowed(request: Request) -> BreachKind {
    let about = request.product.clone();
    let witness = Witness::Ncloud(request.into());
    if is_privileged(&about) { BreachKind::NotExplicit { witness, about } } else { BreachKind::NotAllowed(witness) }
}

/// Judges whether each permission that allows has the conditions that a rule requires.
fn conditions(rule: Rule<'_>, wanted: &[Permission<'_>]) -> Result<(), Breach> {
    for key in rule.1.require_conditions.iter().flatten() {
        let lacks = |permission: &&Permission<'_>| !permission.denies && !requires(permission.condition, key);
        for permission in wanted.iter().filter(lacks) {
            let alone = Permission { condition: None, ..permission.clone() };
            let found = compare(&[], &[alone]).granted;
            unless_nothing(found, &[rule], |request| BreachKind::NoCondition {
                witness: Witness::Ncloud(request.into()),
                key: key.clone(),
            })?;
        }
    }
    Ok(())
}
