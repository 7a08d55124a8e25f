//! Objects that return from a backup under another name: what they were before is found or told.

use super::released::{backup, lose};
use crate::support::test_env::{TestEnv, common, condition, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use serde_json::{Value, json};

/// Returns a restored object under another name, in Kubernetes and upstream.
fn renamed(mut saved: Value, field: &str) -> Value {
    saved["metadata"]["name"] = json!("renamed");
    saved["spec"]["spaceone"][field] = json!("renamed");
    saved
}

#[tokio::test]
async fn network_policy_restored_under_another_name_is_found() {
    let mut env = TestEnv::new("renamed-network").await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    let saved = backup::<NetworkPolicy>(&env, "net").await;
    env.crash();
    lose::<NetworkPolicy>(&env, "net").await;
    env.apply(renamed(saved, "name")).await;
    env.start(|_| {});
    let seen: NetworkPolicy = env.reason("renamed", "Conflict").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains(&id) && told.contains("under another name"), "{told}");
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 1);
    env.patch::<NetworkPolicy>("renamed", json!({ "spec": { "adoptionPolicy": "Always" } })).await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("renamed").await), id);
    assert_eq!(env.spaceone.network_policies()[0].name, "renamed");
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn policy_restored_under_another_id_tells_what_is_left() {
    let mut env = TestEnv::new("renamed-policy").await;
    env.apply(spaceone_policy("former")).await;
    env.ready::<Policy>("former").await;
    let saved = backup::<Policy>(&env, "former").await;
    env.crash();
    lose::<Policy>(&env, "former").await;
    env.apply(renamed(saved, "policyId")).await;
    env.start(|_| {});
    env.ready::<Policy>("renamed").await;
    let events = env.events("renamed").await;
    assert!(events.iter().any(|(reason, note)| reason == "LeftBehind" && note.contains("former")), "{events:?}");
}

#[tokio::test]
async fn equal_objects_that_live_are_not_left_behind() {
    let env = TestEnv::new("renamed-twins").await;
    for name in ["one", "two"] {
        env.apply(network_policy(name, &env.spaceone.zone_ids()[0])).await;
        env.ready::<NetworkPolicy>(name).await;
        let policy = format!("policy-{name}");
        env.apply(spaceone_policy(&policy)).await;
        env.ready::<Policy>(&policy).await;
        assert!(!env.events(&policy).await.iter().any(|(reason, _)| reason == "LeftBehind"));
        assert!(!env.events(name).await.iter().any(|(reason, _)| reason == "LeftBehind"));
    }
    assert_eq!(env.spaceone.network_policies().len(), 2);
}
