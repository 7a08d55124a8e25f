//! The way of a change that grants more: it waits, is approved, and is written once.

use super::{approval, approve, hash_of, pending, permit, required, set};
use crate::gitops::health_oracle::health_of;
use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::status::PendingAccess;
use cloud_policy::api::{NetworkPolicy, Policy, PolicyApproval};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Operation;
use serde_json::json;
use std::time::Duration;

/// No interval ends within a test: only an event triggers a reconcile.
fn slow(settings: &mut Settings) {
    settings.interval_divisor = 1;
    settings.slow_retry = Duration::from_mins(10);
}

#[tokio::test]
async fn new_policy_waits_until_it_is_approved() {
    let env = TestEnv::with("approve-new", slow).await;
    required(&env, "ncloud").await;
    env.apply(ncloud_policy("viewer")).await;
    let seen: Policy = env.reason("viewer", "ApprovalRequired").await;
    let change = seen.status.as_ref().unwrap().pending_change.clone().unwrap();
    assert_eq!(change.access, PendingAccess::Wider);
    let witness = change.witness.unwrap();
    assert!(witness.contains("Server"), "{witness}");
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains(&witness) && told.contains(&change.hash), "{told}");
    assert!(env.ncloud.journal().writes().is_empty() && env.ncloud.policies().is_empty());
    env.apply(approval("yes", "viewer", &change.hash)).await;
    let done = env.ready::<Policy>("viewer").await;
    assert_eq!(done.status.as_ref().unwrap().pending_change, None);
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
    let used = env.get::<PolicyApproval>("yes").await.status.unwrap().used.unwrap();
    assert_eq!((Some(&used.uid), Some(used.generation)), (done.metadata.uid.as_ref(), done.metadata.generation));
    let events = env.events("viewer").await;
    let approved = events.iter().find(|(reason, _)| reason == "Approved").expect("an event");
    let uid = env.get::<PolicyApproval>("yes").await.metadata.uid.unwrap();
    assert!(approved.1.contains(&format!("PolicyApproval yes ({uid}), written by test")), "{approved:?}");
}

#[tokio::test]
async fn narrowing_is_written_while_a_widening_waits() {
    let env = TestEnv::with("approve-narrow", slow).await;
    env.apply(spaceone_policy("viewer")).await;
    env.ready::<Policy>("viewer").await;
    required(&env, "spaceone").await;
    permit(&env, "viewer", &["inventory.*"]).await;
    pending(&env, "viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
    permit(&env, "viewer", &["inventory.Server.get"]).await;
    let seen: Policy = env.ready("viewer").await;
    assert_eq!(seen.status.as_ref().unwrap().pending_change, None);
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.get"]);
    // What was in force before the narrowing is a widening now.
    permit(&env, "viewer", &["inventory.Server.get", "inventory.Server.list"]).await;
    pending(&env, "viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.get"]);
}

#[tokio::test]
async fn drift_is_corrected_without_an_approval() {
    let env = TestEnv::with("approve-drift", slow).await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    approve(&env, "yes", "viewer").await;
    let id = upstream_id(&env.ready::<Policy>("viewer").await);
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["inventory.Server.get".to_owned()]);
    env.reconcile_now::<Policy>("viewer").await;
    env.ready::<Policy>("viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
}

#[tokio::test]
async fn restart_keeps_what_waits_and_what_was_approved() {
    let mut env = TestEnv::with("approve-restart", slow).await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    let hash = pending(&env, "viewer").await;
    env.crash();
    env.start(slow);
    env.reconcile_now::<Policy>("viewer").await;
    assert_eq!(pending(&env, "viewer").await, hash);
    assert!(env.spaceone.journal().writes().is_empty());
    env.stop().await;
    env.apply(approval("yes", "viewer", &hash)).await;
    env.start(slow);
    let id = upstream_id(&env.ready::<Policy>("viewer").await);
    // A process that has not seen the spec in force goes by the approval that was used for it.
    env.stop().await;
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["inventory.Server.get".to_owned()]);
    env.start(slow);
    env.reconcile_now::<Policy>("viewer").await;
    env.ready::<Policy>("viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
}

#[tokio::test]
async fn waiting_policy_is_suspended_for_argo_cd() {
    let env = TestEnv::with("approve-health", slow).await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    let seen: Policy = env.reason("viewer", "ApprovalRequired").await;
    env.apply(approval("unused", "viewer", &hash_of(&seen).replace(char::is_numeric, "0"))).await;
    let unused: PolicyApproval = env.get("unused").await;
    let health = health_of(&[serde_json::to_value(&seen).unwrap(), serde_json::to_value(&unused).unwrap()]);
    assert_eq!(health[0].pair(), ("Suspended", "InProgress"));
    assert_eq!(health[1].pair(), ("Healthy", "Current"));
}

#[tokio::test]
async fn network_policy_needs_no_approval() {
    let env = TestEnv::with("approve-network", slow).await;
    required(&env, "spaceone").await;
    env.apply(network_policy("routes", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("routes").await;
}

#[tokio::test]
async fn waiting_change_is_written_when_none_is_required_any_more() {
    let env = TestEnv::with("approve-off", slow).await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    pending(&env, "viewer").await;
    set(&env, "spaceone", "NotRequired").await;
    env.ready::<Policy>("viewer").await;
}

#[tokio::test]
async fn adoption_that_grants_more_waits() {
    let env = TestEnv::with("approve-adopt", slow).await;
    env.apply(spaceone_policy("viewer")).await;
    env.ready::<Policy>("viewer").await;
    env.patch::<Policy>("viewer", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.delete::<Policy>("viewer").await;
    env.gone::<Policy>("viewer").await;
    required(&env, "spaceone").await;
    let before = env.spaceone.policies();
    let mut adopting = spaceone_policy("viewer");
    adopting["spec"]["adoptionPolicy"] = json!("Always");
    adopting["spec"]["spaceone"]["permissions"] = json!(["inventory.*"]);
    env.apply(adopting).await;
    pending(&env, "viewer").await;
    assert_eq!(env.spaceone.policies(), before);
    approve(&env, "yes", "viewer").await;
    env.ready::<Policy>("viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.*"]);
}
