//! The whole operator against a real API server: the state of an object depends on its last spec, and its
//! status on the facts, never on the specs before it.
//!
//! The specs are generated from fixed seeds. The objects of a test change at the same time.

use super::comparison::{alike, permissions, plain, set};
use super::specs::{self, text};
use crate::support::test_env::{Kind, TestEnv, common, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::pick;
use futures::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};

const OBJECTS: usize = 6;
const STEPS: usize = 3;

/// An object and the specs that it gets, one after the other.
struct History {
    name: String,
    specs: Vec<Value>,
}

/// Returns a complete manifest with this block, as GitOps tools apply it.
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

/// Replaces the characters that YAML cannot contain, because an apply is read as YAML.
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

/// Generates objects. The name of an object replaces its immutable field.
fn histories(seed: u64, kind: &str, specs: impl Strategy<Value = Value>) -> Vec<History> {
    let specs = specs.prop_map(|block| {
        let mut block = writable(&block);
        // An apply that empties an object reaches the API server's validation as `null`, and is refused.
        block.as_object_mut().unwrap().retain(|_, value| value != &json!({}));
        // Pins that a spec does not declare belong to another writer and stay. Here every spec declares some.
        if block.get("zoneId").is_some() && block["pinnedKeys"].as_array().is_none_or(Vec::is_empty) {
            block["pinnedKeys"] = json!(["zone_id"]);
        }
        block
    });
    let steps = pick(OBJECTS, seed, prop::collection::vec(specs, STEPS));
    let history = |(n, mut specs): (usize, Vec<Value>)| {
        let name = format!("{kind}-{seed}-{n}");
        for block in &mut specs {
            for field in ["policyName", "policyId"] {
                if block.get(field).is_some() {
                    block[field] = json!(name);
                }
            }
        }
        History { name, specs }
    };
    steps.into_iter().enumerate().map(history).collect()
}

impl History {
    /// Applies each spec as soon as the object is ready with the one before.
    async fn apply_all<K: Managed + Kind>(&self, env: &TestEnv) -> K {
        let mut last = None;
        for block in &self.specs {
            env.apply(manifest(&self.name, block)).await;
            last = Some(env.ready::<K>(&self.name).await);
        }
        last.expect("a history has specs")
    }
}

/// Returns the status without times, ids, names and counts.
fn facts<K: Managed>(object: &K) -> Value {
    let status = common(object);
    // Whether an update took permissions away is history, and not state.
    let message = |text: &str| text.split(" The upstream may still grant").next().map(str::to_owned);
    let conditions = status.conditions.iter().map(|c| json!([c.type_, c.status, c.reason, message(&c.message)]));
    json!({
        "conditions": set(conditions),
        "drift": status.drift,
        "operation": status.operation,
        "adopted": status.upstream.map(|upstream| upstream.adopted),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn final_state_depends_only_on_last_spec() {
    let env = TestEnv::new("histories").await;
    let zones = env.spaceone.zone_ids();
    let n = histories(21, "n", specs::ncloud::policy(text::policy_name_alone()));
    let p = histories(22, "p", specs::spaceone::policy(Just("p".to_owned())));
    let w = histories(23, "w", specs::network::policy(&zones));
    let (policies, networks) = futures::join!(
        join_all(n.iter().chain(&p).map(|history| history.apply_all::<Policy>(&env))),
        join_all(w.iter().map(|history| history.apply_all::<NetworkPolicy>(&env))),
    );
    for history in &n {
        let (stored, last) = (env.ncloud.policy_named(&history.name).unwrap(), history.specs.last().unwrap());
        assert_eq!(permissions(&json!(stored.permissions)), permissions(&last["permissions"]), "{}", history.name);
    }
    for history in &p {
        let all = env.spaceone.policies();
        let (stored, last) =
            (all.iter().find(|policy| policy.policy_id == history.name).unwrap(), history.specs.last().unwrap());
        assert_eq!(
            (json!(stored.name), set(stored.permissions.iter().map(|p| json!(p)))),
            (last["name"].clone(), set(last["permissions"].as_array().unwrap().clone()))
        );
    }
    for (history, object) in w.iter().zip(&networks) {
        let all = env.spaceone.network_policies();
        let id = object.status.as_ref().unwrap().network_policy_id.clone().unwrap();
        let (stored, last) =
            (all.iter().find(|policy| policy.network_policy_id == id).unwrap(), history.specs.last().unwrap());
        assert_eq!((json!(stored.name), json!(stored.zone_id)), (last["name"].clone(), last["zoneId"].clone()));
        assert!(
            last["data"].is_null() || alike(&plain(&json!(stored.data)), &plain(&last["data"])),
            "{}",
            history.name
        );
    }
    // Each object exists once. Network policies may have been recreated if a change required it.
    assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().effects(Operation::Create)), (OBJECTS, OBJECTS));
    assert_eq!((env.spaceone.policies().len(), env.spaceone.network_policies().len()), (OBJECTS, OBJECTS));

    // The same last specs, applied at once, result in the same status.
    let straight = |history: &History| {
        let mut block = history.specs.last().unwrap().clone();
        let name = format!("{}-s", history.name);
        for field in ["policyName", "policyId"] {
            if block.get(field).is_some() {
                block[field] = json!(name);
            }
        }
        History { name, specs: vec![block] }
    };
    for (history, object) in n.iter().chain(&p).zip(&policies) {
        assert_eq!(facts(&straight(history).apply_all::<Policy>(&env).await), facts(object), "{}", history.name);
    }
    for (history, object) in w.iter().zip(&networks) {
        assert_eq!(facts(&straight(history).apply_all::<NetworkPolicy>(&env).await), facts(object), "{}", history.name);
    }
}

/// Makes a block invalid in a way that the API server accepts. Returns the expected reason, too.
fn invalid(block: &Value) -> (Value, &'static str) {
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
async fn object_recovers_from_refused_spec_when_spec_is_corrected() {
    let env = TestEnv::new("recovers").await;
    let zones = env.spaceone.zone_ids();
    let n = histories(31, "n", specs::ncloud::policy(text::policy_name_alone()));
    let p = histories(32, "p", specs::spaceone::policy(Just("p".to_owned())));
    let w = histories(33, "w", specs::network::policy(&zones));
    futures::join!(
        join_all(n.iter().chain(&p).map(|history| recovers::<Policy>(&env, history))),
        join_all(w.iter().map(|history| recovers::<NetworkPolicy>(&env, history))),
    );
    assert_eq!(env.ncloud.journal().effects(Operation::Create), OBJECTS);
    let count = (env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len());
    assert_eq!(count, (OBJECTS, OBJECTS, OBJECTS), "no invalid object was created, no valid one was lost");
}

/// Applies an invalid spec, a valid one, another invalid one, and another valid one.
async fn recovers<K: Managed + Kind>(env: &TestEnv, history: &History) {
    for block in &history.specs[..2] {
        let (bad, reason) = invalid(block);
        env.apply(manifest(&history.name, &bad)).await;
        let refused: K = env.reason(&history.name, reason).await;
        assert_eq!(crate::support::test_env::condition(&common(&refused), "Valid").unwrap().status, "False");
        env.apply(manifest(&history.name, block)).await;
        env.ready::<K>(&history.name).await;
    }
}
