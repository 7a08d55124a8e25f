//! `SpaceONE` policies, against the simulator.

use super::comparison::{assert_alike, set};
use super::specs;
use super::upstreams::{self, assert_only_fields, next, settle, written};
use crate::support::upstream::{create, observation, owner_tag, policy};
use cloud_policy::engine::access::{Change, spaceone as spaceone_access};
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::spaceone::Spaceone;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Generates a spec. Each test makes its id unique.
fn spec() -> impl Strategy<Value = Value> {
    specs::spaceone::policy("[a-z0-9]([a-z0-9-]{0,36}[a-z0-9])?")
}

fn with_id(mut block: Value, id: &str) -> Value {
    block["policyId"] = json!(id);
    block
}

fn with_owner(mut tags: Value, uid: &str) -> Value {
    tags["cloudpolicy_owner"] = json!(format!("cluster_{uid}"));
    tags
}

fn members(list: &Value) -> Value {
    set(list.as_array().cloned().unwrap_or_default())
}

/// Asserts that the domain holds the result of these specs, applied in order. A field that a spec does not set
/// stays unchanged.
fn assert_stored(spaceone: &Spaceone, path: &[Value], uid: &str) {
    let id = &path[0]["policyId"];
    let stored =
        spaceone.policies().into_iter().find(|policy| json!(policy.policy_id) == *id).expect("the policy exists");
    let last = |field: &str| path.iter().rev().find_map(|spec| spec.get(field)).cloned().unwrap_or_default();
    assert_eq!(json!(stored.name), last("name"));
    // Permissions that grant the same are no difference.
    let wanted: Vec<String> = serde_json::from_value(last("permissions")).unwrap();
    let change = spaceone_access::compare(&stored.permissions, &wanted).change();
    assert_eq!(change, Change::Equal, "{:?} instead of {wanted:?}", stored.permissions);
    assert_eq!(members(&json!(stored.labels)), members(&last("labels")));
    let tags = if last("tags").is_null() { json!({}) } else { last("tags") };
    assert_alike(&json!(stored.tags), &with_owner(tags, uid), "tags");
}

/// Asserts that the requests contain what the spec contains, and the owner tag.
fn assert_requests(spaceone: &Spaceone, spec: &Value, uid: &str) {
    for (entry, body) in written(spaceone.journal()) {
        assert!(matches!(entry.operation, Operation::Create | Operation::Update), "{:?}", entry.operation);
        assert_only_fields(&body, &["policy_id", "name", "permissions", "labels", "tags", "domain_id"]);
        for field in ["name", "permissions", "labels"].into_iter().filter(|field| !body[*field].is_null()) {
            assert_eq!(members(&body[field]), members(&spec[field]), "{field}");
        }
        if !body["tags"].is_null() {
            let declared = spec.get("tags").cloned().unwrap_or_else(|| json!({}));
            assert_alike(&body["tags"], &with_owner(declared, uid), "tags");
        }
    }
    spaceone.journal().clear();
}

#[test]
fn spaceone_spec_arrives_complete_by_any_path() {
    let runtime = upstreams::runtime();
    let (spaceone, account) = runtime.block_on(upstreams::spaceone());
    holds_for(80, prop::collection::vec(spec(), 1..4), |path| {
        let uid = format!("uid-{}", next());
        let id = format!("{:.37}-{}", path[0]["policyId"].as_str().unwrap(), next());
        let path: Vec<Value> = path.into_iter().map(|block| with_id(block, &id)).collect();
        runtime.block_on(async {
            spaceone.journal().clear();
            let first = policy(&account, "spaceone", &path[0], &owner_tag(&uid));
            assert_eq!(create(&*first).await, id);
            let seen = observation(&*first, &id).await;
            assert!(seen.diff.is_empty(), "difference after the create: {}", seen.diff.summary());
            assert_requests(&spaceone, &path[0], &uid);
            for (index, block) in path.iter().enumerate().skip(1) {
                let left = settle(&*policy(&account, "spaceone", block, &owner_tag(&uid)), &id).await;
                assert!(left.is_empty(), "difference that remains: {}", left.summary());
                assert_requests(&spaceone, block, &uid);
                assert_stored(&spaceone, &path[..=index], &uid);
            }
            assert_stored(&spaceone, &path, &uid);
            spaceone.remove_policy(&id);
        });
    });
}

/// Writes every whole number as a fraction: `1` as `1.0`.
pub fn as_fractions(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64().unwrap()),
        Value::Array(items) => items.iter().map(as_fractions).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), as_fractions(value))).collect(),
        other => other.clone(),
    }
}

#[test]
fn spaceone_equivalent_spec_causes_no_write() {
    let runtime = upstreams::runtime();
    let (spaceone, account) = runtime.block_on(upstreams::spaceone());
    holds_for(80, spec(), |block| {
        let (id, tag) = (format!("{:.37}-{}", block["policyId"].as_str().unwrap(), next()), owner_tag("uid"));
        let block = with_id(block, &id);
        runtime.block_on(async {
            create(&*policy(&account, "spaceone", &block, &tag)).await;
            let mut reworded = block.clone();
            for field in ["permissions", "labels"] {
                if let Some(list) = reworded[field].as_array_mut() {
                    list.reverse();
                    list.extend(list.first().cloned());
                }
            }
            if let Some(tags) = reworded.get_mut("tags") {
                *tags = as_fractions(tags);
            }
            spaceone.journal().clear();
            let left = settle(&*policy(&account, "spaceone", &reworded, &tag), &id).await;
            assert!(left.is_empty() && spaceone.journal().writes().is_empty(), "{}", left.summary());
            spaceone.remove_policy(&id);
        });
    });
}
