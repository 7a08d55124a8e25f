//! Drift fights: the operator stops correcting a field that another writer keeps changing.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use serde_json::json;

/// Brings the object `name` into a drift fight over its description; returns the policy's upstream id.
async fn fought(env: &TestEnv, name: &str) -> String {
    env.apply(ncloud_policy(name)).await;
    let id = upstream_id(&env.ready::<Policy>(name).await);
    provoke(env, name, &id, "first").await;
    id
}

/// Changes the description as another writer does; the operator corrects it three times, and then no more.
async fn provoke(env: &TestEnv, name: &str, id: &str, right: &str) {
    let updates = || env.ncloud.journal().effects(Operation::Update);
    let before = updates();
    for round in 1..=3 {
        is_corrected(env, name, id, right).await;
        assert_eq!(updates(), before + round);
    }
    env.ncloud.edit_policy(id, |p| p.description = Some("theirs".to_owned()));
    let seen: Policy = env.reason(name, "DriftFight").await;
    let status = common(&seen);
    for kind in ["Stalled", "Drifted"] {
        assert_eq!(condition(&status, kind).unwrap().status, "True", "{kind}");
    }
    let ready = condition(&status, "Ready").unwrap();
    assert_eq!(ready.status, "False");
    for words in ["spec.ncloud.description", "spec.driftPolicy: Report", "reconcile-requested-at"] {
        assert!(ready.message.contains(words), "{}", ready.message);
    }
    assert_eq!(status.drift.unwrap().fields[0].path, "spec.ncloud.description");
    stays_quiet(env).await;
    assert_eq!(updates(), before + 3);
}

/// Changes the description as another writer does, and waits until the operator has corrected it and read it back: it
/// would take an earlier change for a value that the upstream did not apply.
async fn is_corrected(env: &TestEnv, name: &str, id: &str, right: &str) {
    let before = corrections(env);
    env.ncloud.edit_policy(id, |p| p.description = Some("theirs".to_owned()));
    env.eventually("a correction", || corrections(env) > before && described(env, name, right)).await;
    env.ready::<Policy>(name).await;
}

/// Returns how many corrections the operator has counted.
fn corrections(env: &TestEnv) -> usize {
    let all = env.metrics();
    let name = "cloud_policy_drifts_corrected_total{system=\"ncloud/policy\"} ";
    let line = all.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().unwrap())
}

fn described(env: &TestEnv, name: &str, text: &str) -> bool {
    env.ncloud.policy_named(name).unwrap().description.as_deref() == Some(text)
}

/// Waits until the operator has read the object three more times, and asserts that it wrote nothing.
async fn stays_quiet(env: &TestEnv) {
    let journal = env.ncloud.journal();
    let (reads, writes) = (journal.count(Operation::Get), journal.writes().len());
    env.eventually("three more reads", || journal.count(Operation::Get) >= reads + 3).await;
    assert_eq!(journal.writes().len(), writes, "{:?}", journal.writes());
}

/// Counts the `DriftFight` events about an object.
async fn fight_events(env: &TestEnv, name: &str) -> usize {
    env.events(name).await.iter().filter(|(reason, _)| reason == "DriftFight").count()
}

#[tokio::test]
async fn drift_fight_stops_after_three_corrections_across_restart() {
    let mut env = TestEnv::new("fight").await;
    fought(&env, "fought").await;
    assert_eq!(fight_events(&env, "fought").await, 1);
    env.crash();
    env.start(|_| {});
    stays_quiet(&env).await;
    env.reason::<Policy>("fought", "DriftFight").await;
    assert_eq!(fight_events(&env, "fought").await, 1, "the fight is reported once");

    env.patch::<Policy>("fought", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("fought").await;
    assert!(described(&env, "fought", "second"), "an edit is written");
    let id = env.ncloud.policy_named("fought").unwrap().policy_id;
    provoke(&env, "fought", &id, "second").await;
}

#[tokio::test]
async fn drift_fight_ends_when_reconcile_is_requested() {
    let env = TestEnv::new("fight-asked").await;
    let id = fought(&env, "fought").await;
    env.reconcile_now::<Policy>("fought").await;
    env.ready::<Policy>("fought").await;
    assert!(described(&env, "fought", "first"));
    // That was the first of three corrections, as in a new fight.
    for _ in 0..2 {
        is_corrected(&env, "fought", &id, "first").await;
    }
    env.ncloud.edit_policy(&id, |p| p.description = Some("theirs".to_owned()));
    env.reason::<Policy>("fought", "DriftFight").await;
}

#[tokio::test]
async fn drift_fight_ends_when_other_writer_restores_value() {
    let env = TestEnv::new("fight-over").await;
    let id = fought(&env, "fought").await;
    let writes = env.ncloud.journal().writes().len();
    env.ncloud.edit_policy(&id, |p| p.description = Some("first".to_owned()));
    let seen: Policy = env.ready("fought").await;
    assert!(common(&seen).drift.is_none() && condition(&common(&seen), "Stalled").is_none());
    assert_eq!(env.ncloud.journal().writes().len(), writes);
}

#[tokio::test]
async fn drift_fight_counts_each_field_separately() {
    let env = TestEnv::new("fight-apart").await;
    env.apply(ncloud_policy("apart")).await;
    let id = upstream_id(&env.ready::<Policy>("apart").await);
    let right = |env: &TestEnv| {
        let policy = env.ncloud.policy_named("apart").unwrap();
        policy.description.as_deref() == Some("first") && policy.permissions[0].effect == "Allow"
    };
    for _ in 0..3 {
        is_corrected(&env, "apart", &id, "first").await;
        let before = corrections(&env);
        env.ncloud.edit_policy(&id, |p| p.permissions[0].effect = "Deny".to_owned());
        env.eventually("a correction", || corrections(&env) > before && right(&env)).await;
    }
    env.reconcile_now::<Policy>("apart").await;
    env.ready::<Policy>("apart").await;
    assert_eq!(fight_events(&env, "apart").await, 0);
}

#[tokio::test]
async fn drift_fight_stops_repeated_recreation() {
    let env = TestEnv::new("fight-anew").await;
    let mut object = network_policy("anew", &env.spaceone.zone_ids()[0]);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    object["spec"]["spaceone"]["pinnedKeys"] = json!([]);
    env.apply(object).await;
    for round in 0..=3 {
        let settled = |object: &NetworkPolicy| {
            let status = common(object);
            let (id, stored) = (status.upstream.and_then(|u| u.id), env.spaceone.network_policies());
            let there = stored.first().is_some_and(|p| Some(&p.network_policy_id) == id.as_ref());
            anyhow::ensure!(there && status.operation.is_none(), "{stored:?}");
            anyhow::ensure!(env.spaceone.journal().effects(Operation::Delete) == round, "not yet recreated");
            Ok(())
        };
        let id = upstream_id(&env.until::<NetworkPolicy>("anew", "recreated", settled).await);
        assert!(env.spaceone.edit_network_policy(&id, |p| p.pinned_keys = vec!["name".to_owned()]));
    }
    let seen: NetworkPolicy = env.reason("anew", "DriftFight").await;
    assert!(condition(&common(&seen), "Ready").unwrap().message.contains("spec.spaceone.pinnedKeys"));
    assert_eq!(env.spaceone.journal().effects(Operation::Delete), 3);
}
