//! Upstreams that mean ill, end to end: the object says what happens, nothing is doubled or lost,
//! the others go on, and all is well again when the upstream is.

use crate::links::connection_is;
use crate::world::{World, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Action, Fault, Matching, Operation};
use regex::Regex;
use serde_json::json;
use std::time::Duration;

/// Less than the endless answer of the simulator brings in its first moment.
const BODY_LIMIT: usize = 1 << 18;

fn hostilities() -> Vec<(&'static str, Action, &'static str)> {
    vec![
        ("endless", Action::EndlessBody, "larger than 262144 bytes"),
        // Smaller than the limit as it comes, and never inflated.
        ("bomb", Action::Bomb, "a body that is not JSON"),
        ("drip", Action::SlowDrip, "no complete response in time"),
        ("html", Action::Html, "HTML or XML page"),
        ("types", Action::WrongType, "unexpected shape"),
        ("elsewhere", Action::Redirect("http://169.254.169.254/latest".to_owned()), "redirect"),
        ("empty", Action::Empty, "empty body"),
        ("reset", Action::Reset, "connection broke"),
        ("silence", Action::Timeout(Duration::from_secs(20)), "no complete response in time"),
    ]
}

async fn hasty_world(name: &str) -> World {
    let world = World::with(name, |settings| {
        settings.http.request_timeout = Duration::from_secs(3);
        settings.http.body_limit = BODY_LIMIT;
        settings.create_grace = Duration::from_secs(8);
    });
    world.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_answer_to_a_create_was_there_is_one_object_and_the_truth_meanwhile() {
    let world = hasty_world("hostile").await;
    connection_is(&world, "ncloud", "Authenticated").await;
    let all = hostilities();
    for (name, action, _) in &all {
        let body = Some(Regex::new(&format!("\"policyName\":\"{name}\"")).unwrap());
        let create = Matching { operation: Some(Operation::Create), body, ..Matching::default() };
        world.ncloud.faults().add(Fault::matching(create).after(action.clone()));
    }
    for (name, _, _) in &all {
        world.apply(ncloud_policy(name)).await;
    }
    for (name, _, words) in &all {
        let object: Policy = world.reason(name, "UpstreamUnavailable").await;
        let ready = condition(&common(&object), "Ready").unwrap().clone();
        assert!(ready.message.contains(words), "{name}: {}", ready.message);
        assert!(common(&object).operation.is_some(), "{name}: the create is remembered as under way");
    }
    for (name, _, _) in &all {
        world.ready::<Policy>(name).await;
    }
    assert_eq!(world.ncloud.faults().struck(), all.len(), "each create was struck once");
    assert_eq!(world.ncloud.journal().effects(Operation::Create), all.len(), "and none was repeated");
    assert_eq!(world.ncloud.policies().len(), all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_gone_mad_touches_nobody_else_and_nothing_is_written_on_its_word() {
    let world = hasty_world("mad").await;
    world.apply(ncloud_policy("settled")).await;
    world.ready::<Policy>("settled").await;
    world.apply(spaceone_policy("bystander")).await;
    world.ready::<Policy>("bystander").await;
    let secret = world.ncloud.secret_key();
    let mut written = world.ncloud.journal().writes().len();
    for (round, (name, action, _)) in hostilities().into_iter().enumerate() {
        world.ncloud.faults().add(Fault::any().forever().before(action));
        // A change is wanted, so that the object is looked at.
        let description = format!("under {name}");
        world.patch::<Policy>("settled", json!({ "spec": { "ncloud": { "description": description } } })).await;
        world.patch::<Policy>("bystander", json!({ "spec": { "spaceone": { "name": description } } })).await;
        let seen: Policy = world
            .until("settled", "not ready", |object: &Policy| {
                let ready = condition(&common(object), "Ready").cloned();
                let says = ready
                    .filter(|ready| ready.status != "True" && ready.observed_generation == object.metadata.generation);
                says.map(drop).ok_or_else(|| anyhow::anyhow!("still ready under {name}"))
            })
            .await;
        let reason = condition(&common(&seen), "Ready").unwrap().reason.clone();
        assert!(
            ["UpstreamUnavailable", "ConnectionNotReady", "EndpointNotAllowed"].contains(&reason.as_str()),
            "{name}: {reason}"
        );
        assert!(!serde_json::to_string(&seen).unwrap().contains(&secret), "{name}");
        world.ready::<Policy>("bystander").await;
        assert_eq!(world.spaceone.policies()[0].name, description, "the other upstream goes on");
        assert_eq!(world.ncloud.journal().writes().len(), written, "nothing is written on the word of {name}");
        world.ncloud.faults().clear();
        world.ready::<Policy>("settled").await;
        assert_eq!(world.ncloud.policy_named("settled").unwrap().description, Some(description), "round {round}");
        written = world.ncloud.journal().writes().len();
    }
    assert_eq!((world.ncloud.policies().len(), world.ncloud.journal().effects(Operation::Create)), (1, 1));
}
