//! Copies that a repeated create left and that lists show late: a deletion or a release of the object finds them.

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

#[tokio::test]
async fn release_tells_both_objects_when_operator_crashes_between() {
    let mut env = repeated("copy-told", "Orphan").await;
    env.delete::<NetworkPolicy>("left").await;
    env.eventually("the first release", || tagged(&env) == 1).await;
    env.crash();
    env.start(short);
    env.gone::<NetworkPolicy>("left").await;
    let (all, events) = (env.spaceone.network_policies(), env.events("left").await);
    assert_eq!((tagged(&env), all.len()), (0, 2));
    let tells = |id: &str| events.iter().any(|(reason, note)| reason == "Orphaned" && note.contains(id));
    assert!(all.iter().all(|policy| tells(&policy.network_policy_id)), "{all:?} {events:?}");
}

/// Returns the event about the release, and the ids of the two upstream objects.
async fn told(env: &TestEnv) -> (String, Vec<String>) {
    env.delete::<NetworkPolicy>("left").await;
    env.gone::<NetworkPolicy>("left").await;
    let (all, events) = (env.spaceone.network_policies(), env.events("left").await);
    // The events before the last one tell of single objects.
    let last = events.iter().rfind(|(reason, _)| reason == "Orphaned");
    let note = last.unwrap_or_else(|| panic!("{events:?}")).1.clone();
    assert_eq!(all.len(), 2);
    (note, all.into_iter().map(|policy| policy.network_policy_id).collect())
}

fn refuse_untags(env: &TestEnv, skipped: u32) {
    let refused = Fault::on(Operation::Update).of(Collection::NetworkPolicy).before(Action::status(400, "{}"));
    env.spaceone.faults().add(refused.skip(skipped).forever());
}

#[tokio::test]
async fn release_tells_all_objects_when_untag_is_refused() {
    let env = repeated("copy-refused", "Orphan").await;
    env.ready::<NetworkPolicy>("left").await;
    refuse_untags(&env, 0);
    let (note, ids) = told(&env).await;
    for id in &ids {
        assert!(note.contains(&format!("The owner tag of {id} stays: ")), "{note}");
    }
    assert!(!note.contains("other place") && tagged(&env) == 2, "{note}");
}

#[tokio::test]
async fn release_tells_what_stays_when_one_untag_is_refused() {
    let env = repeated("copy-half", "Orphan").await;
    env.ready::<NetworkPolicy>("left").await;
    // Both are visible, so that one attempt reaches both.
    tokio::time::sleep(SECOND * 6).await;
    refuse_untags(&env, 1);
    let (note, ids) = told(&env).await;
    for id in &ids {
        let policies = env.spaceone.network_policies();
        let is_tagged = policies.iter().any(|p| p.network_policy_id == *id && p.tags.contains_key("cloudpolicy_owner"));
        let expected = if is_tagged { "The owner tag of" } else { "The operator removed the owner tag of" };
        assert!(note.contains(&format!("{expected} {id}")), "{note}");
    }
    assert!(!note.contains("other place") && tagged(&env) == 1, "{note}");
}

#[tokio::test]
async fn forced_release_tells_of_a_hidden_copy() {
    let env = repeated("copy-forced", "Delete").await;
    let forced = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    env.patch::<NetworkPolicy>("left", forced).await;
    let (note, _) = told(&env).await;
    assert!(note.contains("Another object with the owner tag of uid") && tagged(&env) == 1, "{note}");
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
