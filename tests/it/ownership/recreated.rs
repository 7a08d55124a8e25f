//! Objects that are created again while lists go on showing what the operator deleted before: the deleted object is
//! neither found again nor joined by a second copy.

use super::lost_finalizers::only_triggers;
use crate::support::test_env::{TestEnv, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::{Action, Collection, Fault, Lag, Operation};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn with_grace(prefix: &str) -> TestEnv {
    TestEnv::with(prefix, |settings| {
        only_triggers(settings);
        settings.create_grace = SECOND * 4;
    })
    .await
}

/// Returns a network policy that a removed key of `data` replaces by a new one.
fn replaceable(env: &TestEnv, data: &Value) -> Value {
    let mut object = network_policy("twin", &env.spaceone.zone_ids()[0]);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    object["spec"]["spaceone"]["data"] = data.clone();
    object
}

/// Creates the object, and returns the id of its upstream object.
async fn first(env: &TestEnv) -> String {
    env.apply(replaceable(env, &json!({ "mine": 1, "old": 2 }))).await;
    upstream_id(&env.ready::<NetworkPolicy>("twin").await)
}

async fn replace(env: &TestEnv) {
    env.apply(replaceable(env, &json!({ "mine": 1 }))).await;
}

fn lists_lag(env: &TestEnv) {
    let lag = Lag { reads: Duration::ZERO, lists: SECOND * 2, deletions: Duration::ZERO };
    env.spaceone.set_options(|switches| switches.lag = lag);
}

fn on_create() -> Fault {
    Fault::on(Operation::Create).of(Collection::NetworkPolicy)
}

/// Asserts that the object is ready with one upstream object, a new one.
async fn is_replaced(env: &TestEnv, before: &str) {
    let is_new = || env.spaceone.network_policies().iter().any(|policy| policy.network_policy_id != before);
    env.eventually("the new object", is_new).await;
    let ready: NetworkPolicy = env.ready("twin").await;
    let all = env.spaceone.network_policies();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].network_policy_id, upstream_id(&ready));
}

#[tokio::test]
async fn recreation_waits_until_the_old_object_is_gone() {
    let env = with_grace("recreated-kept").await;
    let before = first(&env).await;
    // A success of a gateway, without any effect.
    env.spaceone.faults().add(Fault::on(Operation::Delete).before(Action::status(200, "{}")));
    replace(&env).await;
    is_replaced(&env, &before).await;
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
}

#[tokio::test]
async fn recreation_makes_no_copy_when_lists_lag() {
    let env = with_grace("recreated-lag").await;
    let before = first(&env).await;
    lists_lag(&env);
    env.spaceone.faults().add(on_create().after(Action::Reset));
    replace(&env).await;
    is_replaced(&env, &before).await;
    let events = env.events("twin").await;
    let recovered = |(reason, note): &(String, String)| reason == "Recovered" && note.contains(&before);
    assert!(!events.iter().any(recovered), "{events:?}");
}

#[tokio::test]
async fn deletion_leaves_nothing_when_a_recreation_was_lost() {
    let env = with_grace("recreated-deleted").await;
    first(&env).await;
    lists_lag(&env);
    env.spaceone.faults().add(on_create().after(Action::Reset).latency(SECOND / 2));
    replace(&env).await;
    env.eventually("the create", || env.spaceone.journal().effects(Operation::Create) == 2).await;
    env.delete::<NetworkPolicy>("twin").await;
    env.gone::<NetworkPolicy>("twin").await;
    let left = env.spaceone.network_policies();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn refused_recreation_tells_of_no_create() {
    let env = with_grace("recreated-refused").await;
    let before = first(&env).await;
    lists_lag(&env);
    env.spaceone.faults().add(on_create().before(Action::status(400, "{}")).forever());
    replace(&env).await;
    env.reason::<NetworkPolicy>("twin", "ValidationFailed").await;
    let events = env.events("twin").await;
    assert!(!events.iter().any(|(_, note)| note.contains(&before) && note.contains("refused")), "{events:?}");
}

#[tokio::test]
async fn object_applied_again_has_no_conflict_when_lists_lag() {
    let env = TestEnv::with("applied-again", only_triggers).await;
    let object = network_policy("again", &env.spaceone.zone_ids()[0]);
    env.apply(object.clone()).await;
    env.ready::<NetworkPolicy>("again").await;
    lists_lag(&env);
    env.delete::<NetworkPolicy>("again").await;
    env.gone::<NetworkPolicy>("again").await;
    env.apply(object).await;
    env.ready::<NetworkPolicy>("again").await;
    assert_eq!(env.spaceone.network_policies().len(), 1);
}
