//! Compares documents with what the upstream would return, and builds requests.

use super::document::NetworkPolicyDocument;
use super::fields::changed_keys;
use super::minimal;
use super::received::ReceivedNetworkPolicy;
use crate::api::network_policy::SpaceoneNetworkPolicySpec;
use crate::engine::{Diff, Document, OwnerTag};
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::recorded;
use serde_json::{Value, json};

fn document(change: impl FnOnce(&mut Value)) -> NetworkPolicyDocument {
    let mut spec = json!({"name": "n", "zoneId": "zone-1"});
    change(&mut spec);
    NetworkPolicyDocument::from(serde_json::from_value::<SpaceoneNetworkPolicySpec>(spec).unwrap())
}

/// Returns the response to a get.
fn received() -> ReceivedNetworkPolicy {
    serde_json::from_value(json!({
        "network_policy_id": "npolicy-1", "name": "n",
        "routing_tables": [{"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"}, {"cidr": "2001:db8::/32", "destination": "2001:db8::1"}],
        "dns": ["10.0.0.2", "2001:db8::2"],
        "data": {"mine": 1.0, "collected": "c"}, "metadata": {"a": "1", "b": "2"},
        "reference": {"resource_id": "r"}, "tags": {"t": 2.0, "cloudpolicy_owner": "c_u"},
        "collection_info": {"pinned_keys": ["name", "data.mine"], "update_history": [
            {"key": "data.mine", "updated_by": "MANUAL"}, {"key": "data.collected", "updated_by": "collector-1"}]},
        "zone_info": {"zone_id": "zone-1"}, "created_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn diff(change: impl FnOnce(&mut Value)) -> Diff {
    let mut document = document(change);
    document.remember(&["mine".to_owned()].into());
    document.diff(&received().observed().document)
}

#[test]
fn unset_fields_are_not_compared() {
    assert!(diff(|_| {}).is_empty());
}

#[test]
fn equivalent_spellings_are_equal() {
    let same = diff(|s| {
        s["routingTables"] = json!([{"cidr": "2001:DB8:0::/32", "destination": "2001:DB8::0001"}, {"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"}]);
        s["dns"] = json!(["10.0.0.2", "2001:DB8::0002"]);
        s["data"] = json!({"mine": 1});
        s["metadata"] = json!({"b": "2"});
        s["reference"] = json!({"resourceId": "r"});
        s["tags"] = json!({"t": 2});
        s["pinnedKeys"] = json!(["data.mine", "name", "name"]);
    });
    assert!(same.is_empty(), "{}", same.summary());
}

#[test]
fn each_field_has_its_own_difference_and_remedy() {
    for (field, value, path, recreate) in [
        ("name", json!("m"), "name", false),
        ("zoneId", json!("zone-2"), "zoneId", true),
        ("routingTables", json!([{"cidr": "10.0.0.0/16", "destination": "10.0.0.1"}]), "routingTables", false),
        ("routingTables", json!([]), "routingTables", true),
        ("dns", json!(["2001:db8::2", "10.0.0.2"]), "dns[0], spec.spaceone.dns[1]", false),
        ("dns", json!([]), "dns", true),
        ("data", json!({"mine": 2}), "data.mine", false),
        ("data", json!({}), "data.mine", true),
        ("metadata", json!({"a": "2"}), "metadata.a", false),
        ("reference", json!({}), "reference", false),
        ("tags", json!({}), "tags", false),
        ("pinnedKeys", json!(["name"]), "pinnedKeys", false),
        ("pinnedKeys", json!([]), "pinnedKeys", true),
    ] {
        let diff = diff(|s| s[field] = value);
        assert_eq!((diff.summary(), diff.needs_recreate()), (format!("spec.spaceone.{path}"), recreate));
    }
}

#[test]
fn undeclared_key_of_a_collector_is_not_compared() {
    let diff = diff(|s| s["data"] = json!({"mine": 1}));
    assert!(diff.is_empty(), "{}", diff.summary());
}

#[test]
fn key_that_was_never_declared_is_not_compared() {
    let diff = document(|s| s["data"] = json!({})).diff(&received().observed().document);
    assert!(diff.is_empty(), "{}", diff.summary());
}

#[test]
fn empty_lists_equal_absent_ones() {
    let bare: ReceivedNetworkPolicy = serde_json::from_value(json!({"network_policy_id": "x", "name": "n"})).unwrap();
    let wanted = document(|s| {
        for (field, value) in [
            ("dns", json!([])),
            ("routingTables", json!([])),
            ("pinnedKeys", json!([])),
            ("data", json!({})),
            ("tags", json!({})),
        ] {
            s[field] = value;
        }
    });
    assert!(wanted.diff(&bare.observed().document).is_empty());
}

#[test]
fn update_sends_changed_fields_and_merges_metadata() {
    let wanted = document(|s| {
        s["name"] = json!("m");
        s["metadata"] = json!({"a": "3"});
        s["dns"] = json!(["10.0.0.2", "2001:db8::2"]);
        s["tags"] = json!({"new": true});
    });
    let owner_tag = OwnerTag::new("c", "u");
    let diff = wanted.diff(&received().observed().document);
    let fields = Value::Object(wanted.update_fields(&diff, &received(), &owner_tag));
    assert_eq!(
        fields,
        json!({"name": "m", "metadata": {"a": "3", "b": "2"}, "tags": {"new": true, "cloudpolicy_owner": "c_u"}})
    );
}

#[test]
fn create_sends_set_fields_and_owner_tag() {
    let wanted = document(|s| s["reference"] = json!({"externalLink": "l"}));
    let fields = Value::Object(wanted.create_fields(&OwnerTag::new("c", "u")));
    assert_eq!(
        fields,
        json!({"name": "n", "zone_id": "zone-1", "reference": {"external_link": "l"}, "tags": {"cloudpolicy_owner": "c_u"}})
    );
}

#[test]
fn changed_keys_are_keys_of_data_and_names_of_fields() {
    let fields = json!({"name": "m", "data": {"mine": 2}, "routing_tables": []});
    let Value::Object(fields) = fields else { panic!("an object") };
    let keys: Vec<String> = changed_keys(&fields).collect();
    assert_eq!(keys, ["data.mine", "name", "routing_tables"]);
    assert!(received().is_pinned("data.mine") && !received().is_pinned("routing_tables"));
}

#[test]
fn printed_defaults_equal_absent_fields() {
    let bare = json!({"network_policy_id": "x", "name": "n"});
    let mut printed = bare.clone();
    for (field, value) in [
        ("routing_tables", json!([])),
        ("dns", json!([])),
        ("data", json!(null)),
        ("metadata", json!({})),
        ("tags", json!(null)),
        ("reference", json!({"resource_id": "", "external_link": ""})),
        ("zone_info", json!(null)),
        ("region_info", json!({})),
        ("collection_info", json!(null)),
        ("created_at", json!(null)),
    ] {
        printed[field] = value;
    }
    let read = |value| serde_json::from_value::<ReceivedNetworkPolicy>(value).unwrap().observed();
    assert_eq!(read(printed), read(bare));
}

#[test]
fn minimal_spec_equals_every_recorded_network_policy() {
    let all = recorded::objects(&["network_policy_id", "zone_info", "collection_info"]);
    assert!(all.len() > 50, "{}", all.len());
    for mut object in all {
        let read = |object: &Fields| serde_json::from_value::<ReceivedNetworkPolicy>(json!(object)).unwrap().observed();
        let seen = read(&object).document;
        let minimal = NetworkPolicyDocument::from(minimal::of(&seen));
        assert!(minimal.diff(&seen).is_empty(), "{object:?}: {:?}", minimal.diff(&seen));
        if let Some(routes) = object.get_mut("routing_tables").and_then(Value::as_array_mut) {
            routes.reverse();
        }
        assert_eq!(minimal::of(&read(&object).document), minimal::of(&seen), "the order of routes does not matter");
    }
}

#[test]
fn minimal_spec_leaves_data_of_collectors_to_them() {
    let spec = minimal::of(&received().observed().document);
    assert_eq!(serde_json::to_value(&spec.data).unwrap(), json!({ "mine": 1.0 }));
}
