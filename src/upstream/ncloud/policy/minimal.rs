//! The smallest spec that equals a policy, in an order of its own: the upstream may show its lists in any order.

use super::canonical::all_resources;
use crate::api::policy::{NcloudPermission, NcloudPolicySpec, NcloudTarget};
use crate::upstream::lenient::present;
use std::collections::BTreeMap;

/// The keys of one operator of a condition, with their values.
type Keys = BTreeMap<String, Vec<String>>;

/// Returns the spec of a policy that was read.
pub(super) fn of(observed: &NcloudPolicySpec) -> NcloudPolicySpec {
    let mut permissions: Vec<NcloudPermission> = observed.permissions.iter().map(permission).collect();
    sort_by_text(&mut permissions);
    NcloudPolicySpec {
        policy_name: observed.policy_name.clone(),
        description: present(observed.description.clone()),
        permissions,
        tags: observed.tags.clone().filter(|tags| !tags.is_empty()),
    }
}

fn permission(observed: &NcloudPermission) -> NcloudPermission {
    let mut targets: Vec<NcloudTarget> = observed.targets.iter().map(target).collect();
    sort_by_text(&mut targets);
    // A key without values has no effect, and neither has an operator without keys.
    let keys = |all: &Keys| -> Keys {
        let sorted = all.iter().map(|(key, values)| (key.clone(), sorted(values.clone())));
        sorted.filter(|(_, values)| !values.is_empty()).collect()
    };
    let condition = observed.condition.iter().flatten().map(|(operator, all)| (operator.clone(), keys(all)));
    let condition: BTreeMap<String, Keys> = condition.filter(|(_, keys)| !keys.is_empty()).collect();
    NcloudPermission { effect: observed.effect, targets, condition: (!condition.is_empty()).then_some(condition) }
}

fn target(observed: &NcloudTarget) -> NcloudTarget {
    let all = all_resources(&observed.product);
    let resource = |nrn: &String| if *nrn == all { "*".to_owned() } else { nrn.clone() };
    NcloudTarget {
        product: observed.product.clone(),
        actions: sorted(observed.actions.clone()),
        resource_nrns: sorted(observed.resource_nrns.iter().map(resource).collect()),
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names.dedup();
    names
}

/// Sorts by the text of the JSON, and drops repetitions.
fn sort_by_text<T: serde::Serialize + PartialEq>(all: &mut Vec<T>) {
    all.sort_by_cached_key(|it| serde_json::to_string(it).unwrap_or_default());
    all.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn spec(value: Value) -> NcloudPolicySpec {
        serde_json::from_value(value).unwrap()
    }

    fn written(actions: &[&str], products: [&str; 2]) -> NcloudPolicySpec {
        let target = |product: &str| json!({"product": product, "actions": actions, "resourceNrns": [format!("nrn:*:{product}:*::*")]});
        let condition = json!({"StringEquals": {"k": ["b", "a"], "none": []}, "Null": {}});
        spec(json!({
            "policyName": "n", "description": "", "tags": {},
            "permissions": [{"effect": "Allow", "targets": products.map(target), "condition": condition}],
        }))
    }

    #[test]
    fn minimal_spec_has_no_empty_fields_and_its_own_order() {
        let found = of(&written(&["b", "a", "b"], ["VPC", "Server"]));
        let target = |product: &str| json!({"product": product, "actions": ["a", "b"], "resourceNrns": ["*"]});
        let expected = json!({"policyName": "n", "permissions": [{
            "effect": "Allow",
            "targets": [target("Server"), target("VPC")],
            "condition": {"StringEquals": {"k": ["a", "b"]}},
        }]});
        assert_eq!(serde_json::to_value(&found).unwrap(), sorted_keys(expected));
        assert_eq!(found, of(&written(&["a", "b"], ["Server", "VPC"])));
    }

    fn sorted_keys(value: Value) -> Value {
        serde_json::to_value(spec(value)).unwrap()
    }
}
