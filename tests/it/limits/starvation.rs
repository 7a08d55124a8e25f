//! What fails or hangs holds up nobody else.

use super::{about, reasons};
use crate::links::connection_is;
use crate::world::{SOON, World, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_object_that_always_fails_does_not_hold_up_the_others_of_its_connection() {
    let world = World::new("poison").await;
    let names: Vec<String> = (0..10).map(|i| format!("healthy-{i}")).collect();
    world.apply(ncloud_policy("poison")).await;
    for name in &names {
        world.apply(ncloud_policy(name)).await;
    }
    for name in &names {
        world.ready::<Policy>(name).await;
    }
    let id = upstream_id(&world.ready::<Policy>("poison").await);
    world.ncloud.faults().add(Fault::on_request("GET|PUT", &id).unwrap().before(Action::status(500, "")).forever());
    let edit = |text: &str| json!({ "spec": { "ncloud": { "description": text } } });
    world.patch::<Policy>("poison", edit("in vain")).await;
    // Often enough to trip the account, if nobody else had a success.
    world.eventually("ten failures", || about(world.ncloud.journal(), &id).len() >= 10).await;
    for round in 0..3 {
        for name in &names {
            world.patch::<Policy>(name, edit(&format!("round {round}"))).await;
        }
        for name in &names {
            world.ready::<Policy>(name).await;
        }
    }
    world.reason::<Policy>("poison", "UpstreamUnavailable").await;
    for name in &names {
        assert!(!reasons(&world, name).await.contains(&"UpstreamUnavailable".to_owned()), "{name} is well");
    }
    connection_is(&world, "ncloud", "Authenticated").await;
    assert!(!reasons(&world, "ncloud").await.contains(&"Unreachable".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_upstream_is_silent_does_not_hold_up_the_objects_of_another() {
    let silence = 10 * SOON;
    let world = World::with("silent", |settings| {
        settings.http.request_timeout = silence;
        settings.reconcile_timeout = silence;
    })
    .await;
    connection_is(&world, "ncloud", "Authenticated").await;
    connection_is(&world, "spaceone", "Authenticated").await;
    world.ncloud.faults().add(Fault::any().before(Action::Timeout(silence)).forever());
    // Many more than are reconciled at once.
    for i in 0..30 {
        world.apply(ncloud_policy(&format!("stuck-{i}"))).await;
    }
    world.eventually("calls that hang", || world.ncloud.faults().struck() >= 8).await;
    for i in 0..5 {
        world.apply(spaceone_policy(&format!("free-{i}"))).await;
    }
    for i in 0..5 {
        world.ready::<Policy>(&format!("free-{i}")).await;
    }
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_never_answers_is_unreachable_and_not_waited_for() {
    let world = World::with("mute", |settings| settings.http.request_timeout = Duration::from_secs(2)).await;
    world.apply(spaceone_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    world.spaceone.faults().add(Fault::any().before(Action::Timeout(Duration::from_mins(1))).forever());
    let message = connection_is(&world, "spaceone", "Unreachable").await;
    assert!(message.contains("no complete response in time"), "{message}");
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    world.spaceone.faults().clear();
    world.ready::<Policy>("waiting").await;
    assert_eq!(world.spaceone.journal().writes().len(), 1, "the create, and nothing since");
}
