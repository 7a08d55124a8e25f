//! The whole operator against a real API server: where an object ends up depends on its last spec,
//! and what its status says on the facts, never on the way there.
//!
//! The specs are generated from fixed seeds. All objects of a test walk side by side.

use super::meaning::{alike, permissions, plain, set};
use super::specs::{self, text};
use crate::support::test_env::{Kind, TestEnv, common, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::managed::Managed;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::pick;
use futures::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};

const WALKERS: usize = 6;
const STEPS: usize = 3;

/// An object of one of the kinds, on its way.
struct Walker {
    name: String,
    specs: Vec<Value>,
}

/// A whole object with this block, as GitOps tools apply it.
fn manifest(name: &str, block: &Value) -> Value {
    let mut object = if block.get("policyName").is_some() {
        ncloud_policy(name)
    } else if block.get("policyId").is_some() {
        spaceone_policy(name)
    } else {
        network_policy(name, "zone")
    };
    let field = if block.get("policyName").is_some() { "ncloud" } else { "spaceone" };
    object["spec"][field] = block.clone();
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    object["spec"]["interval"] = json!("24h");
    object
}

/// The block without the characters that YAML has no place for, which is what an apply is read as.
fn writable(value: &Value) -> Value {
    let fit =
        |c: &char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let text = |text: &str| text.chars().map(|c| if fit(&c) { c } else { '_' }).collect::<String>();
    match value {
        Value::String(raw) => json!(text(raw)),
        Value::Array(items) => items.iter().map(writable).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (text(key), writable(value))).collect(),
        other => other.clone(),
    }
}

/// The field that may not change takes the walker's name.
fn walkers(seed: u64, kind: &str, specs: impl Strategy<Value = Value>) -> Vec<Walker> {
    let specs = specs.prop_map(|block| {
        let mut block = writable(&block);
        // An apply that empties an object reaches the API server's validation as `null`, and is refused.
        block.as_object_mut().unwrap().retain(|_, value| value != &json!({}));
        // Pins that a spec does not declare are somebody else's, and stay: here every spec declares some.
        if block.get("zoneId").is_some() && block["pinnedKeys"].as_array().is_none_or(Vec::is_empty) {
            block["pinnedKeys"] = json!(["zone_id"]);
        }
        block
    });
    let walks = pick(WALKERS, seed, prop::collection::vec(specs, STEPS));
    let walker = |(n, mut specs): (usize, Vec<Value>)| {
        let name = format!("{kind}-{seed}-{n}");
        for block in &mut specs {
            for field in ["policyName", "policyId"] {
                if block.get(field).is_some() {
                    block[field] = json!(name);
                }
            }
        }
        Walker { name, specs }
    };
    walks.into_iter().enumerate().map(walker).collect()
}

impl Walker {
    /// Takes every step as soon as the one before is done.
    async fn walk<K: Managed + Kind>(&self, env: &TestEnv) -> K {
        let mut last = None;
        for block in &self.specs {
            env.apply(manifest(&self.name, block)).await;
            last = Some(env.ready::<K>(&self.name).await);
        }
        last.expect("there are steps")
    }
}

/// What status says, without times, ids, names and counts of changes.
fn facts<K: Managed>(object: &K) -> Value {
    let status = common(object);
    let conditions = status.conditions.iter().map(|c| json!([c.type_, c.status, c.reason, c.message]));
    json!({
        "conditions": set(conditions),
        "drift": status.drift,
        "operation": status.operation,
        "adopted": status.upstream.map(|upstream| upstream.adopted),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_depends_on_the_last_spec_and_the_status_on_the_facts() {
    let env = TestEnv::new("histories").await;
    let zones = env.spaceone.zone_ids();
    let n = walkers(21, "n", specs::ncloud::policy(text::policy_name_alone()));
    let p = walkers(22, "p", specs::spaceone::policy(Just("p".to_owned())));
    let w = walkers(23, "w", specs::network::policy(&zones));
    let (policies, networks) = futures::join!(
        join_all(n.iter().chain(&p).map(|walker| walker.walk::<Policy>(&env))),
        join_all(w.iter().map(|walker| walker.walk::<NetworkPolicy>(&env))),
    );
    for walker in &n {
        let (held, last) = (env.ncloud.policy_named(&walker.name).unwrap(), walker.specs.last().unwrap());
        assert_eq!(permissions(&json!(held.permissions)), permissions(&last["permissions"]), "{}", walker.name);
    }
    for walker in &p {
        let all = env.spaceone.policies();
        let (held, last) =
            (all.iter().find(|policy| policy.policy_id == walker.name).unwrap(), walker.specs.last().unwrap());
        assert_eq!(
            (json!(held.name), set(held.permissions.iter().map(|p| json!(p)))),
            (last["name"].clone(), set(last["permissions"].as_array().unwrap().clone()))
        );
    }
    for (walker, object) in w.iter().zip(&networks) {
        let all = env.spaceone.network_policies();
        let id = object.status.as_ref().unwrap().network_policy_id.clone().unwrap();
        let (held, last) =
            (all.iter().find(|policy| policy.network_policy_id == id).unwrap(), walker.specs.last().unwrap());
        assert_eq!((json!(held.name), json!(held.zone_id)), (last["name"].clone(), last["zoneId"].clone()));
        assert!(last["data"].is_null() || alike(&plain(&json!(held.data)), &plain(&last["data"])), "{}", walker.name);
    }
    // Each is there once; network policies may have been made again where nothing else helps.
    assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().effects(Operation::Create)), (WALKERS, WALKERS));
    assert_eq!((env.spaceone.policies().len(), env.spaceone.network_policies().len()), (WALKERS, WALKERS));

    // The same last specs, reached in one step: the same is said of them.
    let straight = |walker: &Walker| {
        let mut block = walker.specs.last().unwrap().clone();
        let name = format!("{}-s", walker.name);
        for field in ["policyName", "policyId"] {
            if block.get(field).is_some() {
                block[field] = json!(name);
            }
        }
        Walker { name, specs: vec![block] }
    };
    for (walker, object) in n.iter().chain(&p).zip(&policies) {
        assert_eq!(facts(&straight(walker).walk::<Policy>(&env).await), facts(object), "{}", walker.name);
    }
    for (walker, object) in w.iter().zip(&networks) {
        assert_eq!(facts(&straight(walker).walk::<NetworkPolicy>(&env).await), facts(object), "{}", walker.name);
    }
}

/// A way to spoil each block so that the API server still takes it, and the reason that is given.
fn spoilt(block: &Value) -> (Value, &'static str) {
    let mut block = block.clone();
    if block.get("policyName").is_some() {
        block["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
        return (block, "ValidationFailed");
    }
    let field = if block.get("policyId").is_some() { "tags" } else { "data" };
    block[field] = json!({ "not.storable": 1 });
    (block, "InvalidSpec")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_that_is_refused_harms_nothing_and_a_good_one_mends_it_without_a_human() {
    let env = TestEnv::new("recovers").await;
    let zones = env.spaceone.zone_ids();
    let n = walkers(31, "n", specs::ncloud::policy(text::policy_name_alone()));
    let p = walkers(32, "p", specs::spaceone::policy(Just("p".to_owned())));
    let w = walkers(33, "w", specs::network::policy(&zones));
    futures::join!(
        join_all(n.iter().chain(&p).map(|walker| recovers::<Policy>(&env, walker))),
        join_all(w.iter().map(|walker| recovers::<NetworkPolicy>(&env, walker))),
    );
    assert_eq!(env.ncloud.journal().effects(Operation::Create), WALKERS);
    let held = (env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len());
    assert_eq!(held, (WALKERS, WALKERS, WALKERS), "nothing refused was made, nothing good was lost");
}

/// Refused from the start, good, refused again, good.
async fn recovers<K: Managed + Kind>(env: &TestEnv, walker: &Walker) {
    for block in &walker.specs[..2] {
        let (bad, reason) = spoilt(block);
        env.apply(manifest(&walker.name, &bad)).await;
        let refused: K = env.reason(&walker.name, reason).await;
        assert_eq!(crate::support::test_env::condition(&common(&refused), "Valid").unwrap().status, "False");
        env.apply(manifest(&walker.name, block)).await;
        env.ready::<K>(&walker.name).await;
    }
}
