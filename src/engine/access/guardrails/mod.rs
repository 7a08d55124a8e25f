//! Judges what an object would grant by the guardrails of its connection.
//!
//! **Place.** A pure part of the algebra. The controller asks before each write that may grant something, and once more
//! with what it has just read of the connection.
//!
//! **Types.** [`Grants`] is what an object grants: permissions of NAVER Cloud, of `SpaceONE`, or nothing. [`judge`] takes
//! the rules and a [`Candidate`] and returns a [`Judgement`]: within, beyond with the [`Breach`] that names the rules and a
//! witness, or unknown. Unknown counts as beyond.
//!
//! **Contract.** The rules of a connection that apply to the namespace form one bound for each [`Enforcement`]:
//! - Their `allow` statements permit together. Without any, everything is permitted that needs no explicit statement.
//! - Products and services with which people could lift the bound themselves always need an explicit statement.
//! - Each `deny`, `requireConditions`, `namePrefix` and `maxPolicies` holds, whatever the other rules say.
//! - A namespace to which no rule applies may grant nothing: a misspelt name must not lift the bound.

mod breach;
#[cfg(test)]
mod fuzz;
mod ncloud;
mod rules;
mod spaceone;
#[cfg(test)]
mod tests;

pub use breach::{Breach, BreachKind, Witness};

use super::ncloud::Permission;
use crate::api::guardrails::{Enforcement, Guardrail};
use rules::{Rule, applying, breach};

/// What an object grants.
#[derive(Debug, Clone, PartialEq)]
pub enum Grants<'a> {
    /// No access.
    Nothing,
    /// Permissions of a policy of NAVER Cloud.
    Ncloud(Vec<Permission<'a>>),
    /// Permissions of a policy of `SpaceONE`.
    Spaceone(&'a [String]),
}

/// An object that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its upstream name.
    pub name: &'a str,
    /// How many objects of the namespace use the connection and come before it.
    pub older: usize,
    /// What it grants.
    pub grants: &'a Grants<'a>,
}

/// Whether an object is within the bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// It is, for certain.
    Within,
    /// It is not.
    Beyond(Breach),
    /// Neither is known, for the reason in the breach: it counts as beyond.
    Unknown(Breach),
}

impl Judgement {
    /// Returns why the object counts as beyond the bound.
    #[must_use]
    pub fn breach(&self) -> Option<&Breach> {
        match self {
            Self::Within => None,
            Self::Beyond(breach) | Self::Unknown(breach) => Some(breach),
        }
    }
}

/// Judges an object by the rules with this enforcement.
#[must_use]
pub fn judge(rules: &[Guardrail], enforcement: Enforcement, candidate: &Candidate<'_>) -> Judgement {
    into_judgement(applying(rules, enforcement, candidate.namespace).and_then(|rules| {
        limits(&rules, candidate)?;
        access(&rules, candidate.grants)
    }))
}

/// Judges access alone, such as that of an upstream object, by the rules with this enforcement.
#[must_use]
pub fn judge_access(rules: &[Guardrail], enforcement: Enforcement, namespace: &str, grants: &Grants<'_>) -> Judgement {
    into_judgement(applying(rules, enforcement, namespace).and_then(|rules| access(&rules, grants)))
}

fn into_judgement(judged: Result<(), Breach>) -> Judgement {
    match judged {
        Ok(()) => Judgement::Within,
        Err(breach) if breach.is_undecided() => Judgement::Unknown(breach),
        Err(breach) => Judgement::Beyond(breach),
    }
}

fn limits(rules: &[Rule<'_>], candidate: &Candidate<'_>) -> Result<(), Breach> {
    for rule in rules {
        if let Some(prefix) = rule.1.name_prefix.as_ref().filter(|prefix| !candidate.name.starts_with(*prefix)) {
            let (name, prefix) = (candidate.name.to_owned(), prefix.clone());
            return Err(breach(&[*rule], BreachKind::Name { name, prefix }));
        }
        let most = rule.1.max_policies.map(|most| usize::try_from(most).unwrap_or_default());
        if let Some(most) = most.filter(|most| candidate.older >= *most) {
            return Err(breach(&[*rule], BreachKind::TooMany { most }));
        }
    }
    Ok(())
}

fn access(rules: &[Rule<'_>], grants: &Grants<'_>) -> Result<(), Breach> {
    match grants {
        _ if rules.is_empty() => Ok(()),
        Grants::Nothing => Ok(()),
        Grants::Ncloud(permissions) => ncloud::access(rules, permissions),
        Grants::Spaceone(permissions) => spaceone::access(rules, permissions),
    }
}
