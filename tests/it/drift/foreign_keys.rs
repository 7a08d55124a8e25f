//! Keys of `data` that other writers set through the same API: they are no reason to recreate a network policy.

use crate::support::test_env::{TestEnv, common, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, Update};
use serde_json::{Value, json};

/// Sets a key as another user of the API does.
fn write_by_hand(policy: &mut StoredNetworkPolicy, key: &str) {
    policy.data.insert(key.to_owned(), json!("by hand"));
    policy.update_history.push(Update { key: format!("data.{key}"), updated_at: 1 });
}

fn recreatable(env: &TestEnv, name: &str, data: &Value) -> Value {
    let mut object = network_policy(name, &env.spaceone.zone_ids()[0]);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    object["spec"]["spaceone"]["data"] = data.clone();
    object
}

#[tokio::test]
async fn key_of_another_writer_does_not_recreate_object() {
    let env = TestEnv::new("hand-key").await;
    env.apply(recreatable(&env, "hand-key", &json!({ "mine": 1 }))).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("hand-key").await);
    assert!(env.spaceone.edit_network_policy(&id, |policy| write_by_hand(policy, "stranger")));
    env.wait_for_reconciles(3).await;
    let seen: NetworkPolicy = env.reconcile_now("hand-key").await;
    assert_eq!(upstream_id(&seen), id);
    assert!(env.spaceone.network_policies()[0].data.contains_key("stranger"));
    assert_eq!(env.spaceone.journal().count(Operation::Delete), 0);
}

#[tokio::test]
async fn key_dropped_from_spec_recreates_object() {
    let env = TestEnv::new("dropped-key").await;
    env.apply(recreatable(&env, "dropped-key", &json!({ "mine": 1, "old": 2 }))).await;
    let first: NetworkPolicy = env.ready("dropped-key").await;
    env.apply(recreatable(&env, "dropped-key", &json!({ "mine": 1 }))).await;
    let second: NetworkPolicy = env.ready("dropped-key").await;
    assert_ne!(upstream_id(&first), upstream_id(&second));
    assert!(!env.spaceone.network_policies()[0].data.contains_key("old"));
    let declared = second.status.unwrap().declared_data_keys;
    assert_eq!(declared.into_iter().collect::<Vec<_>>(), ["mine"]);
}

#[tokio::test]
async fn key_dropped_while_status_is_lost_recreates_nothing() {
    let env = TestEnv::new("lost-keys").await;
    let mut object = recreatable(&env, "lost-keys", &json!({ "mine": 1, "old": 2 }));
    env.apply(object.clone()).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("lost-keys").await);
    object["spec"]["suspend"] = json!(true);
    env.apply(object.clone()).await;
    env.reason::<NetworkPolicy>("lost-keys", "Suspended").await;
    let lost = kube::api::Patch::Merge(json!({ "status": null }));
    env.api::<NetworkPolicy>().patch_status("lost-keys", &kube::api::PatchParams::default(), &lost).await.unwrap();
    object["spec"]["suspend"] = json!(false);
    object["spec"]["spaceone"]["data"] = json!({ "mine": 1 });
    env.apply(object).await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("lost-keys").await), id);
}

#[tokio::test]
async fn adoption_keeps_keys_of_other_writers() {
    let env = TestEnv::new("adopt-keys").await;
    let mut existing = StoredNetworkPolicy { name: "adopt-keys".to_owned(), ..StoredNetworkPolicy::default() };
    existing.update_history = ["name", "zone_id"].map(|key| Update { key: key.to_owned(), updated_at: 1 }).to_vec();
    write_by_hand(&mut existing, "stranger");
    let id = env.spaceone.add_network_policy(existing);
    let mut object = recreatable(&env, "adopt-keys", &json!({ "mine": 1 }));
    object["spec"]["adoptionPolicy"] = json!("Always");
    object["spec"]["externalId"] = json!(id);
    env.apply(object).await;
    let seen: NetworkPolicy = env.ready("adopt-keys").await;
    assert_eq!((upstream_id(&seen), common(&seen).upstream.unwrap().adopted), (id, true));
    let data = env.spaceone.network_policies()[0].data.clone();
    assert!(data.contains_key("stranger") && data.contains_key("mine"), "{data:?}");
}
