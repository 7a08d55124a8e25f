//! An upstream that is down: the connection reports it once, and its objects wait.

use super::reasons;
use crate::support::connection_helpers::{connection_is, requests_for_objects};
use crate::support::test_env::{TestEnv, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

const OBJECTS: usize = 30;

/// Counts the `Unreachable` events of the connection.
async fn unreachable(env: &TestEnv) -> usize {
    reasons(env, "ncloud").await.iter().filter(|reason| *reason == "Unreachable").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_emits_one_event_on_connection_and_none_on_objects() {
    let env = TestEnv::with("outage", |settings| settings.slow_retry = Duration::from_mins(10)).await;
    let names: Vec<String> = (0..OBJECTS).map(|i| format!("outage-{i}")).collect();
    for name in &names {
        env.apply(ncloud_policy(name)).await;
    }
    let mut before = Vec::new();
    for name in &names {
        env.ready::<Policy>(name).await;
    }
    for name in &names {
        before.push(reasons(&env, name).await);
    }
    assert_eq!(unreachable(&env).await, 0);

    env.ncloud.journal().clear();
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    connection_is(&env, "ncloud", "Unreachable").await;
    for name in &names {
        env.reason::<Policy>(name, "ConnectionNotReady").await;
    }
    let asked = env.ncloud.journal().entries().len();
    assert!(asked <= 2 * OBJECTS, "{asked} requests until the connection was unreachable");
    env.ncloud.journal().clear();
    env.patch::<Policy>("outage-0", json!({ "spec": { "ncloud": { "description": "meanwhile" } } })).await;
    // A probe is tried three times.
    env.eventually("two more probes", || env.ncloud.journal().count(Operation::List) >= 6).await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new(), "objects wait and make no requests");

    env.ncloud.journal().clear();
    env.ncloud.faults().clear();
    for name in &names {
        env.ready::<Policy>(name).await;
    }
    assert_eq!(env.ncloud.policy_named("outage-0").unwrap().description.unwrap(), "meanwhile");
    let journal = env.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Update)), (0, 1));
    assert_eq!(env.ncloud.policies().len(), OBJECTS);
    assert_eq!(unreachable(&env).await, 1);
    for (name, before) in names.iter().zip(&before).skip(1) {
        assert_eq!(&reasons(&env, name).await, before, "{name} emits no event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_objects_are_created_once_after_outage() {
    let mut env = TestEnv::without_operator("newborn").await;
    env.ncloud.faults().add(Fault::any().before(Action::Reset).forever());
    let names: Vec<String> = (0..OBJECTS).map(|i| format!("newborn-{i}")).collect();
    for name in &names {
        env.apply(ncloud_policy(name)).await;
    }
    env.start(|_| {});
    connection_is(&env, "ncloud", "Unreachable").await;
    for name in &names {
        env.reason::<Policy>(name, "ConnectionNotReady").await;
    }
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new());
    env.ncloud.faults().clear();
    for name in &names {
        env.ready::<Policy>(name).await;
    }
    assert_eq!(env.ncloud.journal().count(Operation::Create), OBJECTS);
    assert_eq!(env.ncloud.policies().len(), OBJECTS);
}
