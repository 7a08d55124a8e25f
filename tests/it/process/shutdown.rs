//! Shutdown during a write: the operator finishes and records pending operations, and begins no new ones. A process
//! that is no longer the leader begins no operations either, and reports nothing in status.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy::api::status::OperationKind;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn pending_create_is_recorded_before_shutdown() {
    let mut env = TestEnv::new("shutdown").await;
    let slow = Fault::on(Operation::Create).after(Action::Pass).latency(Duration::from_secs(2));
    env.ncloud.faults().add(slow);
    env.apply(ncloud_policy("midway")).await;
    env.eventually("the create call to be under way", || env.ncloud.faults().injected() == 1).await;
    env.stop().await;
    let object: Policy = env.get("midway").await;
    assert_eq!(upstream_id(&object), env.ncloud.policy_named("midway").unwrap().policy_id);
    assert!(common(&object).operation.is_none());

    env.patch::<Policy>("midway", json!({ "spec": { "ncloud": { "description": "while no operator runs" } } })).await;
    env.start(|_| {});
    env.ready::<Policy>("midway").await;
    let stored = env.ncloud.policy_named("midway").unwrap();
    assert_eq!(stored.description.as_deref(), Some("while no operator runs"));
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn create_intent_is_kept_when_leadership_is_lost() {
    let mut env = TestEnv::new("deposed").await;
    let slow = Fault::on(Operation::Validate).after(Action::Pass).latency(Duration::from_secs(1));
    env.ncloud.faults().add(slow);
    env.apply(ncloud_policy("handed-over")).await;
    env.eventually("the preflight to be under way", || env.ncloud.faults().injected() == 1).await;
    env.revoke_leadership();
    env.eventually("the end of the reconcile", || env.metrics().contains(r#"result="not_leading""#)).await;
    let common = common(&env.get::<Policy>("handed-over").await);
    assert_eq!(common.operation.as_ref().map(|operation| operation.kind), Some(OperationKind::Create));
    assert!(condition(&common, "Ready").is_none_or(|ready| ready.reason == "Creating"), "{:?}", common.conditions);
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);

    env.crash();
    env.start(|_| {});
    env.ready::<Policy>("handed-over").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn reconcile_annotation_triggers_immediate_comparison() {
    let env = TestEnv::with("nudge", |settings| settings.interval_divisor = 1).await;
    env.apply(ncloud_policy("nudged")).await;
    let object: Policy = env.ready("nudged").await;
    let id = upstream_id(&object);
    env.ncloud.edit_policy(&id, |policy| policy.description = Some("by hand".to_owned()));
    env.reconcile_now::<Policy>("nudged").await;
    env.ready::<Policy>("nudged").await;
    assert_eq!(env.ncloud.policy_named("nudged").unwrap().description.as_deref(), Some("first"));
}
