//! What fails or hangs holds up nobody else.

use super::{about, reasons};
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_object_that_always_fails_does_not_hold_up_the_others_of_its_connection() {
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
    // Often enough to trip the account, if nobody else had a success.
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
        assert!(!reasons(&env, name).await.contains(&"UpstreamUnavailable".to_owned()), "{name} is well");
    }
    connection_is(&env, "ncloud", "Authenticated").await;
    assert!(!reasons(&env, "ncloud").await.contains(&"Unreachable".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_upstream_is_silent_does_not_hold_up_the_objects_of_another() {
    let silence = 10 * SOON;
    let env = TestEnv::with("silent", |settings| {
        settings.http.request_timeout = silence;
        settings.reconcile_timeout = silence;
    })
    .await;
    connection_is(&env, "ncloud", "Authenticated").await;
    connection_is(&env, "spaceone", "Authenticated").await;
    env.ncloud.faults().add(Fault::any().before(Action::Timeout(silence)).forever());
    // Many more than are reconciled at once.
    for i in 0..30 {
        env.apply(ncloud_policy(&format!("stuck-{i}"))).await;
    }
    env.eventually("calls that hang", || env.ncloud.faults().injected() >= 8).await;
    for i in 0..5 {
        env.apply(spaceone_policy(&format!("free-{i}"))).await;
    }
    for i in 0..5 {
        env.ready::<Policy>(&format!("free-{i}")).await;
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_never_answers_is_unreachable_and_not_waited_for() {
    let env = TestEnv::with("mute", |settings| settings.http.request_timeout = Duration::from_secs(2)).await;
    env.apply(spaceone_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    env.spaceone.faults().add(Fault::any().before(Action::Timeout(Duration::from_mins(1))).forever());
    let message = connection_is(&env, "spaceone", "Unreachable").await;
    assert!(message.contains("no complete response in time"), "{message}");
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    env.spaceone.faults().clear();
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.spaceone.journal().writes().len(), 1, "the create, and nothing since");
}
