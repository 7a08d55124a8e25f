//! Several upstream objects with the stamp of one: said, never cleared up by itself, and gone with
//! the object.

use crate::support::test_env::{TestEnv, common, condition, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::spaceone::StoredNetworkPolicy;
use cloud_policy_simulator::{Collection, Operation};
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// One more upstream object that bears the stamp, as a create leaves it that lands when nobody waits
/// for it any more; younger than all that is there.
fn late(env: &TestEnv, stamp: &str) -> String {
    env.spaceone.clock().advance(Duration::from_secs(5));
    let tags = [("cloudpolicy_owner".to_owned(), json!(stamp))].into_iter().collect();
    let policy = StoredNetworkPolicy { name: "late".to_owned(), tags, ..StoredNetworkPolicy::default() };
    env.spaceone.add_network_policy(policy)
}

fn stamp_of(env: &TestEnv, id: &str) -> String {
    let all = env.spaceone.network_policies();
    let policy = all.iter().find(|policy| policy.network_policy_id == id).unwrap();
    policy.tags["cloudpolicy_owner"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_one_is_noticed_named_and_left_to_a_human() {
    let env = TestEnv::new("duplicate").await;
    env.apply(network_policy("double", &env.spaceone.zone_ids()[0])).await;
    let first = upstream_id(&env.ready::<NetworkPolicy>("double").await);
    let second = late(&env, &stamp_of(&env, &first));
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
    // The human chooses the other one.
    assert!(env.spaceone.remove_network_policy(&first));
    let seen: NetworkPolicy = env.ready("double").await;
    assert_eq!(upstream_id(&seen), second);
    assert_eq!(env.spaceone.network_policies()[0].name, "double", "and it is as the spec says");
}

#[tokio::test]
async fn all_that_bear_the_stamp_go_with_the_object_and_nothing_else() {
    let mut env = TestEnv::new("duplicate-deleted").await;
    let theirs = late(&env, "another-cluster/another-object");
    for name in ["told", "untold"] {
        env.apply(network_policy(name, &env.spaceone.zone_ids()[0])).await;
    }
    let told = upstream_id(&env.ready::<NetworkPolicy>("told").await);
    let untold = upstream_id(&env.ready::<NetworkPolicy>("untold").await);
    late(&env, &stamp_of(&env, &told));
    env.reason::<NetworkPolicy>("told", "Duplicate").await;
    // Of the other nobody has noticed it before the deletion.
    env.stop().await;
    late(&env, &stamp_of(&env, &untold));
    for name in ["told", "untold"] {
        env.delete::<NetworkPolicy>(name).await;
    }
    env.start(|_| {});
    for name in ["told", "untold"] {
        env.gone::<NetworkPolicy>(name).await;
    }
    let left: Vec<String> = env.spaceone.network_policies().into_iter().map(|p| p.network_policy_id).collect();
    assert_eq!(left, [theirs]);
}

#[tokio::test]
async fn of_several_that_are_found_without_an_id_the_oldest_is_kept() {
    let env = TestEnv::with("duplicate-found", |settings| settings.cluster_id = Some("here".to_owned())).await;
    let mut object = network_policy("found", &env.spaceone.zone_ids()[0]);
    object["spec"]["suspend"] = json!(true);
    env.apply(object).await;
    let stamp = format!("here/{}", env.reason::<NetworkPolicy>("found", "Suspended").await.uid().unwrap());
    let (oldest, _) = (late(&env, &stamp), late(&env, &stamp));
    env.patch::<NetworkPolicy>("found", json!({ "spec": { "suspend": false } })).await;
    let seen: NetworkPolicy = env.reason("found", "Duplicate").await;
    assert_eq!(upstream_id(&seen), oldest);
    env.delete::<NetworkPolicy>("found").await;
    env.gone::<NetworkPolicy>("found").await;
    assert!(env.spaceone.network_policies().is_empty());
    let creates = env.spaceone.journal().entries();
    assert!(!creates.iter().any(|e| e.collection == Collection::NetworkPolicy && e.operation == Operation::Create));
}
