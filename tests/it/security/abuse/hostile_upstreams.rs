//! Hostile upstreams, end to end: the object reports the failure, nothing is created twice or lost, other
//! connections continue, and the object recovers with the upstream.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy::controller::settings::Settings;
use cloud_policy_simulator::{Action, Fault, Matching, Operation};
use regex::Regex;
use serde_json::json;
use std::time::Duration;

/// Smaller than the first part of the simulator's endless response.
const BODY_LIMIT: usize = 1 << 18;

fn hostilities() -> Vec<(&'static str, Action, &'static str)> {
    vec![
        ("endless", Action::EndlessBody, "larger than 262144 bytes"),
        // Compressed, it is smaller than the limit. It is never inflated.
        ("bomb", Action::Bomb, "a compressed body"),
        ("drip", Action::SlowDrip, "no complete response in time"),
        ("html", Action::Html, "HTML or XML page"),
        ("types", Action::WrongType, "unexpected shape"),
        ("elsewhere", Action::Redirect("http://169.254.169.254/latest".to_owned()), "redirect"),
        ("empty", Action::Empty, "empty body"),
        ("reset", Action::Reset, "connection broke"),
        ("silence", Action::Timeout(Duration::from_secs(20)), "no complete response in time"),
    ]
}

fn with_short_timeouts(settings: &mut Settings) {
    settings.http.request_timeout = Duration::from_secs(3);
    settings.http.body_limit = BODY_LIMIT;
    settings.create_grace = Duration::from_secs(8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_create_response_causes_no_second_object() {
    let env = TestEnv::with("hostile", |settings| {
        with_short_timeouts(settings);
        // Long enough for the test to see each failure before the operator finds the object.
        settings.first_look = settings.create_grace;
    });
    let env = env.await;
    connection_is(&env, "ncloud", "Authenticated").await;
    let all = hostilities();
    for (name, action, _) in &all {
        let body = Some(Regex::new(&format!("\"policyName\":\"{name}\"")).unwrap());
        let create = Matching { operation: Some(Operation::Create), body, ..Matching::default() };
        env.ncloud.faults().add(Fault::matching(create).after(action.clone()));
    }
    for (name, _, _) in &all {
        env.apply(ncloud_policy(name)).await;
    }
    // All at once: the first ones may be found again while the last ones still fail.
    let failed = futures::future::join_all(all.iter().map(|(name, ..)| env.reason(name, "UpstreamUnavailable"))).await;
    for ((name, _, words), object) in all.iter().zip(failed) {
        let object: Policy = object;
        let ready = condition(&common(&object), "Ready").unwrap().clone();
        assert!(ready.message.contains(words), "{name}: {}", ready.message);
        assert!(common(&object).operation.is_some(), "{name}: status shows the create in flight");
    }
    for (name, _, _) in &all {
        env.ready::<Policy>(name).await;
    }
    assert_eq!(env.ncloud.faults().injected(), all.len(), "each create had a fault once");
    assert_eq!(env.ncloud.journal().effects(Operation::Create), all.len(), "no create was repeated");
    assert_eq!(env.ncloud.policies().len(), all.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_upstream_causes_no_write_and_affects_no_other() {
    let env = TestEnv::with("mad", with_short_timeouts).await;
    env.apply(ncloud_policy("settled")).await;
    env.ready::<Policy>("settled").await;
    env.apply(spaceone_policy("bystander")).await;
    env.ready::<Policy>("bystander").await;
    let secret = env.ncloud.secret_key();
    let mut written = env.ncloud.journal().writes().len();
    for (round, (name, action, _)) in hostilities().into_iter().enumerate() {
        env.ncloud.faults().add(Fault::any().forever().before(action));
        // A change of the spec makes the operator read the object.
        let description = format!("under {name}");
        env.patch::<Policy>("settled", json!({ "spec": { "ncloud": { "description": description } } })).await;
        env.patch::<Policy>("bystander", json!({ "spec": { "spaceone": { "name": description } } })).await;
        let seen: Policy = env
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
        env.ready::<Policy>("bystander").await;
        assert_eq!(env.spaceone.policies()[0].name, description, "the other upstream still gets changes");
        assert_eq!(env.ncloud.journal().writes().len(), written, "a response of {name} causes no write");
        env.ncloud.faults().clear();
        env.ready::<Policy>("settled").await;
        assert_eq!(env.ncloud.policy_named("settled").unwrap().description, Some(description), "round {round}");
        written = env.ncloud.journal().writes().len();
    }
    assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().effects(Operation::Create)), (1, 1));
}
