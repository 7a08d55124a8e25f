//! Somebody who changes the same field back each time is not fought for ever.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use serde_json::json;

/// The object `name` in a fight over its description, and the policy's upstream id.
async fn fought(env: &TestEnv, name: &str) -> String {
    env.apply(ncloud_policy(name)).await;
    let id = upstream_id(&env.ready::<Policy>(name).await);
    provoke(env, name, &id, "first").await;
    id
}

/// A stranger changes the description; it is corrected three times, and then no more.
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

/// A stranger changes the description, and the operator has corrected it and read it back: a change
/// before that would be taken for a value that did not stick.
async fn is_corrected(env: &TestEnv, name: &str, id: &str, right: &str) {
    let told = corrections(env);
    env.ncloud.edit_policy(id, |p| p.description = Some("theirs".to_owned()));
    env.eventually("a correction", || corrections(env) > told && described(env, name, right)).await;
    env.ready::<Policy>(name).await;
}

/// How many corrections the operator has counted.
fn corrections(env: &TestEnv) -> usize {
    let all = env.metrics();
    let name = "cloud_policy_drifts_corrected_total{system=\"ncloud/policy\"} ";
    let line = all.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |count| count.parse().unwrap())
}

fn described(env: &TestEnv, name: &str, text: &str) -> bool {
    env.ncloud.policy_named(name).unwrap().description.as_deref() == Some(text)
}

/// Waits until the object was looked at a few times more; then nothing must have been written.
async fn stays_quiet(env: &TestEnv) {
    let journal = env.ncloud.journal();
    let (looks, writes) = (journal.count(Operation::Get), journal.writes().len());
    env.eventually("three more looks", || journal.count(Operation::Get) >= looks + 3).await;
    assert_eq!(journal.writes().len(), writes, "{:?}", journal.writes());
}

async fn fights_told(env: &TestEnv, name: &str) -> usize {
    env.events(name).await.iter().filter(|(reason, _)| reason == "DriftFight").count()
}

#[tokio::test]
async fn a_fight_ends_after_three_corrections_and_a_restart_does_not_resume_it() {
    let mut env = TestEnv::new("fight").await;
    fought(&env, "fought").await;
    assert_eq!(fights_told(&env, "fought").await, 1);
    env.crash();
    env.start(|_| {});
    stays_quiet(&env).await;
    env.reason::<Policy>("fought", "DriftFight").await;
    assert_eq!(fights_told(&env, "fought").await, 1, "said once");

    env.patch::<Policy>("fought", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("fought").await;
    assert!(described(&env, "fought", "second"), "an edit is written");
    let id = env.ncloud.policy_named("fought").unwrap().policy_id;
    provoke(&env, "fought", &id, "second").await;
}

#[tokio::test]
async fn a_fight_is_over_when_somebody_asks_for_another_try() {
    let env = TestEnv::new("fight-asked").await;
    let id = fought(&env, "fought").await;
    env.reconcile_now::<Policy>("fought").await;
    env.ready::<Policy>("fought").await;
    assert!(described(&env, "fought", "first"));
    // It was the first of three, as in a new fight.
    for _ in 0..2 {
        is_corrected(&env, "fought", &id, "first").await;
    }
    env.ncloud.edit_policy(&id, |p| p.description = Some("theirs".to_owned()));
    env.reason::<Policy>("fought", "DriftFight").await;
}

#[tokio::test]
async fn a_fight_is_over_when_the_other_side_gives_in() {
    let env = TestEnv::new("fight-over").await;
    let id = fought(&env, "fought").await;
    let writes = env.ncloud.journal().writes().len();
    env.ncloud.edit_policy(&id, |p| p.description = Some("first".to_owned()));
    let seen: Policy = env.ready("fought").await;
    assert!(common(&seen).drift.is_none() && condition(&common(&seen), "Stalled").is_none());
    assert_eq!(env.ncloud.journal().writes().len(), writes);
}

#[tokio::test]
async fn fields_are_counted_apart() {
    let env = TestEnv::new("fight-apart").await;
    env.apply(ncloud_policy("apart")).await;
    let id = upstream_id(&env.ready::<Policy>("apart").await);
    let right = |env: &TestEnv| {
        let policy = env.ncloud.policy_named("apart").unwrap();
        policy.description.as_deref() == Some("first") && policy.permissions[0].effect == "Allow"
    };
    for _ in 0..3 {
        is_corrected(&env, "apart", &id, "first").await;
        let told = corrections(&env);
        env.ncloud.edit_policy(&id, |p| p.permissions[0].effect = "Deny".to_owned());
        env.eventually("a correction", || corrections(&env) > told && right(&env)).await;
    }
    env.reconcile_now::<Policy>("apart").await;
    env.ready::<Policy>("apart").await;
    assert_eq!(fights_told(&env, "apart").await, 0);
}

#[tokio::test]
async fn what_must_be_made_anew_is_not_made_anew_for_ever_either() {
    let env = TestEnv::new("fight-anew").await;
    let mut object = network_policy("anew", &env.spaceone.zone_ids()[0]);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    env.apply(object).await;
    let zones = env.spaceone.zone_ids();
    for round in 0..=3 {
        let settled = |object: &NetworkPolicy| {
            let status = common(object);
            let (id, stored) = (status.upstream.and_then(|u| u.id), env.spaceone.network_policies());
            let there = stored.first().is_some_and(|p| Some(&p.network_policy_id) == id.as_ref());
            anyhow::ensure!(there && status.operation.is_none(), "{stored:?}");
            anyhow::ensure!(env.spaceone.journal().effects(Operation::Delete) == round, "not yet made anew");
            Ok(())
        };
        let id = upstream_id(&env.until::<NetworkPolicy>("anew", "made anew", settled).await);
        assert!(env.spaceone.edit_network_policy(&id, |p| p.zone_id = zones[1].clone()));
    }
    let seen: NetworkPolicy = env.reason("anew", "DriftFight").await;
    assert!(condition(&common(&seen), "Ready").unwrap().message.contains("spec.spaceone.zoneId"));
    assert_eq!(env.spaceone.journal().effects(Operation::Delete), 3);
}
