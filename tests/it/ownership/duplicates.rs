//! Several upstream objects with the stamp of one: said, never cleared up by itself, and gone with
//! the object.

use crate::support::world::{World, common, condition, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::spaceone::StoredNetworkPolicy;
use cloud_policy_simulator::{Collection, Operation};
use kube::ResourceExt;
use serde_json::json;
use std::time::Duration;

/// One more upstream object that bears the stamp, as a create leaves it that lands when nobody waits
/// for it any more; younger than all that is there.
fn late(world: &World, stamp: &str) -> String {
    world.spaceone.clock().advance(Duration::from_secs(5));
    let tags = [("cloudpolicy_owner".to_owned(), json!(stamp))].into_iter().collect();
    let policy = StoredNetworkPolicy { name: "late".to_owned(), tags, ..StoredNetworkPolicy::default() };
    world.spaceone.add_network_policy(policy)
}

fn stamp_of(world: &World, id: &str) -> String {
    let all = world.spaceone.network_policies();
    let policy = all.iter().find(|policy| policy.network_policy_id == id).unwrap();
    policy.tags["cloudpolicy_owner"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_one_is_noticed_named_and_left_to_a_human() {
    let world = World::new("duplicate").await;
    world.apply(network_policy("double", &world.spaceone.zone_ids()[0])).await;
    let first = upstream_id(&world.ready::<NetworkPolicy>("double").await);
    let second = late(&world, &stamp_of(&world, &first));
    let seen: NetworkPolicy = world.reason("double", "Duplicate").await;
    let status = common(&seen);
    let message = condition(&status, "Ready").unwrap().message.clone();
    assert!(message.contains(&format!("{first}, {second}")), "{message}");
    assert_eq!(upstream_id(&seen), first, "the oldest is kept");
    assert_eq!(condition(&status, "Stalled").unwrap().status, "True");
    world.spaceone.journal().clear();
    for _ in 0..3 {
        world.look_again::<NetworkPolicy>("double").await;
    }
    assert_eq!(world.spaceone.journal().writes(), vec![]);
    // The human chooses the other one.
    assert!(world.spaceone.remove_network_policy(&first));
    let seen: NetworkPolicy = world.ready("double").await;
    assert_eq!(upstream_id(&seen), second);
    assert_eq!(world.spaceone.network_policies()[0].name, "double", "and it is as the spec says");
}

#[tokio::test]
async fn all_that_bear_the_stamp_go_with_the_object_and_nothing_else() {
    let mut world = World::new("duplicate-deleted").await;
    let theirs = late(&world, "another-cluster/another-object");
    for name in ["told", "untold"] {
        world.apply(network_policy(name, &world.spaceone.zone_ids()[0])).await;
    }
    let told = upstream_id(&world.ready::<NetworkPolicy>("told").await);
    let untold = upstream_id(&world.ready::<NetworkPolicy>("untold").await);
    late(&world, &stamp_of(&world, &told));
    world.reason::<NetworkPolicy>("told", "Duplicate").await;
    // Of the other nobody has noticed it before the deletion.
    world.stop().await;
    late(&world, &stamp_of(&world, &untold));
    for name in ["told", "untold"] {
        world.delete::<NetworkPolicy>(name).await;
    }
    world.start(|_| {});
    for name in ["told", "untold"] {
        world.gone::<NetworkPolicy>(name).await;
    }
    let left: Vec<String> = world.spaceone.network_policies().into_iter().map(|p| p.network_policy_id).collect();
    assert_eq!(left, [theirs]);
}

#[tokio::test]
async fn of_several_that_are_found_without_an_id_the_oldest_is_kept() {
    let world = World::with("duplicate-found", |settings| settings.cluster_id = Some("here".to_owned())).await;
    let mut object = network_policy("found", &world.spaceone.zone_ids()[0]);
    object["spec"]["suspend"] = json!(true);
    world.apply(object).await;
    let stamp = format!("here/{}", world.reason::<NetworkPolicy>("found", "Suspended").await.uid().unwrap());
    let (oldest, _) = (late(&world, &stamp), late(&world, &stamp));
    world.patch::<NetworkPolicy>("found", json!({ "spec": { "suspend": false } })).await;
    let seen: NetworkPolicy = world.reason("found", "Duplicate").await;
    assert_eq!(upstream_id(&seen), oldest);
    world.delete::<NetworkPolicy>("found").await;
    world.gone::<NetworkPolicy>("found").await;
    assert!(world.spaceone.network_policies().is_empty());
    let creates = world.spaceone.journal().entries();
    assert!(!creates.iter().any(|e| e.collection == Collection::NetworkPolicy && e.operation == Operation::Create));
}
