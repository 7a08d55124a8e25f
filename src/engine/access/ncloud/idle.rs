//! Finds the statements of a policy that have no effect: the policy grants and denies the same without them.
//!
//! Later statements are left out first, so of two equal ones the first counts. Only statements of one product have to do
//! with each other. What is undecided has an effect.

use super::statement::{Permission, Target};
use super::{Comparison, Request, compare_within};
use crate::engine::access::change::Finding;
use crate::engine::access::glob;
use crate::engine::access::step_limit::STEPS;
use std::collections::BTreeMap;

/// A statement without effect: its permission, and its target in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Idle {
    /// The place of the permission in the policy.
    pub permission: usize,
    /// The place of the target in the permission.
    pub target: usize,
    /// Why.
    pub cause: IdleCause,
}

/// Why a statement has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdleCause {
    /// Denials of the policy take away everything that it allows.
    Denied,
    /// Other statements of the policy do the same.
    Covered,
}

/// A statement and its place.
struct Part<'a> {
    place: (usize, usize),
    statement: Permission<'a>,
}

/// Returns the statements without effect, in the order of the policy.
pub fn idle(permissions: &[Permission<'_>]) -> Vec<Idle> {
    let mut products: BTreeMap<&str, Vec<Part<'_>>> = BTreeMap::new();
    for (number, permission) in permissions.iter().enumerate() {
        for (at, target) in permission.targets.iter().enumerate() {
            let part = Part { place: (number, at), statement: alone(permission, *target) };
            products.entry(target.product).or_default().push(part);
        }
    }
    let all: usize = products.values().map(Vec::len).sum();
    // Two comparisons for each statement, so that the worst policy takes as long as one comparison.
    let steps = STEPS / (2 * all.max(1));
    let mut found: Vec<Idle> = products.into_values().flat_map(|parts| of_product(parts, steps)).collect();
    found.sort_unstable();
    found
}

fn alone<'a>(permission: &Permission<'a>, target: Target<'a>) -> Permission<'a> {
    Permission { denies: permission.denies, targets: vec![target], condition: permission.condition }
}

fn of_product(parts: Vec<Part<'_>>, steps: usize) -> Vec<Idle> {
    if parts.len() < 2 {
        return Vec::new();
    }
    let denials: Vec<Permission<'_>> =
        parts.iter().map(|part| &part.statement).filter(|statement| statement.denies).cloned().collect();
    let (mut places, mut left): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.place, part.statement)).unzip();
    let mut found = Vec::new();
    for at in (0..left.len()).rev() {
        let statement = left.remove(at);
        if !is_met(&statement, &left) {
            left.insert(at, statement);
            continue;
        }
        let cause = if is_denied(&denials, &statement, steps) {
            Some(IdleCause::Denied)
        } else {
            let with: Vec<Permission<'_>> = left.iter().cloned().chain([statement.clone()]).collect();
            is_equal(&compare_within(steps, &left, &with)).then_some(IdleCause::Covered)
        };
        match cause {
            Some(cause) => {
                let (permission, target) = places.remove(at);
                found.push(Idle { permission, target, cause });
            }
            None => left.insert(at, statement),
        }
    }
    found
}

/// Returns whether other statements may decide about the first action of a statement. If not, it has an effect, unless its
/// condition never holds. Comparisons take long, and most statements need none.
fn is_met(statement: &Permission<'_>, others: &[Permission<'_>]) -> bool {
    let Some(action) = statement.targets.iter().flat_map(|target| target.actions).next() else { return true };
    let patterns = others.iter().flat_map(|other| &other.targets).flat_map(|target| target.actions);
    patterns.into_iter().any(|pattern| glob::covers(pattern, action))
}

/// Returns whether the denials take away everything that the statement allows.
fn is_denied(denials: &[Permission<'_>], statement: &Permission<'_>, steps: usize) -> bool {
    if statement.denies || denials.is_empty() {
        return false;
    }
    let with: Vec<Permission<'_>> = denials.iter().cloned().chain([statement.clone()]).collect();
    is_equal(&compare_within(steps, denials, &with))
}

fn is_equal(found: &Comparison<Request>) -> bool {
    matches!((&found.granted, &found.revoked), (Finding::Nothing, Finding::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::access::ncloud::Condition;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    type Row<'a> = (bool, &'a str, &'a [&'a str], &'a [&'a str], Option<&'a Condition>);

    fn found(rows: &[Row<'_>]) -> Vec<(usize, IdleCause)> {
        let owned: Vec<_> = rows.iter().map(|row| (texts(row.2), texts(row.3))).collect();
        let permissions: Vec<Permission<'_>> = rows
            .iter()
            .zip(&owned)
            .map(|(row, (actions, resources))| Permission {
                denies: row.0,
                targets: vec![Target { product: row.1, actions, resources }],
                condition: row.4,
            })
            .collect();
        idle(&permissions).into_iter().map(|idle| (idle.permission, idle.cause)).collect()
    }

    const ALL: &[&str] = &["*"];

    #[test]
    fn equal_and_narrower_statements_are_covered() {
        let one = (false, "Server", &["View*"][..], ALL, None);
        assert_eq!(found(&[one]), []);
        assert_eq!(found(&[one, one]), [(1, IdleCause::Covered)], "of two equal ones the first counts");
        let single = (false, "Server", &["View/getServerInstanceList"][..], ALL, None);
        assert_eq!(found(&[single, one]), [(0, IdleCause::Covered)]);
        assert_eq!(found(&[one, (false, "Server", &["Change*"][..], ALL, None)]), []);
        assert_eq!(found(&[one, (false, "VPCServer", &["View*"][..], ALL, None)]), [], "another product");
        let nrn = (false, "Server", &["View*"][..], &["nrn:PUB:Server:KR:1:Server/7"][..], None);
        assert_eq!(found(&[nrn, one]), [(0, IdleCause::Covered)]);
    }

    #[test]
    fn statements_that_cover_a_third_together_are_found() {
        let view = (false, "Server", &["View*"][..], ALL, None);
        let change = (false, "Server", &["Change*"][..], ALL, None);
        let both = (false, "Server", &["View/a", "Change/b"][..], ALL, None);
        assert_eq!(found(&[view, change, both]), [(2, IdleCause::Covered)]);
    }

    #[test]
    fn denied_allowance_is_told_apart_from_a_covered_one() {
        let allow = (false, "Server", &["View/a"][..], ALL, None);
        let deny = (true, "Server", &["View*"][..], ALL, None);
        assert_eq!(found(&[allow, deny]), [(0, IdleCause::Denied)]);
        assert_eq!(found(&[(false, "Server", ALL, ALL, None), deny]), [], "Change stays allowed");
        // A denial also overrides other policies, so it has an effect without an allowance.
        assert_eq!(found(&[deny, (false, "VPC", ALL, ALL, None)]), []);
        assert_eq!(found(&[deny, (true, "Server", &["View/a"][..], ALL, None)]), [(1, IdleCause::Covered)]);
    }

    #[test]
    fn conditions_count() {
        let condition: Condition = serde_json::from_str(r#"{"StringEquals": {"ncp:principalName": ["a"]}}"#).unwrap();
        let free = (false, "Server", &["View*"][..], ALL, None);
        let bound = (false, "Server", &["View*"][..], ALL, Some(&condition));
        assert_eq!(found(&[free, bound]), [(1, IdleCause::Covered)]);
        assert_eq!(found(&[bound, free]), [(0, IdleCause::Covered)], "the narrower one, wherever it stands");
        let deny = (true, "Server", ALL, ALL, Some(&condition));
        assert_eq!(found(&[free, deny]), [], "only some requests are denied");
    }

    #[test]
    fn undecided_statement_counts_as_effective() {
        let odd: Condition = serde_json::from_str(r#"{"DateLessThan": {"ncp:now": ["x"]}}"#).unwrap();
        let some = (true, "Server", &["View*"][..], ALL, Some(&odd));
        assert_eq!(found(&[(false, "Server", &["View*"][..], ALL, None), some]), []);
    }
}
