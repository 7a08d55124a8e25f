//! The rules that apply to a namespace, and what they allow together.

use super::breach::{Breach, BreachKind};
use crate::api::guardrails::{Enforcement, Guardrail, GuardrailStatement};
use crate::engine::access::change::Finding;

/// A rule with its index.
pub type Rule<'r> = (usize, &'r Guardrail);

/// Returns the rules with this enforcement that apply to a namespace; none at all if there is no bound.
pub fn applying<'r>(
    rules: &'r [Guardrail],
    enforcement: Enforcement,
    namespace: &str,
) -> Result<Vec<Rule<'r>>, Breach> {
    let mut of_kind = rules.iter().enumerate().filter(|(_, rule)| rule.enforcement == enforcement).peekable();
    if of_kind.peek().is_none() {
        return Ok(Vec::new());
    }
    let is_named = |rule: &Guardrail| {
        rule.namespaces.as_ref().is_none_or(|namespaces| namespaces.names.iter().any(|name| name == namespace))
    };
    let rules: Vec<Rule<'r>> = of_kind.filter(|(_, rule)| is_named(rule)).collect();
    let namespace = namespace.to_owned();
    if rules.is_empty() { Err(breach(&[], BreachKind::NoRule { namespace })) } else { Ok(rules) }
}

/// Returns the statements that allow; `None` if no rule has any, so that all is allowed.
pub fn allowed<'r>(rules: &[Rule<'r>]) -> Option<Vec<&'r GuardrailStatement>> {
    let lists: Vec<&Vec<GuardrailStatement>> = rules.iter().filter_map(|(_, rule)| rule.allow.as_ref()).collect();
    if lists.is_empty() { None } else { Some(lists.into_iter().flatten().collect()) }
}

/// Returns the breach of rules.
pub fn breach(rules: &[Rule<'_>], kind: BreachKind) -> Breach {
    Breach { rules: rules.iter().map(|(index, _)| *index).collect(), kind }
}

/// Returns a breach unless nothing was found.
pub fn unless_nothing<W>(
    found: Finding<W>,
    rules: &[Rule<'_>],
    kind: impl FnOnce(W) -> BreachKind,
) -> Result<(), Breach> {
    match found {
        Finding::Nothing => Ok(()),
        Finding::Witness(witness) => Err(breach(rules, kind(witness))),
        Finding::Undecided(reason) => Err(breach(rules, BreachKind::Undecided(reason))),
    }
}
