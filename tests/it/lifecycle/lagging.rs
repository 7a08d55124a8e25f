//! Upstreams whose reads, lists or deletions lag behind writes.

use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::CreateTags;
use cloud_policy_simulator::{Lag, Operation};
use serde_json::{Value, json};
use std::time::Duration;

const NO_LAG: Lag = Lag { reads: Duration::ZERO, lists: Duration::ZERO, deletions: Duration::ZERO };
const BEHIND: Duration = Duration::from_millis(500);

/// Events that tell of something that did not happen.
const UNTRUE: &[&str] = &["NotApplied", "DriftFound", "DriftCorrected", "Conflict", "Duplicate", "DriftFight"];

fn lag(env: &TestEnv, lag: Lag) {
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
}

fn writes(env: &TestEnv, operation: Operation) -> usize {
    env.ncloud.journal().effects(operation) + env.spaceone.journal().effects(operation)
}

/// Creates, edits twice and deletes an object. Returns the number of creates, updates and deletions upstream.
async fn life_cycle<K: Managed>(env: &TestEnv, manifest: Value, edits: [Value; 2]) -> [usize; 3] {
    let name = manifest["metadata"]["name"].as_str().unwrap().to_owned();
    let count = || [Operation::Create, Operation::Update, Operation::Delete].map(|operation| writes(env, operation));
    let before = count();
    env.apply(manifest).await;
    env.ready::<K>(&name).await;
    for edit in edits {
        env.patch::<K>(&name, json!({ "spec": edit })).await;
        env.ready::<K>(&name).await;
    }
    env.delete::<K>(&name).await;
    env.gone::<K>(&name).await;
    let reasons: Vec<String> = env.events(&name).await.into_iter().map(|(reason, _)| reason).collect();
    assert!(!reasons.iter().any(|reason| UNTRUE.contains(&reason.as_str())), "{name}: {reasons:?}");
    assert_eq!(reasons.iter().filter(|reason| *reason == "Deleted").count(), 1, "{name}: {reasons:?}");
    let after = count();
    std::array::from_fn(|index| after[index] - before[index])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_of_any_kind_adds_no_write_and_no_untrue_event() {
    let lags = [
        ("reads", Lag { reads: BEHIND, ..NO_LAG }),
        ("lists", Lag { lists: BEHIND, ..NO_LAG }),
        ("deletions", Lag { deletions: BEHIND, ..NO_LAG }),
        ("all", Lag { reads: BEHIND, lists: BEHIND, deletions: BEHIND }),
    ];
    let env = TestEnv::with("lagging", |settings| settings.create_grace = Duration::from_secs(5)).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for (name, behind) in lags {
        lag(&env, behind);
        let ncloud = ncloud_policy(&format!("n-{name}"));
        let edits = ["second", "third"].map(|text| json!({ "ncloud": { "description": text } }));
        assert_eq!(life_cycle::<Policy>(&env, ncloud, edits).await, [1, 2, 1], "{name}");
        let spaceone = spaceone_policy(&format!("s-{name}"));
        let edits = ["a.*", "b.*"].map(|permission| json!({ "spaceone": { "permissions": [permission] } }));
        assert_eq!(life_cycle::<Policy>(&env, spaceone, edits).await, [1, 2, 1], "{name}");
        let network = network_policy(&format!("w-{name}"), &zone);
        let edits = ["10.0.0.4", "10.0.0.5"].map(|dns| json!({ "spaceone": { "dns": [dns] } }));
        assert_eq!(life_cycle::<NetworkPolicy>(&env, network, edits).await, [1, 2, 1], "{name}");
    }
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
    assert!(env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn restarted_operator_awaits_the_last_write() {
    let mut env = TestEnv::new("lag-restart").await;
    env.apply(ncloud_policy("restarted")).await;
    env.ready::<Policy>("restarted").await;
    lag(&env, Lag { reads: Duration::from_secs(1), ..NO_LAG });
    env.patch::<Policy>("restarted", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.reason::<Policy>("restarted", "Updating").await;
    env.crash();
    env.start(|_| {});
    env.ready::<Policy>("restarted").await;
    assert_eq!(writes(&env, Operation::Update), 1);
}

#[tokio::test]
async fn lag_is_not_applied_without_lagging_reads_safeguard() {
    let env = TestEnv::with("lag-teeth", |settings| settings.safeguards.lagging_reads = false).await;
    env.apply(ncloud_policy("late")).await;
    env.ready::<Policy>("late").await;
    lag(&env, Lag { reads: Duration::from_secs(5), ..NO_LAG });
    env.patch::<Policy>("late", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.reason::<Policy>("late", "NotApplied").await;
}

/// Writes an edit and takes it back before reads show it; returns when the object is ready. `meanwhile` is its reason in
/// between: a response of SpaceONE shows the whole object, one of NAVER Cloud does not.
async fn edit_and_revert<K: Managed>(env: &TestEnv, name: &str, edit: Value, revert: Value, meanwhile: &str) {
    lag(env, NO_LAG);
    env.ready::<K>(name).await;
    lag(env, Lag { reads: Duration::from_secs(1), ..NO_LAG });
    let updates = writes(env, Operation::Update);
    env.patch::<K>(name, json!({ "spec": edit })).await;
    env.eventually("the edit", || writes(env, Operation::Update) > updates).await;
    env.reason::<K>(name, meanwhile).await;
    env.patch::<K>(name, json!({ "spec": revert })).await;
    env.ready::<K>(name).await;
}

#[tokio::test]
async fn reverted_edit_is_written_although_reads_lag() {
    let env = TestEnv::with("lag-revert", |settings| settings.interval_divisor = 1).await;
    env.apply(ncloud_policy("reverted")).await;
    let described = |text: &str| json!({ "ncloud": { "description": text } });
    edit_and_revert::<Policy>(&env, "reverted", described("wide"), described("first"), "Updating").await;
    assert_eq!(env.ncloud.policies()[0].description.as_deref(), Some("first"));
    env.apply(spaceone_policy("s")).await;
    let permits = |text: &str| json!({ "spaceone": { "permissions": [text] } });
    lag(&env, NO_LAG);
    env.patch::<Policy>("s", json!({ "spec": permits("a.*") })).await;
    edit_and_revert::<Policy>(&env, "s", permits("*"), permits("a.*"), "UpToDate").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["a.*"]);
    env.apply(network_policy("w", &env.spaceone.zone_ids()[0])).await;
    let named = |text: &str| json!({ "spaceone": { "name": text } });
    edit_and_revert::<NetworkPolicy>(&env, "w", named("other"), named("w"), "UpToDate").await;
    assert_eq!(env.spaceone.network_policies()[0].name, "w");
}

#[tokio::test]
async fn adoption_awaits_its_owner_tag() {
    let env = TestEnv::with("lag-adopt", |settings| settings.interval_divisor = 1).await;
    env.apply(ncloud_policy("first")).await;
    let id = upstream_id(&env.ready::<Policy>("first").await);
    env.patch::<Policy>("first", json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.delete::<Policy>("first").await;
    env.gone::<Policy>("first").await;
    env.ncloud.edit_policy(&id, |policy| policy.tags.clear());
    lag(&env, Lag { reads: BEHIND, ..NO_LAG });
    let mut manifest = ncloud_policy("first");
    manifest["metadata"]["name"] = json!("second");
    manifest["spec"]["adoptionPolicy"] = json!("IfIdentical");
    env.apply(manifest).await;
    env.reason::<Policy>("second", "Updating").await;
    env.ready::<Policy>("second").await;
    assert_eq!(writes(&env, Operation::TagsAdd), 1);
    assert!(!env.events("second").await.iter().any(|(reason, _)| reason == "Conflict"));
}

#[tokio::test]
async fn created_object_is_deleted_although_reads_lag() {
    let mut env = TestEnv::with("lag-leak", |settings| settings.create_grace = Duration::from_secs(12)).await;
    let lists = Duration::from_secs(8);
    lag(&env, Lag { reads: lists, lists, ..NO_LAG });
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(ncloud_policy("leak")).await;
    env.apply(network_policy("leak", &zone)).await;
    env.eventually("both", || !env.ncloud.policies().is_empty() && !env.spaceone.network_policies().is_empty()).await;
    env.reason::<Policy>("leak", "Updating").await;
    // The response of SpaceONE shows the object, which no read does yet.
    env.ready::<NetworkPolicy>("leak").await;
    env.crash();
    env.delete::<Policy>("leak").await;
    env.delete::<NetworkPolicy>("leak").await;
    env.start(|settings| settings.create_grace = Duration::from_secs(12));
    env.gone::<Policy>("leak").await;
    env.gone::<NetworkPolicy>("leak").await;
    assert!(env.ncloud.policies().is_empty() && env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn given_up_field_is_corrected_when_it_changes_again() {
    let env = TestEnv::new("given-up").await;
    env.apply(network_policy("given-up", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("given-up").await);
    env.spaceone.edit_network_policy(&id, |policy| policy.pinned_keys = vec!["name".to_owned()]);
    env.patch::<NetworkPolicy>("given-up", json!({ "spec": { "spaceone": { "name": "renamed" } } })).await;
    env.reason::<NetworkPolicy>("given-up", "NotApplied").await;
    env.spaceone.edit_network_policy(&id, |policy| {
        policy.pinned_keys.clear();
        policy.name = "third".to_owned();
    });
    env.ready::<NetworkPolicy>("given-up").await;
    assert_eq!(env.spaceone.network_policies()[0].name, "renamed");
}

#[tokio::test]
async fn tags_ignored_at_creation_are_written_afterwards() {
    let env = TestEnv::new("ignored-tags").await;
    env.ncloud.set_options(|options| options.switches.create_tags = CreateTags::Dropped);
    let mut manifest = ncloud_policy("tagged");
    manifest["spec"]["ncloud"]["tags"] = json!({ "team": "a", "cost": "b" });
    env.apply(manifest).await;
    env.ready::<Policy>("tagged").await;
    let stored = env.ncloud.policy_named("tagged").unwrap();
    assert_eq!((stored.tags["team"].as_str(), stored.tags["cost"].as_str(), stored.tags.len()), ("a", "b", 3));
    assert_eq!((writes(&env, Operation::TagsAdd), writes(&env, Operation::Create)), (3, 1));
    let reasons: Vec<String> = env.events("tagged").await.into_iter().map(|(reason, _)| reason).collect();
    assert!(!reasons.iter().any(|reason| UNTRUE.contains(&reason.as_str())), "{reasons:?}");
}
