//! Copies that a repeated create left and that lists show late: whoever deletes or releases the object finds them.

use super::lost_finalizers::only_triggers;
use crate::support::test_env::{TestEnv, common, network_policy};
use cloud_policy::api::NetworkPolicy;
use cloud_policy::controller::Settings;
use cloud_policy_simulator::{Action, Collection, Fault, Lag, Operation};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn short(settings: &mut Settings) {
    only_triggers(settings);
    settings.create_grace = SECOND * 3;
}

/// Creates a network policy twice: the response to the first create is lost, and lists show it only after the grace.
async fn repeated(prefix: &str, deletion: &str) -> TestEnv {
    let env = TestEnv::with(prefix, short).await;
    let lag = Lag { reads: Duration::ZERO, lists: SECOND * 11 / 2, deletions: Duration::ZERO };
    env.spaceone.set_options(|switches| switches.lag = lag);
    env.spaceone.faults().add(Fault::on(Operation::Create).of(Collection::NetworkPolicy).after(Action::Reset));
    let mut object = network_policy("left", &env.spaceone.zone_ids()[0]);
    object["spec"]["deletionPolicy"] = json!(deletion);
    env.apply(object).await;
    env.eventually("two copies", || env.spaceone.journal().effects(Operation::Create) == 2).await;
    env.until("left", "recorded", |object: &NetworkPolicy| {
        anyhow::ensure!(common(object).upstream.is_some_and(|upstream| upstream.id.is_some()));
        Ok(())
    })
    .await;
    env
}

/// Returns how many of the upstream objects have an owner tag.
fn tagged(env: &TestEnv) -> usize {
    let is_tagged = |tags: &serde_json::Map<String, Value>| tags.contains_key("cloudpolicy_owner");
    env.spaceone.network_policies().iter().filter(|policy| is_tagged(&policy.tags)).count()
}

#[tokio::test]
async fn deletion_finds_copy_when_operator_restarted() {
    let mut env = repeated("copy-restart", "Delete").await;
    env.crash();
    env.delete::<NetworkPolicy>("left").await;
    env.start(short);
    env.gone::<NetworkPolicy>("left").await;
    let left = env.spaceone.network_policies();
    assert!(left.is_empty(), "leak: {left:?}");
}

#[tokio::test]
async fn deletion_finds_copy_when_operator_restarts_in_between() {
    let mut env = repeated("copy-between", "Delete").await;
    env.delete::<NetworkPolicy>("left").await;
    env.eventually("the first deletion", || env.spaceone.journal().effects(Operation::Delete) == 1).await;
    env.crash();
    env.start(short);
    env.gone::<NetworkPolicy>("left").await;
    let left = env.spaceone.network_policies();
    assert!(left.is_empty(), "leak: {left:?}");
}

#[tokio::test]
async fn release_untags_copy_too() {
    let env = repeated("copy-released", "Orphan").await;
    env.delete::<NetworkPolicy>("left").await;
    env.gone::<NetworkPolicy>("left").await;
    assert_eq!((tagged(&env), env.spaceone.network_policies().len()), (0, 2));
    let events = env.events("left").await;
    assert!(events.iter().any(|(_, note)| note.contains("The operator removed its owner tag")), "{events:?}");
}

#[tokio::test]
async fn release_untags_copy_when_operator_restarts_in_between() {
    let mut env = repeated("copy-untagged", "Orphan").await;
    env.delete::<NetworkPolicy>("left").await;
    env.eventually("the first release", || tagged(&env) == 1).await;
    env.crash();
    env.start(short);
    env.gone::<NetworkPolicy>("left").await;
    assert_eq!(tagged(&env), 0);
}

/// What is certain costs no wait: the object was written long ago, or is new to its first process.
#[tokio::test]
async fn deletion_of_settled_object_waits_for_no_copy() {
    let mut env = TestEnv::with("copy-none", short).await;
    for name in ["old", "new"] {
        if name == "new" {
            tokio::time::sleep(SECOND * 3).await;
            env.stop().await;
            env.start(short);
        }
        env.apply(network_policy(name, &env.spaceone.zone_ids()[0])).await;
        env.ready::<NetworkPolicy>(name).await;
    }
    for name in ["old", "new"] {
        env.delete::<NetworkPolicy>(name).await;
        env.gone::<NetworkPolicy>(name).await;
        let events = env.events(name).await;
        assert!(!events.iter().any(|(_, note)| note.contains("another object")), "{events:?}");
    }
}
