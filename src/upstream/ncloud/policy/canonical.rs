//! The canonical form of permissions: sets without order, repetition and redundant patterns.

use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::engine::access::glob::covers;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The canonical form of a condition.
pub(super) type Condition = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Returns the canonical form of permissions.
pub(super) fn canonical(permissions: &[NcloudPermission]) -> Vec<Permission> {
    permissions.iter().map(Permission::of).collect()
}

/// The canonical form of a target.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub product: String,
    pub actions: BTreeSet<String>,
    pub resource_nrns: BTreeSet<String>,
}

/// The canonical form of a permission.
#[derive(Debug, Serialize)]
pub(super) struct Permission {
    pub effect: NcloudEffect,
    /// In the order of the spec, from which the paths of differences are made.
    pub targets: Vec<Target>,
    pub condition: Condition,
}

/// Returns the resource name that NAVER Cloud returns for `*` in a target of a product.
pub(super) fn all_resources(product: &str) -> String {
    format!("nrn:*:{product}:*::*")
}

impl Target {
    fn of(target: &NcloudTarget) -> Self {
        let all = all_resources(&target.product);
        let resource = |nrn: &String| if *nrn == all { "*".to_owned() } else { nrn.clone() };
        Self {
            product: target.product.clone(),
            actions: names(target.actions.iter().cloned(), covers),
            resource_nrns: names(target.resource_nrns.iter().map(resource), covers_resource),
        }
    }
}

impl Permission {
    fn of(permission: &NcloudPermission) -> Self {
        let keys = |keys: &BTreeMap<String, Vec<String>>| {
            let keys = keys.iter().map(|(key, values)| (key.clone(), values.iter().cloned().collect()));
            // A key without values has no effect, and neither has an operator without keys.
            keys.filter(|(_, values): &(_, BTreeSet<String>)| !values.is_empty()).collect()
        };
        let operators = permission.condition.iter().flatten().map(|(operator, all)| (operator.clone(), keys(all)));
        Self {
            effect: permission.effect,
            targets: permission.targets.iter().map(Target::of).collect(),
            condition: operators.filter(|(_, keys): &(_, BTreeMap<_, _>)| !keys.is_empty()).collect(),
        }
    }
}

/// Returns the names without those that another covers. Of names that cover each other the first one stays.
fn names(names: impl Iterator<Item = String>, covers: fn(&str, &str) -> bool) -> BTreeSet<String> {
    let names: BTreeSet<String> = names.collect();
    let patterns: Vec<&String> = names.iter().filter(|name| name.contains('*')).collect();
    let is_redundant = |name: &String| {
        patterns.iter().any(|other| *other != name && covers(other, name) && (*other < name || !covers(name, other)))
    };
    names.iter().filter(|name| !is_redundant(name)).cloned().collect()
}

/// Returns whether one resource name surely covers another. The parts between colons are compared one by one,
/// because it is not documented whether `*` crosses a colon.
pub(super) fn covers_resource(pattern: &str, other: &str) -> bool {
    if pattern == other || pattern == "*" {
        return true;
    }
    let (parts, others): (Vec<&str>, Vec<&str>) = (pattern.split(':').collect(), other.split(':').collect());
    parts.len() == others.len() && parts.iter().zip(others).all(|(part, other)| covers(part, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_covers_another_part_by_part() {
        assert!(covers_resource("nrn:PUB:Server:KR:*:*", "nrn:PUB:Server:KR:1:Server/1"));
        assert!(covers_resource("*", "nrn:PUB:Server:KR:1:Server/1"));
        assert!(!covers_resource("nrn:*", "nrn:PUB:Server:KR:1:Server/1"));
        assert!(!covers_resource("nrn:PUB:Server:KR:1:*", "nrn:PUB:Server:KR:12:Server/1"));
        assert!(!covers_resource("nrn:PUB:Server:KR:1:Server/1", "nrn:PUB:Server:KR::Server/1"));
    }
}
