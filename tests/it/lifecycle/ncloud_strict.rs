//! Objects in an account that keeps to the letter of the documentation.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{CreateTags, ResultBody, TagRule};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};

fn message<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

fn is_stalled(object: &Policy) -> bool {
    condition(&common(object), "Stalled").is_some()
}

/// Returns a policy that names a system policy of the account.
fn of_system_policy(management: &str) -> Value {
    let mut manifest = ncloud_policy("administrator");
    manifest["spec"]["ncloud"]["policyName"] = json!("NCP_ADMINISTRATOR");
    manifest["spec"]["externalId"] = json!("48ac3260-0000-11ea-8000-246e96591500");
    manifest["spec"]["adoptionPolicy"] = json!("Always");
    manifest["spec"]["managementPolicy"] = json!(management);
    manifest
}

#[tokio::test]
async fn policy_lives_and_goes_in_a_strict_account() {
    let env = TestEnv::new("strict").await;
    env.ncloud.set_options(|options| {
        let s = &mut options.switches;
        (s.strict_validation, s.shuffled_pages, s.create_tags) = (true, true, CreateTags::Refused);
        (s.tag_rule, s.tag_body, s.delete_body) = (TagRule::Government, ResultBody::Text, ResultBody::Text);
    });
    let mut manifest = ncloud_policy("strict");
    manifest["spec"]["ncloud"]["tags"] = json!({ "team": "a" });
    env.apply(manifest).await;
    env.ready::<Policy>("strict").await;
    env.patch::<Policy>("strict", json!({ "spec": { "ncloud": { "tags": { "team": "b" } } } })).await;
    env.ready::<Policy>("strict").await;
    let stored = env.ncloud.policy_named("strict").unwrap();
    assert_eq!((stored.tags["team"].as_str(), stored.tags.len()), ("b", 2));
    env.delete::<Policy>("strict").await;
    env.gone::<Policy>("strict").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn system_policy_is_observed_and_never_written() {
    let env = TestEnv::new("system").await;
    env.ncloud.set_options(|options| options.switches.system_tags = true);
    env.apply(of_system_policy("Full")).await;
    let seen: Policy = env.reason("administrator", "Conflict").await;
    assert!(message(&seen).contains("managementPolicy: Observe"), "{}", message(&seen));
    env.apply(of_system_policy("Observe")).await;
    env.reason::<Policy>("administrator", "Observed").await;
    env.delete::<Policy>("administrator").await;
    env.gone::<Policy>("administrator").await;
    assert!(env.ncloud.journal().writes().is_empty(), "{:?}", env.ncloud.journal().writes());
}

#[tokio::test]
async fn taken_name_of_system_policy_stalls_and_is_named() {
    let env = TestEnv::new("reserved").await;
    env.ncloud.set_options(|options| options.switches.system_names_reserved = true);
    let mut manifest = ncloud_policy("reserved");
    manifest["spec"]["ncloud"]["policyName"] = json!("NCP_ADMINISTRATOR");
    env.apply(manifest).await;
    let seen: Policy = env.reason("reserved", "Conflict").await;
    assert!(is_stalled(&seen), "{}", message(&seen));
    assert!(message(&seen).contains("the system policy NCP_ADMINISTRATOR"), "{}", message(&seen));
    env.delete::<Policy>("reserved").await;
    env.gone::<Policy>("reserved").await;
}

#[tokio::test]
async fn external_id_that_is_no_id_is_invalid_in_every_kind() {
    let env = TestEnv::new("no-id").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for (index, id) in ["..", ".", "a/b", "../sub-accounts"].into_iter().enumerate() {
        let name = format!("no-id-{index}");
        for mut manifest in [ncloud_policy(&name), network_policy(&name, &zone)] {
            manifest["spec"]["externalId"] = json!(id);
            env.apply(manifest).await;
        }
        let seen: Policy = env.reason(&name, "InvalidSpec").await;
        assert!(message(&seen).contains("spec.externalId"), "{}", message(&seen));
        let seen: NetworkPolicy = env.reason(&name, "InvalidSpec").await;
        assert!(message(&seen).contains("spec.externalId"), "{}", message(&seen));
    }
    let asked = |target: &str| target.contains("sub-accounts") || target.contains("%2F") || target.contains("a/b");
    let entries = [env.ncloud.journal().entries(), env.spaceone.journal().entries()].concat();
    assert!(!entries.iter().any(|entry| asked(&entry.target)), "no request has the id");
}

#[tokio::test]
async fn refusal_without_place_leaves_it_out() {
    let env = TestEnv::new("no-place").await;
    env.ncloud.set_options(|options| {
        (options.switches.locations, options.switches.korean) = (false, true);
    });
    let mut manifest = ncloud_policy("no-place");
    manifest["spec"]["ncloud"]["permissions"][0]["targets"][0]["actions"] = json!(["Foo/barBaz"]);
    env.apply(manifest).await;
    let seen: Policy = env.reason("no-place", "ValidationFailed").await;
    assert!(message(&seen).starts_with("The upstream rejects the spec: "), "{}", message(&seen));
}

#[tokio::test]
async fn failed_tag_without_reason_is_a_sentence() {
    let env = TestEnv::new("no-reason").await;
    env.apply(ncloud_policy("no-reason")).await;
    upstream_id(&env.ready::<Policy>("no-reason").await);
    let failed = json!({ "success": false }).to_string();
    env.ncloud.faults().add(Fault::on(Operation::TagsAdd).forever().before(Action::status(200, failed)));
    env.patch::<Policy>("no-reason", json!({ "spec": { "ncloud": { "tags": { "team": "b" } } } })).await;
    let seen: Policy = env.reason("no-reason", "ValidationFailed").await;
    let text = message(&seen);
    assert!(text.starts_with("Add tag: the upstream reports a failure without a reason."), "{text}");
}
