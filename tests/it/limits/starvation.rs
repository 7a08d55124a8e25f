//! Starvation: an object or upstream that fails or hangs does not delay the others.

use super::{about, reasons};
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_object_does_not_delay_others_of_its_connection() {
    let env = TestEnv::new("poison").await;
    let names: Vec<String> = (0..10).map(|i| format!("healthy-{i}")).collect();
    env.apply(ncloud_policy("poison")).await;
    for name in &names {
        env.apply(ncloud_policy(name)).await;
    }
    for name in &names {
        env.ready::<Policy>(name).await;
    }
    let id = upstream_id(&env.ready::<Policy>("poison").await);
    env.ncloud.faults().add(Fault::on_request("GET|PUT", &id).unwrap().before(Action::status(500, "")).forever());
    let edit = |text: &str| json!({ "spec": { "ncloud": { "description": text } } });
    env.patch::<Policy>("poison", edit("in vain")).await;
    // Enough failures to open the circuit breaker if the other objects had no success.
    env.eventually("ten failures", || about(env.ncloud.journal(), &id).len() >= 10).await;
    for round in 0..3 {
        for name in &names {
            env.patch::<Policy>(name, edit(&format!("round {round}"))).await;
        }
        for name in &names {
            env.ready::<Policy>(name).await;
        }
    }
    env.reason::<Policy>("poison", "UpstreamUnavailable").await;
    for name in &names {
        assert!(!reasons(&env, name).await.contains(&"UpstreamUnavailable".to_owned()), "{name} is not affected");
    }
    connection_is(&env, "ncloud", "Authenticated").await;
    assert!(!reasons(&env, "ncloud").await.contains(&"Unreachable".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_upstream_does_not_delay_other_connections() {
    let silence = 10 * SOON;
    let env = TestEnv::with("silent", |settings| {
        settings.http.request_timeout = silence;
        settings.reconcile_timeout = silence;
    })
    .await;
    connection_is(&env, "ncloud", "Authenticated").await;
    connection_is(&env, "spaceone", "Authenticated").await;
    env.ncloud.faults().add(Fault::any().before(Action::Timeout(silence)).forever());
    // Many more objects than are reconciled concurrently.
    for i in 0..30 {
        env.apply(ncloud_policy(&format!("stuck-{i}"))).await;
    }
    env.eventually("requests that hang", || env.ncloud.faults().struck() >= 8).await;
    for i in 0..5 {
        env.apply(spaceone_policy(&format!("free-{i}"))).await;
    }
    for i in 0..5 {
        env.ready::<Policy>(&format!("free-{i}")).await;
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_is_unreachable_when_upstream_never_answers() {
    let env = TestEnv::with("mute", |settings| settings.http.request_timeout = Duration::from_secs(2)).await;
    env.apply(spaceone_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.spaceone.faults().add(Fault::any().before(Action::Timeout(Duration::from_mins(1))).forever());
    let message = connection_is(&env, "spaceone", "Unreachable").await;
    assert!(message.contains("no complete answer in time"), "{message}");
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    env.spaceone.faults().clear();
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.spaceone.journal().writes().len(), 1, "the create, and no later write");
}
