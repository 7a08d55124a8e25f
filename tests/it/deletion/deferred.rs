//! Deletions that the upstream accepted and that wait for a list, which confirms them together with others.

use super::from_status::blocked;
use crate::ownership::lost_finalizers::three_ready;
use crate::ownership::released::orphaned_note;
use crate::support::test_env::{TestEnv, common, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::spaceone::StoredPolicy;
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use futures::future::join_all;
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Lets deletions follow each other, so that all but the last wait.
fn one_at_a_time(settings: &mut Settings) {
    (settings.delete_limit, settings.concurrency, settings.interval_divisor) = (0, 1, 1);
}

async fn delete_all(env: &TestEnv, names: &[String]) {
    join_all(names.iter().map(|name| env.delete::<Policy>(name))).await;
}

async fn ready_policies(env: &TestEnv, names: &[String]) {
    for name in names {
        env.apply(spaceone_policy(name)).await;
    }
    for name in names {
        env.ready::<Policy>(name).await;
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("s{i}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hidden_copy_is_deleted_although_a_crowd_is_deleted() {
    let env = TestEnv::with("deferred-copy", |settings| {
        one_at_a_time(settings);
        settings.create_grace = SECOND * 3;
    })
    .await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for i in 0..8 {
        env.apply(network_policy(&format!("c{i}"), &zone)).await;
    }
    for i in 0..8 {
        env.ready::<NetworkPolicy>(&format!("c{i}")).await;
    }
    let lag = Lag { reads: Duration::ZERO, lists: SECOND * 11 / 2, deletions: Duration::ZERO };
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.spaceone.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    env.apply(network_policy("left", &zone)).await;
    env.eventually("two copies", || env.spaceone.journal().effects(Operation::Create) == 10).await;
    let is_recorded = |object: &NetworkPolicy| {
        anyhow::ensure!(common(object).upstream.is_some_and(|upstream| upstream.id.is_some()), "not recorded");
        Ok(())
    };
    env.until("left", "recorded", is_recorded).await;
    env.spaceone.faults().add(Fault::on(Operation::Delete).latency(SECOND * 3 / 10).forever());
    env.delete::<NetworkPolicy>("left").await;
    for i in 0..8 {
        env.delete::<NetworkPolicy>(&format!("c{i}")).await;
    }
    env.gone::<NetworkPolicy>("left").await;
    let left: Vec<_> = env.spaceone.network_policies().into_iter().filter(|policy| policy.name == "left").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_object_is_no_orphan_when_its_name_is_taken() {
    let mut env = TestEnv::with("deferred-taken", one_at_a_time).await;
    let all = names(8);
    ready_policies(&env, &all).await;
    env.stop().await;
    delete_all(&env, &all).await;
    env.spaceone.faults().add(Fault::on(Operation::Delete).latency(SECOND / 5).forever());
    env.start(one_at_a_time);
    let mut taken: Vec<&String> = Vec::new();
    while taken.len() < all.len() {
        let there: Vec<String> = env.spaceone.policies().into_iter().map(|policy| policy.policy_id).collect();
        for name in all.iter().filter(|name| !there.contains(name)) {
            let tags = serde_json::Map::from_iter([("cloudpolicy_owner".to_owned(), json!("elsewhere/uid"))]);
            let policy =
                StoredPolicy { policy_id: name.clone(), name: "x".to_owned(), tags, ..StoredPolicy::default() };
            env.spaceone.add_policy(policy);
            taken.push(name);
        }
        tokio::time::sleep(SECOND / 50).await;
    }
    for name in &all {
        env.gone::<Policy>(name).await;
        let events = env.events(name).await;
        assert!(!events.iter().any(|(reason, _)| reason == "Orphaned"), "{events:?}");
    }
    assert_eq!(env.spaceone.policies().len(), all.len(), "those of the other cluster stay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_object_is_not_held_by_the_limit() {
    let env = TestEnv::with("deferred-held", |settings| {
        one_at_a_time(settings);
        settings.delete_limit = 10;
    })
    .await;
    let all = names(14);
    ready_policies(&env, &all).await;
    env.spaceone.faults().add(Fault::on(Operation::Delete).latency(SECOND * 3 / 10).forever());
    delete_all(&env, &all[..10]).await;
    env.eventually("some deletions", || env.spaceone.journal().effects(Operation::Delete) >= 3).await;
    delete_all(&env, &all[10..]).await;
    blocked::<Policy>(&env, &all[13], "DeleteHeld").await;
    let there: Vec<String> = env.spaceone.policies().into_iter().map(|policy| policy.policy_id).collect();
    for name in all.iter().filter(|name| !there.contains(name)) {
        env.gone::<Policy>(name).await;
    }
}

#[tokio::test]
async fn release_does_not_deny_an_earlier_deletion() {
    let env = TestEnv::with("deferred-released", one_at_a_time).await;
    three_ready(&env).await;
    let lag = Lag { reads: Duration::ZERO, lists: Duration::ZERO, deletions: SECOND * 20 };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.delete::<NetworkPolicy>("net").await;
    blocked::<Policy>(&env, "one", "Deleting").await;
    blocked::<Policy>(&env, "two", "Deleting").await;
    blocked::<NetworkPolicy>(&env, "net", "Deleting").await;
    let force = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    env.patch::<Policy>("one", force.clone()).await;
    env.patch::<Policy>("two", force.clone()).await;
    env.patch::<NetworkPolicy>("net", force).await;
    for name in ["one", "two", "net"] {
        let note = orphaned_note(&env, name).await;
        assert!(note.contains("it was deleted, and not seen to be gone") && !note.contains("not deleted"), "{note}");
    }
}

#[tokio::test]
async fn deletion_without_effect_says_how_to_go_on() {
    let env = TestEnv::with("deferred-stuck", one_at_a_time).await;
    env.apply(ncloud_policy("stuck")).await;
    env.ready::<Policy>("stuck").await;
    env.ncloud.faults().add(Fault::on(Operation::Delete).before(Action::Empty).forever());
    env.delete::<Policy>("stuck").await;
    let message = blocked::<Policy>(&env, "stuck", "Deleting").await;
    assert!(message.contains("force-orphan=true"), "{message}");
}
