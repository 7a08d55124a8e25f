use super::*;
use crate::api::kinds::managed_kinds;
use crate::api::{NetworkPolicySpec, PolicySpec};
use kube::core::object::HasSpec;
use serde_json::json;
use std::any::TypeId;

fn policy(blocks: &serde_json::Value) -> PolicySpec {
    let mut spec = json!({ "connectionRef": { "name": "c" } });
    spec.as_object_mut().unwrap().extend(blocks.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn network() -> NetworkPolicySpec {
    let spec = json!({ "connectionRef": { "name": "c" }, "spaceone": { "name": "n", "zoneId": "z" } });
    serde_json::from_value(spec).unwrap()
}

#[test]
fn collections_have_distinct_names() {
    let names: BTreeSet<_> = systems().into_iter().collect();
    assert_eq!(names.len(), COLLECTIONS.len());
}

#[test]
fn spec_describes_at_most_one_collection() {
    let ncloud = json!({ "policyName": "a", "permissions": [] });
    let spaceone = json!({ "policyId": "b", "name": "n", "permissions": [] });
    let network = network();
    let described = |spec: &dyn Any| super::described(spec).map(Entry::system);
    assert_eq!(described(&policy(&json!({ "ncloud": ncloud }))), Some("ncloud/policy"));
    assert_eq!(described(&policy(&json!({ "spaceone": spaceone }))), Some("spaceone/policy"));
    assert_eq!(described(&network), Some("spaceone/networkpolicy"));
    assert_eq!(described(&policy(&json!({ "ncloud": ncloud, "spaceone": spaceone }))), None);
    assert_eq!(described(&"another type"), None);
    assert_eq!(unique_name(&policy(&json!({ "spaceone": spaceone }))), Some(("spaceone/policy", "b")));
    assert_eq!(unique_name(&network), None);
    assert_eq!(identity(&network), Some(Identity { system: "spaceone/networkpolicy", name: None }));
    let named = Identity { system: "ncloud/policy", name: Some(("spec.ncloud.policyName", "a")) };
    assert_eq!(identity(&policy(&json!({ "ncloud": ncloud }))), Some(named));
}

#[test]
fn error_names_the_fields_when_spec_has_no_collection() {
    let none = policy(&json!({}));
    assert_eq!(ambiguous(&none).message, "must set exactly one of ncloud and spaceone");
}

#[test]
fn kind_has_a_field_for_each_of_its_collections() {
    for kind in managed_kinds!(|K| TypeId::of::<<K as HasSpec>::Spec>()) {
        let own: Vec<_> = COLLECTIONS.iter().filter(|one| one.kind_spec() == kind).collect();
        let fields: BTreeSet<_> = own.iter().map(|one| one.field()).collect();
        assert!(!own.is_empty() && fields.len() == own.len(), "{fields:?}");
    }
}
