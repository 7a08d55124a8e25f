//! Weighs a write before it is made: what is in force, and whether the write grants more.

use super::access::Change;
use super::access::effects::Effects;
use super::access::guardrails::Grants;
use serde_json::Value;

/// What writing the desired object would change.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighed {
    /// What is in force upstream, in the form of the desired object; null if there is nothing.
    pub in_force: Value,
    /// How access changes.
    pub access: Change,
    /// A request that has more access afterwards; `None` if none is known.
    pub witness: Option<String>,
}

impl Weighed {
    /// Compares what is in force with what is wanted.
    pub(super) fn between(in_force: Value, old: &Grants<'_>, new: &Grants<'_>) -> Self {
        let Effects { granted, revoked, change } = Effects::between(old, new);
        // Only what is granted matters: a narrowing that is not understood grants nothing.
        let access = match change {
            Change::Unknown if !granted.is_some() => Change::Narrower,
            Change::Unknown if granted.undecided.is_none() && revoked.undecided.is_some() => Change::Both,
            change => change,
        };
        Self { in_force, access, witness: granted.witness }
    }
}
