//! Creates that take a second write: it belongs to the create, also where the operator may not update.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::ncloud::CreateTags;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};

fn create_only(mut object: Value) -> Value {
    object["spec"]["managementPolicy"] = json!("CreateOnly");
    object
}

fn tagged(name: &str) -> Value {
    let mut object = create_only(ncloud_policy(name));
    object["spec"]["ncloud"]["tags"] = json!({ "team": "a" });
    object
}

#[tokio::test]
async fn create_only_policy_gets_tags_that_create_ignored() {
    let env = TestEnv::new("create-only-tags").await;
    for tags in [CreateTags::Dropped, CreateTags::Refused] {
        env.ncloud.set_options(|options| options.switches.create_tags = tags);
        let name = format!("tagged-{tags:?}").to_lowercase();
        env.apply(tagged(&name)).await;
        env.reason::<Policy>(&name, "UpToDate").await;
        assert_eq!(env.ncloud.policy_named(&name).unwrap().tags["team"], "a");
    }
}

#[tokio::test]
async fn untagged_create_is_told_after_restart() {
    let mut env = TestEnv::new("create-only-crash").await;
    env.ncloud.set_options(|options| options.switches.create_tags = CreateTags::Dropped);
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).before(Action::status(503, "")).forever());
    env.apply(tagged("crashed")).await;
    env.eventually("the refused tag", || env.ncloud.journal().count(Operation::TagsAdd) > 0).await;
    env.crash();
    env.ncloud.faults().clear();
    env.start(|_| {});
    // Status alone does not prove that this object created the policy.
    let told: Policy = env.reason("crashed", "Conflict").await;
    let message = condition(&common(&told), "Ready").unwrap().message.clone();
    assert!(message.contains("does not have the owner tag"), "{message}");
}

#[tokio::test]
async fn create_only_network_policy_gets_pins_that_failed() {
    let env = TestEnv::new("create-only-pins").await;
    let mut object = create_only(network_policy("pinned", &env.spaceone.zone_ids()[0]));
    object["spec"]["spaceone"]["pinnedKeys"] = json!(["name"]);
    env.spaceone.faults().add(Fault::on(Operation::PinData).before(Action::status(503, "")));
    env.apply(object).await;
    env.reason::<NetworkPolicy>("pinned", "UpToDate").await;
    assert_eq!(env.spaceone.network_policies()[0].pinned_keys, ["name"]);
}

#[tokio::test]
async fn create_only_policy_is_not_updated_once_it_was_whole() {
    let env = TestEnv::new("create-only-whole").await;
    env.apply(tagged("whole")).await;
    env.reason::<Policy>("whole", "UpToDate").await;
    env.patch::<Policy>("whole", json!({ "spec": { "ncloud": { "tags": { "team": "b" } } } })).await;
    env.reason::<Policy>("whole", "Observed").await;
    assert_eq!(env.ncloud.policy_named("whole").unwrap().tags["team"], "a");
}
