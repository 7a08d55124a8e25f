//! Conditions as clauses that must all hold: one for each operator and key.
//!
//! Understood are `StringEquals`, `StringLike` and their negations with plain values. A key of a request has one
//! value, or none. Everything else is opaque: it may hold or not, the same for equal clauses.

use crate::engine::access::glob;
use std::collections::{BTreeMap, BTreeSet};

/// A condition as the API has it: operator, then key, then values.
pub type Condition = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// A part of a condition, about one key.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clause<'a> {
    pub key: &'a str,
    pub operator: Operator<'a>,
    pub values: BTreeSet<&'a str>,
}

/// How a clause compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator<'a> {
    /// The value is one of the values, or none of them.
    Equals { negated: bool },
    /// One of the patterns matches the value, or none does.
    Like { negated: bool },
    /// Not understood.
    Opaque(&'a str),
}

/// Returns the clauses of a condition.
pub fn clauses(condition: Option<&Condition>) -> Vec<Clause<'_>> {
    let all = condition.into_iter().flatten();
    all.flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| Clause::of(operator, key, values))).collect()
}

/// Returns whether a condition holds neither for a request without the key, nor for every value of it. An operator counts
/// only if it surely needs the key.
pub fn requires(condition: Option<&Condition>, key: &str) -> bool {
    let needs_key = |operator: &str| {
        !operator.contains("Not")
            && !operator.ends_with("IfExists")
            && !operator.starts_with("ForAll")
            && operator != "Null"
    };
    let is_bound = |values: &[String]| !values.iter().any(|value| value.is_empty() || glob::is_everything(value));
    let mut all = condition.into_iter().flatten().filter(|(operator, _)| needs_key(operator));
    all.any(|(_, keys)| keys.get(key).is_some_and(|values| is_bound(values)))
}

impl<'a> Clause<'a> {
    fn of(operator: &'a str, key: &'a str, values: &'a [String]) -> Self {
        let has = |special: &[char]| values.iter().any(|value| value.contains(special));
        let operator = match operator {
            // Whether these treat `*` or `?` as special is not documented; `$` may take a value from the request.
            "StringEquals" | "StringNotEquals" if !has(&['*', '?', '$']) && !values.is_empty() => {
                Operator::Equals { negated: operator == "StringNotEquals" }
            }
            "StringLike" | "StringNotLike" if !has(&['?', '$']) && !values.is_empty() => {
                Operator::Like { negated: operator == "StringNotLike" }
            }
            _ => Operator::Opaque(operator),
        };
        Self { key, operator, values: values.iter().map(String::as_str).collect() }
    }

    pub fn is_opaque(&self) -> bool {
        matches!(self.operator, Operator::Opaque(_))
    }

    pub fn is_negated(&self) -> bool {
        matches!(self.operator, Operator::Equals { negated: true } | Operator::Like { negated: true })
    }

    /// Returns whether the clause has a pattern that several values match.
    pub fn has_star(&self) -> bool {
        matches!(self.operator, Operator::Like { .. }) && self.values.iter().any(|value| value.contains('*'))
    }

    /// Returns whether the clause holds for the value of its key. `absent_passes_not` tells whether a negation holds
    /// without a value, `opaque` whether a clause holds that is not understood.
    pub fn holds(&self, value: Option<&str>, absent_passes_not: bool, opaque: bool) -> bool {
        match (self.operator, value) {
            (Operator::Opaque(_), _) => opaque,
            (Operator::Equals { negated } | Operator::Like { negated }, None) => negated && absent_passes_not,
            (Operator::Equals { negated }, Some(value)) => self.values.contains(value) != negated,
            (Operator::Like { negated }, Some(value)) => {
                self.values.iter().any(|pattern| glob::matches(pattern, value)) != negated
            }
        }
    }
}
