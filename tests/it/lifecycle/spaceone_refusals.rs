//! Refusals of `SpaceONE`: the message names the cause and what helps.

use crate::support::test_env::{TestEnv, common, condition, network_policy, upstream_id};
use cloud_policy::api::NetworkPolicy;
use cloud_policy_simulator::spaceone::{Era, Options, Spaceone};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;

#[tokio::test]
async fn message_names_servers_that_offer_network_policies() {
    let env = TestEnv::new("no-netpols").await;
    let server = Spaceone::start(Options { era: Era::Verb, ..Options::default() }).await.unwrap();
    env.connect_spaceone("later", &server.url(), "Verb", &server.domain_id(), &server.token()).await;
    let mut object = network_policy("unoffered", "zone-1");
    object["spec"]["connectionRef"]["name"] = json!("later");
    env.apply(object).await;
    let seen: NetworkPolicy = env.reason("unoffered", "UnsupportedByUpstream").await;
    let message = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(message.contains("only servers until June 2020 offer network policies"), "{message}");
    assert!(!message.contains("apiStyle"), "{message}");
}

fn message(object: &NetworkPolicy) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

#[tokio::test]
async fn pin_of_unset_field_is_refused_before_creation() {
    let env = TestEnv::new("unset-pin").await;
    let mut object = network_policy("unset-pin", &env.spaceone.zone_ids()[0]);
    object["spec"]["spaceone"]["pinnedKeys"] = json!(["name", "data.typo"]);
    env.apply(object.clone()).await;
    let told = message(&env.reason("unset-pin", "InvalidSpec").await);
    assert!(told.contains("spec.spaceone.pinnedKeys[1]") && told.contains("data.typo"), "{told}");
    assert!(env.spaceone.network_policies().is_empty());
    object["spec"]["spaceone"]["pinnedKeys"] =
        json!(["name", "dns", "routing_tables", "reference", "data.vpc", "tags"]);
    env.apply(object).await;
    env.ready::<NetworkPolicy>("unset-pin").await;
}

#[tokio::test]
async fn pin_that_upstream_refuses_keeps_id_and_is_told() {
    let env = TestEnv::new("refused-pin").await;
    let refusal = json!({ "detail": { "code": "ERROR_NOT_ALLOW_PINNING_KEYS", "message": "Pinning keys not allowed. (key=dns)" } });
    let answer = Action::status(400, refusal.to_string());
    env.spaceone.faults().add(Fault::on(Operation::PinData).before(answer).times(2));
    let mut object = network_policy("refused-pin", &env.spaceone.zone_ids()[0]);
    object["spec"]["spaceone"]["pinnedKeys"] = json!(["dns"]);
    env.apply(object).await;
    let seen: NetworkPolicy = env.reason("refused-pin", "ValidationFailed").await;
    assert!(message(&seen).contains("Pinning keys not allowed"), "{}", message(&seen));
    let id = upstream_id(&seen);
    // The operator completes the same object.
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("refused-pin").await), id);
    assert_eq!(env.spaceone.network_policies().len(), 1);
    let events = env.events("refused-pin").await;
    assert!(!events.iter().any(|(reason, _)| reason == "DriftFound"), "{events:?}");
}

/// A collector or another writer gave the object metadata at which the server fails before every update.
#[tokio::test]
async fn metadata_of_object_is_blamed_and_recreation_helps() {
    let env = TestEnv::new("bad-metadata").await;
    env.apply(network_policy("bad-metadata", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("bad-metadata").await);
    assert!(env.spaceone.edit_network_policy(&id, |policy| {
        policy.metadata.insert("count".to_owned(), json!(7.0));
        "changed".clone_into(&mut policy.name);
    }));
    let told = message(&env.reason("bad-metadata", "RecreateRequired").await);
    assert!(told.contains("metadata key `count`") && told.contains("recreatePolicy: WhenRequired"), "{told}");
    assert!(!told.contains("Correct the spec"), "{told}");
    env.patch::<NetworkPolicy>("bad-metadata", json!({ "spec": { "recreatePolicy": "WhenRequired" } })).await;
    let seen: NetworkPolicy = env.ready("bad-metadata").await;
    assert_ne!(upstream_id(&seen), id);
    assert_eq!(env.spaceone.network_policies().len(), 1);
}
