//! Several upstream objects with the owner tag of one object: the operator reports them, leaves the choice to the user,
//! and deletes all of them with the object.

use crate::support::test_env::{TestEnv, common, condition, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::spaceone::StoredNetworkPolicy;
use cloud_policy_simulator::{Collection, Operation};
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// Adds one more upstream object with this owner tag, younger than all others, as a create leaves it that takes effect
/// after the operator has stopped waiting for it.
fn late(env: &TestEnv, tag: &str) -> String {
    env.spaceone.clock().advance(Duration::from_secs(5));
    let tags = [("cloudpolicy_owner".to_owned(), json!(tag))].into_iter().collect();
    let policy = StoredNetworkPolicy { name: "late".to_owned(), tags, ..StoredNetworkPolicy::default() };
    env.spaceone.add_network_policy(policy)
}

/// Returns the owner tag of an upstream object.
fn tag_of(env: &TestEnv, id: &str) -> String {
    let all = env.spaceone.network_policies();
    let policy = all.iter().find(|policy| policy.network_policy_id == id).unwrap();
    policy.tags["cloudpolicy_owner"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn duplicate_is_reported_and_left_to_the_user() {
    let env = TestEnv::new("duplicate").await;
    env.apply(network_policy("double", &env.spaceone.zone_ids()[0])).await;
    let first = upstream_id(&env.ready::<NetworkPolicy>("double").await);
    let second = late(&env, &tag_of(&env, &first));
    let seen: NetworkPolicy = env.reason("double", "Duplicate").await;
    let status = common(&seen);
    let message = condition(&status, "Ready").unwrap().message.clone();
    assert!(message.contains(&format!("{first}, {second}")), "{message}");
    assert_eq!(upstream_id(&seen), first, "the oldest is kept");
    assert_eq!(condition(&status, "Stalled").unwrap().status, "True");
    env.spaceone.journal().clear();
    for _ in 0..3 {
        env.reconcile_now::<NetworkPolicy>("double").await;
    }
    assert_eq!(env.spaceone.journal().writes(), vec![]);
    // The user keeps the other one.
    assert!(env.spaceone.remove_network_policy(&first));
    let seen: NetworkPolicy = env.ready("double").await;
    assert_eq!(upstream_id(&seen), second);
    assert_eq!(env.spaceone.network_policies()[0].name, "double", "the operator updates it to the spec");
}

#[tokio::test]
async fn deletion_removes_exactly_the_objects_with_the_owner_tag() {
    let mut env = TestEnv::new("duplicate-deleted").await;
    let theirs = late(&env, "another-cluster/another-object");
    for name in ["reported", "unreported"] {
        env.apply(network_policy(name, &env.spaceone.zone_ids()[0])).await;
    }
    let reported = upstream_id(&env.ready::<NetworkPolicy>("reported").await);
    let unreported = upstream_id(&env.ready::<NetworkPolicy>("unreported").await);
    late(&env, &tag_of(&env, &reported));
    env.reason::<NetworkPolicy>("reported", "Duplicate").await;
    // The second duplicate appears while the operator is stopped, so status does not report it before the deletion.
    env.stop().await;
    late(&env, &tag_of(&env, &unreported));
    for name in ["reported", "unreported"] {
        env.delete::<NetworkPolicy>(name).await;
    }
    env.start(|_| {});
    for name in ["reported", "unreported"] {
        env.gone::<NetworkPolicy>(name).await;
    }
    let left: Vec<String> = env.spaceone.network_policies().into_iter().map(|p| p.network_policy_id).collect();
    assert_eq!(left, [theirs]);
}

#[tokio::test]
async fn oldest_duplicate_is_kept_when_status_has_no_id() {
    let env = TestEnv::with("duplicate-found", |settings| settings.cluster_id = Some("here".to_owned())).await;
    let mut object = network_policy("found", &env.spaceone.zone_ids()[0]);
    object["spec"]["suspend"] = json!(true);
    env.apply(object).await;
    let tag = format!("here/{}", env.reason::<NetworkPolicy>("found", "Suspended").await.uid().unwrap());
    let (oldest, _) = (late(&env, &tag), late(&env, &tag));
    env.patch::<NetworkPolicy>("found", json!({ "spec": { "suspend": false } })).await;
    let seen: NetworkPolicy = env.reason("found", "Duplicate").await;
    assert_eq!(upstream_id(&seen), oldest);
    env.delete::<NetworkPolicy>("found").await;
    env.gone::<NetworkPolicy>("found").await;
    assert!(env.spaceone.network_policies().is_empty());
    let creates = env.spaceone.journal().entries();
    assert!(!creates.iter().any(|e| e.collection == Collection::NetworkPolicy && e.operation == Operation::Create));
}
