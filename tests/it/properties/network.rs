//! `SpaceONE` network policies, against the simulator.
//!
//! The upstream cannot make some changes in place, and the operator must report them: another zone, a list that
//! became empty, a removed key of `data`, and a field with a pin that the spec does not declare. All other
//! changes arrive.

use super::comparison::{alike, assert_alike, dns, plain, reference, routes, set};
use super::spaceone::as_fractions;
use super::upstreams::{self, assert_only_fields, next, settle, written};
use super::{specs, specs::network::respelled};
use crate::support::upstream::{create, network_policy, observation, owner_tag};
use cloud_policy::engine::{Diff, Remedy};
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::spaceone::{Spaceone, StoredNetworkPolicy};
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use serde_json::{Value, json};

const FIELDS: &[&str] =
    &["name", "zoneId", "routingTables", "dns", "data", "metadata", "reference", "tags", "pinnedKeys"];

fn current(spaceone: &Spaceone, id: &str) -> StoredNetworkPolicy {
    spaceone.network_policies().into_iter().find(|policy| policy.network_policy_id == id).expect("the policy exists")
}

fn object(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { plain(value) }
}

/// Returns a field of a spec, normalized.
fn wanted(spec: &Value, field: &str, uid: &str) -> Value {
    let value = &spec[field];
    match field {
        "routingTables" => routes(value),
        "dns" => dns(value),
        "reference" => reference(value.get("resourceId"), value.get("externalLink")),
        "pinnedKeys" => set(value.as_array().cloned().unwrap_or_default()),
        "tags" => {
            let mut tags = object(value);
            tags["cloudpolicy_owner"] = json!(format!("cluster_{uid}"));
            tags
        }
        "data" | "metadata" => object(value),
        _ => value.clone(),
    }
}

/// Returns a field as stored, normalized. Of metadata, only the keys that the spec declares.
fn stored(policy: &StoredNetworkPolicy, field: &str, spec: &Value) -> Value {
    let raw = json!(policy);
    match field {
        "zoneId" => raw["zone_id"].clone(),
        "routingTables" => routes(&raw["routing_tables"]),
        "dns" => dns(&raw["dns"]),
        "reference" => reference(raw["reference"].get("resource_id"), raw["reference"].get("external_link")),
        "pinnedKeys" => set(raw["pinned_keys"].as_array().cloned().unwrap_or_default()),
        "metadata" => {
            let declared = |key: &String| spec["metadata"].get(key).is_some();
            let kept = policy.metadata.iter().filter(|(key, _)| declared(key));
            plain(&Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
        }
        "tags" | "data" => plain(&raw[field]),
        _ => raw[field].clone(),
    }
}

/// Asserts that every field that differs from the last spec is reported, and no other.
fn assert_reported(policy: &StoredNetworkPolicy, path: &[Value], uid: &str, left: &Diff, pins: &[String]) {
    let last = path.last().unwrap();
    for field in FIELDS {
        let Some(spec) = path.iter().rev().find(|spec| spec.get(*field).is_some()) else { continue };
        // A field that the last spec does not set is not compared. It is unchanged, unless an earlier spec
        // could not be applied.
        let named = left.touches(&format!("spec.spaceone.{field}"));
        if last.get(*field).is_some() && !named {
            assert_alike(&stored(policy, field, spec), &wanted(spec, field, uid), field);
        }
        assert!(last.get(*field).is_some() || !named, "{field} is not in the spec");
    }
    for field in &left.fields {
        let name = field.path.trim_start_matches("spec.spaceone.").split(['.', '[']).next().unwrap();
        let emptied = last[name].as_array().is_some_and(Vec::is_empty);
        let cannot = name == "zoneId" || emptied || (name == "data" && field.desired.is_null());
        let undeclared = last["pinnedKeys"].as_array().is_none_or(Vec::is_empty) && !pins.is_empty();
        match field.remedy {
            Remedy::Recreate => assert!(cannot, "{} could be changed in place", field.path),
            Remedy::Update => assert!(undeclared, "{} was not applied", field.path),
            Remedy::Person => panic!("{} is a field of the spec", field.path),
        }
    }
}

/// Asserts that the requests contain what the spec contains, and the owner tag.
fn assert_requests(spaceone: &Spaceone, spec: &Value, uid: &str) {
    for (entry, body) in written(spaceone.journal()) {
        if entry.operation == Operation::PinData {
            assert_only_fields(&body, &["keys", "domain_id"]);
            let keys = set(body["keys"].as_array().cloned().unwrap());
            assert!(keys == json!(["zone_id"]) || keys == wanted(spec, "pinnedKeys", uid), "{body}");
            continue;
        }
        assert_only_fields(
            &body,
            &["name", "zone_id", "routing_tables", "dns", "data", "metadata", "reference", "tags", "domain_id"],
        );
        for (key, field) in [("name", "name"), ("zone_id", "zoneId"), ("data", "data"), ("tags", "tags")] {
            assert!(body[key].is_null() || alike(&plain(&body[key]), &wanted(spec, field, uid)), "{field} in {body}");
        }
        assert!(
            body["routing_tables"].is_null() || routes(&body["routing_tables"]) == wanted(spec, "routingTables", uid)
        );
        assert!(body["dns"].is_null() || dns(&body["dns"]) == wanted(spec, "dns", uid));
    }
    spaceone.journal().clear();
}

#[test]
fn network_spec_arrives_or_difference_is_reported() {
    let runtime = upstreams::runtime();
    let (spaceone, account) = runtime.block_on(upstreams::spaceone());
    holds_for(120, prop::collection::vec(specs::network::policy(&spaceone.zone_ids()), 1..4), |path| {
        let uid = format!("uid-{}", next());
        runtime.block_on(async {
            spaceone.journal().clear();
            let first = network_policy(&account, &path[0], &owner_tag(&uid));
            assert_eq!(first.validate(), []);
            let id = create(&*first).await;
            let seen = observation(&*first, &id).await;
            assert!(seen.diff.is_empty(), "difference after the create: {}", seen.diff.summary());
            assert_requests(&spaceone, &path[0], &uid);
            assert_reported(&current(&spaceone, &id), &path[..1], &uid, &seen.diff, &[]);
            for (index, block) in path.iter().enumerate().skip(1) {
                let pins = current(&spaceone, &id).pinned_keys;
                let mut subject = network_policy(&account, block, &owner_tag(&uid));
                let keys =
                    path[..index].iter().filter_map(|spec| spec["data"].as_object()).flat_map(|data| data.keys());
                subject.remember(&keys.cloned().collect());
                let left = settle(&*subject, &id).await;
                assert_requests(&spaceone, block, &uid);
                assert_reported(&current(&spaceone, &id), &path[..=index], &uid, &left, &pins);
            }
            assert_eq!(spaceone.network_policies().len(), 1, "no second object exists");
            spaceone.remove_network_policy(&id);
        });
    });
}

#[test]
fn network_equivalent_spec_causes_no_write() {
    let runtime = upstreams::runtime();
    let (spaceone, account) = runtime.block_on(upstreams::spaceone());
    let values = (specs::network::policy(&spaceone.zone_ids()), 0usize..4);
    holds_for(120, values, |(block, spelling)| {
        let tag = owner_tag("uid");
        runtime.block_on(async {
            let id = create(&*network_policy(&account, &block, &tag)).await;
            spaceone.journal().clear();
            let left = settle(&*network_policy(&account, &reworded(&block, spelling), &tag), &id).await;
            assert!(left.is_empty() && spaceone.journal().writes().is_empty(), "{}", left.summary());
            spaceone.remove_network_policy(&id);
        });
    });
}

fn reworded(block: &Value, spelling: usize) -> Value {
    let mut block = block.clone();
    for field in ["routingTables", "pinnedKeys"] {
        if let Some(list) = block[field].as_array_mut() {
            list.reverse();
            list.extend(list.first().cloned());
        }
    }
    for route in block["routingTables"].as_array_mut().into_iter().flatten() {
        for field in ["cidr", "destination"] {
            route[field] = json!(respelled(route[field].as_str().unwrap(), spelling));
        }
    }
    for server in block["dns"].as_array_mut().into_iter().flatten() {
        *server = json!(respelled(server.as_str().unwrap(), spelling));
    }
    for field in ["data", "tags"] {
        if let Some(value) = block.get_mut(field) {
            *value = as_fractions(value);
        }
    }
    block
}
