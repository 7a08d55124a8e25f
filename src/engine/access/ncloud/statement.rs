//! The statements of a policy: one for each target of a permission, by product.

use super::condition::{Clause, Condition, clauses};
use crate::engine::access::glob;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A permission of a policy, as the caller has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission<'a> {
    /// Whether it denies; else it allows.
    pub denies: bool,
    /// What it is about.
    pub targets: Vec<Target<'a>>,
    /// When it applies: operator, then key, then values.
    pub condition: Option<&'a Condition>,
}

/// Actions on resources of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target<'a> {
    /// The service code.
    pub product: &'a str,
    /// Patterns of actions.
    pub actions: &'a [String],
    /// Patterns of resources.
    pub resources: &'a [String],
}

/// The statements of a policy, by product.
pub type Policy<'a> = BTreeMap<&'a str, Statements<'a>>;

/// Statements without order and repetition.
pub type Statements<'a> = BTreeSet<Statement<'a>>;

/// Actions on resources of one product, allowed or denied if all clauses hold.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement<'a> {
    pub denies: bool,
    /// In order, each once.
    pub actions: Vec<&'a str>,
    /// In order, each once. `*` for every form that means all resources.
    pub resources: Vec<&'a str>,
    pub clauses: Rc<Vec<Clause<'a>>>,
}

impl<'a> Statement<'a> {
    pub fn of(denies: bool, target: &Target<'a>, clauses: &Rc<Vec<Clause<'a>>>) -> Self {
        let resource = |nrn: &'a String| if means_all(nrn, target.product) { "*" } else { nrn.as_str() };
        Self {
            denies,
            actions: sorted(target.actions.iter().map(String::as_str)),
            resources: sorted(target.resources.iter().map(resource)),
            clauses: Rc::clone(clauses),
        }
    }

    /// Returns the patterns of actions and resources.
    pub fn patterns(&self) -> impl Iterator<Item = &'a str> {
        self.actions.iter().chain(&self.resources).copied()
    }
}

/// Returns whether a resource pattern means all resources of the product: NAVER Cloud returns `nrn:*:<product>:*::*` for
/// `*`.
pub fn means_all(nrn: &str, product: &str) -> bool {
    let rest = nrn.strip_prefix("nrn:*:").and_then(|rest| rest.strip_prefix(product));
    rest == Some(":*::*") || glob::is_everything(nrn)
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Returns the statements of permissions.
pub fn of<'a>(permissions: &[Permission<'a>]) -> Policy<'a> {
    let mut policy = Policy::new();
    for permission in permissions {
        let clauses = Rc::new(clauses(permission.condition));
        for target in &permission.targets {
            let statement = Statement::of(permission.denies, target, &clauses);
            policy.entry(target.product).or_default().insert(statement);
        }
    }
    policy
}

/// Returns how many patterns permissions have.
pub fn patterns_in(permissions: &[Permission<'_>]) -> usize {
    let targets = permissions.iter().flat_map(|permission| &permission.targets);
    targets.map(|target| target.actions.len() + target.resources.len()).sum()
}
