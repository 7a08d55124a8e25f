//! SIGTERM in the middle of a write: what is under way is finished and recorded, nothing new is
//! begun. Nor is anything by a process that leads no more, which says nothing about it either.

use crate::support::world::{World, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy::api::status::OperationKind;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_create_under_way_is_recorded_before_the_operator_ends() {
    let mut world = World::new("shutdown").await;
    let slow = Fault::on(Operation::Create).after(Action::Pass).latency(Duration::from_secs(2));
    world.ncloud.faults().add(slow);
    world.apply(ncloud_policy("midway")).await;
    world.eventually("the create call to be under way", || world.ncloud.faults().struck() == 1).await;
    world.stop().await;
    let object: Policy = world.get("midway").await;
    assert_eq!(upstream_id(&object), world.ncloud.policy_named("midway").unwrap().policy_id);
    assert!(common(&object).operation.is_none());

    world.patch::<Policy>("midway", json!({ "spec": { "ncloud": { "description": "while nobody looks" } } })).await;
    world.start(|_| {});
    world.ready::<Policy>("midway").await;
    let stored = world.ncloud.policy_named("midway").unwrap();
    assert_eq!(stored.description.as_deref(), Some("while nobody looks"));
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn who_loses_the_lead_before_the_create_call_leaves_the_intent_to_the_next() {
    let mut world = World::new("deposed").await;
    let slow = Fault::on(Operation::Validate).after(Action::Pass).latency(Duration::from_secs(1));
    world.ncloud.faults().add(slow);
    world.apply(ncloud_policy("handed-over")).await;
    world.eventually("the preflight to be under way", || world.ncloud.faults().struck() == 1).await;
    world.depose();
    world.eventually("the end of the reconcile", || world.metrics().contains(r#"result="not_leading""#)).await;
    let common = common(&world.get::<Policy>("handed-over").await);
    assert_eq!(common.operation.as_ref().map(|operation| operation.kind), Some(OperationKind::Create));
    assert!(condition(&common, "Ready").is_none_or(|ready| ready.reason == "Creating"), "{:?}", common.conditions);
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 0);

    world.crash();
    world.start(|_| {});
    world.ready::<Policy>("handed-over").await;
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn an_annotation_has_an_object_compared_at_once() {
    let world = World::with("nudge", |settings| settings.interval_divisor = 1).await;
    world.apply(ncloud_policy("nudged")).await;
    let object: Policy = world.ready("nudged").await;
    let id = upstream_id(&object);
    world.ncloud.edit_policy(&id, |policy| policy.description = Some("by hand".to_owned()));
    world.look_again::<Policy>("nudged").await;
    world.ready::<Policy>("nudged").await;
    assert_eq!(world.ncloud.policy_named("nudged").unwrap().description.as_deref(), Some("first"));
}
