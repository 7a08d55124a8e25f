//! The operator never concedes what may grant more than the spec, however often another writer widens it.

use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::status::DriftAccess;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::Operation;
use serde_json::json;
use std::convert::Infallible;

/// More than the corrections after which the operator concedes a narrower value.
const ATTACKS: usize = 7;

/// Attacks so often, and asserts that the object shows a fight over wider access. The attacks go on until it does, because a
/// fight is over soon after the last one.
async fn shows_fight<K: Managed>(env: &TestEnv, name: &str, path: &str, attack: impl AsyncFn()) -> Option<String> {
    for _ in 0..ATTACKS {
        attack().await;
    }
    let object = tokio::select! {
        object = env.reason::<K>(name, "DriftFight") => object,
        never = forever(attack) => match never {},
    };
    let status = common(&object);
    let ready = condition(&status, "Ready").unwrap();
    assert!(ready.status == "False" && ready.message.contains(path), "{}", ready.message);
    assert!(ready.message.contains("without end"), "{}", ready.message);
    let drift = status.drift.unwrap();
    assert!(drift.access.unwrap().may_be_wider(), "{drift:?}");
    assert!(drift.fields.iter().any(|field| field.path.starts_with(path)), "{drift:?}");
    drift.witness
}

async fn forever(attack: impl AsyncFn()) -> Infallible {
    loop {
        attack().await;
    }
}

fn all_of_iam() -> cloud_policy_simulator::ncloud::Target {
    cloud_policy_simulator::ncloud::Target {
        product: "IAM".to_owned(),
        actions: vec!["*".to_owned()],
        resource_nrns: vec!["*".to_owned()],
    }
}

/// Adds all actions of IAM to the policy, and waits until the operator has removed them.
async fn attack_is_corrected(env: &TestEnv, id: &str) {
    env.ncloud.edit_policy(id, |policy| policy.permissions[0].targets.push(all_of_iam()));
    let narrow = || env.ncloud.policies()[0].permissions[0].targets.len() == 1;
    env.eventually("the wider access to be corrected", narrow).await;
}

#[tokio::test]
async fn wider_access_is_corrected_without_end() {
    let mut env = TestEnv::new("wider").await;
    env.apply(ncloud_policy("wider")).await;
    let id = upstream_id(&env.ready::<Policy>("wider").await);
    let attack = async || attack_is_corrected(&env, &id).await;
    let witness = shows_fight::<Policy>(&env, "wider", "spec.ncloud.permissions", attack).await;
    assert_eq!(witness.as_deref(), Some("IAM View/x on nrn:PUB:IAM:KR:x:x with ncp:principalName=alice"));
    env.crash();
    env.start(|_| {});
    let attack = async || attack_is_corrected(&env, &id).await;
    shows_fight::<Policy>(&env, "wider", "spec.ncloud.permissions", attack).await;
    let status = common(&env.ready::<Policy>("wider").await);
    assert!(status.drift.is_none() && condition(&status, "Drifted").is_none(), "the fight is over");
}

#[tokio::test]
async fn smaller_deny_is_corrected_without_end() {
    let env = TestEnv::new("denied").await;
    let mut object = ncloud_policy("denied");
    let deny = json!({ "effect": "Deny", "targets": [{ "product": "VPC", "actions": ["*"], "resourceNrns": ["*"] }] });
    object["spec"]["ncloud"]["permissions"].as_array_mut().unwrap().push(deny);
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("denied").await);
    let attack = async || {
        env.ncloud.edit_policy(&id, |policy| policy.permissions.retain(|permission| permission.effect != "Deny"));
        let denied = || env.ncloud.policies()[0].permissions.iter().any(|permission| permission.effect == "Deny");
        env.eventually("the denial to return", denied).await;
    };
    shows_fight::<Policy>(&env, "denied", "spec.ncloud.permissions", attack).await;
}

#[tokio::test]
async fn wider_permissions_of_spaceone_are_never_conceded() {
    let env = TestEnv::new("wider-perms").await;
    env.apply(spaceone_policy("wider-perms")).await;
    let id = upstream_id(&env.ready::<Policy>("wider-perms").await);
    let attack = async || {
        env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["*".to_owned()]);
        env.eventually("the correction", || env.spaceone.policies()[0].permissions.len() == 2).await;
    };
    let witness = shows_fight::<Policy>(&env, "wider-perms", "spec.spaceone.permissions", attack).await;
    assert_eq!(witness.as_deref(), Some("x.x.x"));
}

#[tokio::test]
async fn wider_routes_of_network_policy_are_never_conceded() {
    let env = TestEnv::new("wider-net").await;
    env.apply(network_policy("wider-net", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("wider-net").await);
    let narrow = || env.spaceone.network_policies()[0].routing_tables[0].cidr == "10.0.0.0/16";
    let attack = async || {
        env.spaceone.edit_network_policy(&id, |policy| policy.routing_tables[0].cidr = "0.0.0.0/0".to_owned());
        env.eventually("the correction", narrow).await;
    };
    shows_fight::<NetworkPolicy>(&env, "wider-net", "spec.spaceone.routingTables", attack).await;
}

#[tokio::test]
async fn wider_value_that_upstream_keeps_is_written_again() {
    let env = TestEnv::new("kept-wider").await;
    let object = network_policy("kept-wider", &env.spaceone.zone_ids()[0]);
    env.apply(object).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("kept-wider").await);
    env.spaceone.edit_network_policy(&id, |policy| {
        policy.routing_tables[0].cidr = "0.0.0.0/0".to_owned();
        policy.pinned_keys = vec!["routing_tables".to_owned()];
    });
    let seen: NetworkPolicy = env.reason("kept-wider", "NotApplied").await;
    assert_eq!(common(&seen).drift.unwrap().access, Some(DriftAccess::Both));
    let updates = || env.spaceone.journal().count(Operation::Update);
    let before = updates();
    env.eventually("three more writes", || updates() >= before + 3).await;
    env.reason::<NetworkPolicy>("kept-wider", "NotApplied").await;
    env.spaceone.edit_network_policy(&id, |policy| policy.pinned_keys.clear());
    env.ready::<NetworkPolicy>("kept-wider").await;
    assert_eq!(env.spaceone.network_policies()[0].routing_tables[0].cidr, "10.0.0.0/16");
}

#[tokio::test]
async fn wider_access_is_conceded_without_the_safeguard() {
    let env = TestEnv::with("conceded", |settings| settings.safeguards.correct_widening = false).await;
    env.apply(spaceone_policy("conceded")).await;
    let id = upstream_id(&env.ready::<Policy>("conceded").await);
    for _ in 0..3 {
        env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["*".to_owned()]);
        env.eventually("the correction", || env.spaceone.policies()[0].permissions.len() == 2).await;
        env.ready::<Policy>("conceded").await;
    }
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["*".to_owned()]);
    env.reason::<Policy>("conceded", "DriftFight").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["*"]);
}
