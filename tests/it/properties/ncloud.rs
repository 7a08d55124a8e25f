//! NAVER Cloud policies, against the simulator.

use super::comparison::{permissions, set};
use super::upstreams::{self, assert_only_fields, next, settle, written};
use super::{specs, specs::text};
use crate::support::upstream::{create, observation, owner_tag, policy};
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::{Ncloud, Order};
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use serde_json::{Value, json};

fn spec() -> impl Strategy<Value = Value> {
    specs::ncloud::policy(text::policy_name())
}

/// Gives the spec a unique name. A name is immutable.
fn named(mut block: Value, number: u32) -> Value {
    let name: String = block["policyName"].as_str().unwrap().chars().take(20).collect();
    block["policyName"] = json!(format!("{name}{number:08}"));
    block
}

/// Asserts that the account holds the result of these specs, applied in order.
fn assert_stored(ncloud: &Ncloud, path: &[Value], uid: &str) {
    let last = path.last().unwrap();
    let stored = ncloud.policy_named(last["policyName"].as_str().unwrap()).expect("the policy exists");
    let description = last["description"].as_str().unwrap_or_default();
    assert_eq!(stored.description.as_deref().unwrap_or_default(), description);
    assert_eq!(permissions(&json!(stored.permissions)), permissions(&last["permissions"]));
    // Tags that a spec does not set stay unchanged.
    let tags = path.iter().rev().find_map(|spec| spec.get("tags")).cloned().unwrap_or_else(|| json!({}));
    assert_eq!(json!(stored.tags), with_owner(tags, uid));
}

fn with_owner(mut tags: Value, uid: &str) -> Value {
    tags["cloudpolicy-owner"] = json!(format!("cluster_{uid}"));
    tags
}

/// Asserts that the requests contain what the spec contains, and nothing else.
fn assert_requests(ncloud: &Ncloud, spec: &Value, uid: &str) {
    for (entry, body) in written(ncloud.journal()) {
        match entry.operation {
            Operation::Create => {
                assert_only_fields(&body, &["policyName", "description", "permissions", "tags"]);
                assert_eq!(body["policyName"], spec["policyName"]);
                let declared = spec.get("tags").cloned().unwrap_or_else(|| json!({}));
                assert_eq!(body["tags"], with_owner(declared, uid));
            }
            Operation::Update => assert_only_fields(&body, &["description", "permissions"]),
            Operation::TagsAdd | Operation::TagsRemove => {
                assert_only_fields(&body, &["tagKey", "tagValue"]);
                assert_ne!(body["tagKey"], json!("cloudpolicy-owner"), "the owner tag is never changed");
                continue;
            }
            other => panic!("{other:?} was not expected"),
        }
        assert_eq!(permissions(&body["permissions"]), permissions(&spec["permissions"]));
        assert_eq!(body["description"], json!(spec["description"].as_str().unwrap_or_default()));
    }
    ncloud.journal().clear();
}

#[test]
fn ncloud_spec_arrives_complete_by_any_path() {
    let runtime = upstreams::runtime();
    let (ncloud, account) = runtime.block_on(upstreams::ncloud());
    holds_for(60, prop::collection::vec(spec(), 1..4), |path| {
        let number = next();
        let uid = format!("uid-{number}");
        let path: Vec<Value> = path.into_iter().map(|block| named(block, number)).collect();
        // The name is immutable, so all specs have the name of the first.
        let name = path[0]["policyName"].clone();
        let path: Vec<Value> =
            path.into_iter().map(|mut block| (block["policyName"] = name.clone(), block).1).collect();
        runtime.block_on(async {
            ncloud.journal().clear();
            let first = policy(&account, "ncloud", &path[0], &owner_tag(&uid));
            let id = create(&*first).await;
            assert!(observation(&*first, &id).await.diff.is_empty(), "the created object equals the spec");
            assert_requests(&ncloud, &path[0], &uid);
            for (index, block) in path.iter().enumerate().skip(1) {
                let subject = policy(&account, "ncloud", block, &owner_tag(&uid));
                let left = settle(&*subject, &id).await;
                assert!(left.is_empty(), "difference that remains: {}", left.summary());
                assert_requests(&ncloud, block, &uid);
                assert_stored(&ncloud, &path[..=index], &uid);
            }
            assert_stored(&ncloud, &path, &uid);
            ncloud.remove_policy(&id);
        });
    });
}

/// Rewords a block without a change of its meaning: members in another order, `*` in its two spellings.
fn reworded(block: &Value) -> Value {
    let turned = |list: &Value| list.as_array().unwrap().iter().rev().cloned().collect::<Vec<_>>();
    let mut block = block.clone();
    let mut statements = turned(&block["permissions"]);
    for statement in &mut statements {
        let mut targets = turned(&statement["targets"]);
        for target in &mut targets {
            let everything = format!("nrn:*:{}:*::*", target["product"].as_str().unwrap());
            let other = |nrn: Value| match nrn.as_str().unwrap() {
                "*" => json!(everything),
                text if text == everything => json!("*"),
                _ => nrn,
            };
            target["actions"] = json!(turned(&target["actions"]));
            target["resourceNrns"] = set(turned(&target["resourceNrns"]).into_iter().map(other));
        }
        // A repeated target has no effect.
        targets.push(targets[0].clone());
        statement["targets"] = json!(targets);
        for keys in statement["condition"].as_object_mut().into_iter().flatten() {
            for values in keys.1.as_object_mut().into_iter().flatten() {
                *values.1 = json!(turned(values.1));
            }
        }
    }
    statements.push(statements[0].clone());
    block["permissions"] = json!(statements);
    block
}

#[test]
fn ncloud_equivalent_spec_causes_no_write() {
    let runtime = upstreams::runtime();
    let (ncloud, account) = runtime.block_on(upstreams::ncloud());
    let orders = prop::sample::select(vec![Order::Kept, Order::Sorted, Order::Reversed]);
    holds_for(60, (spec(), orders, any::<bool>()), |(block, order, rewrites)| {
        ncloud.set_options(|o| (o.switches.order, o.switches.rewrite_wildcard) = (order, rewrites));
        let (number, tag) = (next(), owner_tag("uid"));
        let block = named(block, number);
        runtime.block_on(async {
            let id = create(&*policy(&account, "ncloud", &block, &tag)).await;
            ncloud.journal().clear();
            let left = settle(&*policy(&account, "ncloud", &reworded(&block), &tag), &id).await;
            assert!(left.is_empty() && ncloud.journal().writes().is_empty(), "{}", left.summary());
            ncloud.remove_policy(&id);
        });
    });
}
