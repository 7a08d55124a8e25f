//! Undocumented behaviour of SpaceONE: ignored empty lists, zones that cannot change, pins that discard values, and
//! metadata that breaks later updates.

use crate::support;
use crate::support::spaceone_contract::{Collection, ContractClient};
use crate::support::test_env::{TestEnv, common, condition, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::{Collection as Kept, Operation};
use cloud_policy_testbed::{Era, Spaceone};
use serde_json::{Map, Value, json};

#[allow(clippy::needless_pass_by_value, reason = "a call reads as the object that it writes")]
fn spec(change: Value) -> Value {
    json!({ "spec": { "spaceone": change } })
}

/// Returns the paths of the fields that status reports as drifted.
fn drifted(object: &NetworkPolicy) -> Vec<String> {
    common(object).drift.map(|drift| drift.fields.into_iter().map(|f| f.path).collect()).unwrap_or_default()
}

fn message(object: &NetworkPolicy) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

/// Waits for three more reconciles and asserts that the operator wrote nothing.
async fn stays_quiet(env: &TestEnv) {
    let journal = env.spaceone.journal();
    journal.clear();
    env.wait_for_reconciles(3).await;
    assert_eq!(journal.writes(), vec![], "it is not written again");
}

#[tokio::test]
async fn unsupported_change_is_recreated_only_when_allowed() {
    let env = TestEnv::new("recreate").await;
    let contract = ContractClient::of_simulator(&env.spaceone);
    recreate_scenario(&env, &contract, "spaceone").await;
}

#[tokio::test]
async fn unsupported_change_requires_recreate_on_real_servers() {
    support::install_crypto();
    let servers = tokio::task::spawn_blocking(|| Spaceone::shared(Era::Rest)).await.unwrap().unwrap();
    let contract = ContractClient::of_real_servers(servers);
    let env = TestEnv::new("recreate-real").await;
    env.connect_spaceone("real", &contract.base, "Rest", &contract.domain, &contract.token).await;
    recreate_scenario(&env, &contract, "real").await;
}

async fn recreate_scenario(env: &TestEnv, contract: &ContractClient, connection: &str) {
    let name = format!("fixed-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut object = network_policy(&name, &contract.zones[0]);
    object["spec"]["connectionRef"]["name"] = json!(connection);
    object["spec"]["spaceone"]["pinnedKeys"] = json!(["name"]);
    env.apply(object).await;
    let mut id = upstream_id(&env.ready::<NetworkPolicy>(&name).await);
    for (field, before, after) in [
        ("dns", json!(["10.0.0.2", "10.0.0.3"]), json!([])),
        (
            "routingTables",
            json!([{ "cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0" }]),
            json!([]),
        ),
        ("pinnedKeys", json!(["name"]), json!([])),
        ("zoneId", json!(contract.zones[0]), json!(contract.zones[1])),
    ] {
        env.patch::<NetworkPolicy>(&name, spec(json!({ field: after }))).await;
        let seen: NetworkPolicy = env.reason(&name, "RecreateRequired").await;
        assert_eq!(drifted(&seen), [format!("spec.spaceone.{field}")]);
        let told = message(&seen);
        assert!(told.contains(field) && told.contains("spec.recreatePolicy: WhenRequired"), "{told}");
        assert!(condition(&common(&seen), "Stalled").is_some());
        assert_eq!(upstream_id(&seen), id, "the upstream object is not replaced");

        env.patch::<NetworkPolicy>(&name, spec(json!({ field: before }))).await;
        env.ready::<NetworkPolicy>(&name).await;
        let allow = json!({ "spec": { "recreatePolicy": "WhenRequired", "spaceone": { field: after } } });
        env.patch::<NetworkPolicy>(&name, allow).await;
        let new_id = upstream_id(&env.ready::<NetworkPolicy>(&name).await);
        assert_ne!(new_id, id, "{field}");
        assert!(contract.search(Collection::NetworkPolicies, "network_policy_id", &id).await.is_empty(), "{field}");
        assert_eq!(contract.search(Collection::NetworkPolicies, "network_policy_id", &new_id).await.len(), 1);
        id = new_id;
        env.patch::<NetworkPolicy>(&name, json!({ "spec": { "recreatePolicy": "Never" } })).await;
    }
    env.delete::<NetworkPolicy>(&name).await;
    env.gone::<NetworkPolicy>(&name).await;
    assert!(contract.search(Collection::NetworkPolicies, "network_policy_id", &id).await.is_empty());
}

#[tokio::test]
async fn undeclared_pin_is_reported_and_blocks_only_its_field() {
    let env = TestEnv::new("pinned").await;
    env.apply(network_policy("pinned", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("pinned").await);
    assert!(env.spaceone.edit_network_policy(&id, |p| p.pinned_keys = vec!["name".to_owned()]));
    env.patch::<NetworkPolicy>("pinned", spec(json!({ "name": "renamed", "dns": ["10.9.9.9"] }))).await;
    let seen: NetworkPolicy = env.reason("pinned", "NotApplied").await;
    assert_eq!(drifted(&seen), ["spec.spaceone.name"]);
    assert!(message(&seen).contains("spec.spaceone.name"), "{}", message(&seen));
    let stored = env.spaceone.network_policies()[0].clone();
    assert_eq!((stored.name.as_str(), stored.dns.as_slice()), ("pinned", ["10.9.9.9".to_owned()].as_slice()));
    stays_quiet(&env).await;
    env.patch::<NetworkPolicy>("pinned", spec(json!({ "name": "pinned" }))).await;
    env.ready::<NetworkPolicy>("pinned").await;
    env.patch::<NetworkPolicy>("pinned", spec(json!({ "name": "renamed" }))).await;
    env.reason::<NetworkPolicy>("pinned", "NotApplied").await;
    env.patch::<NetworkPolicy>("pinned", spec(json!({ "pinnedKeys": ["name"] }))).await;
    env.ready::<NetworkPolicy>("pinned").await;
    assert_eq!(env.spaceone.network_policies()[0].name, "renamed", "declared pins are moved for an update");
}

#[tokio::test]
async fn pinned_field_is_written_again_when_reconcile_is_requested() {
    let env = TestEnv::new("unpinned").await;
    env.apply(network_policy("unpinned", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("unpinned").await);
    assert!(env.spaceone.edit_network_policy(&id, |p| p.pinned_keys = vec!["name".to_owned()]));
    env.patch::<NetworkPolicy>("unpinned", spec(json!({ "name": "renamed" }))).await;
    env.reason::<NetworkPolicy>("unpinned", "NotApplied").await;
    assert!(env.spaceone.edit_network_policy(&id, |p| p.pinned_keys.clear()));
    env.reconcile_now::<NetworkPolicy>("unpinned").await;
    env.ready::<NetworkPolicy>("unpinned").await;
    assert_eq!(env.spaceone.network_policies()[0].name, "renamed");
}

#[tokio::test]
async fn many_pinned_values_are_not_written_again() {
    let env = TestEnv::new("many-pinned").await;
    env.apply(network_policy("pinned", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("pinned").await);
    assert!(env.spaceone.edit_network_policy(&id, |p| p.pinned_keys = vec!["tags".to_owned()]));
    let tags: Map<String, Value> = (0..25).map(|i| (format!("key{i:02}"), json!("v"))).collect();
    env.patch::<NetworkPolicy>("pinned", spec(json!({ "tags": tags }))).await;
    let seen: NetworkPolicy = env.reason("pinned", "NotApplied").await;
    assert_eq!(drifted(&seen).len(), 20, "status shows no more");
    stays_quiet(&env).await;
}

#[tokio::test]
async fn metadata_that_breaks_updates_is_rejected_before_create() {
    let env = TestEnv::new("poison").await;
    for (name, metadata, path) in [
        ("number", json!({ "count": 3 }), "spec.spaceone.metadata.count"),
        ("boolean", json!({ "on": true }), "spec.spaceone.metadata.on"),
        ("null-inside", json!({ "list": [null] }), "spec.spaceone.metadata.list"),
        ("numbers", json!({ "list": [1, 2] }), "spec.spaceone.metadata.list"),
    ] {
        let mut object = network_policy(name, &env.spaceone.zone_ids()[0]);
        object["spec"]["spaceone"]["metadata"] = metadata;
        env.apply(object).await;
        let seen: NetworkPolicy = env.reason(name, "InvalidSpec").await;
        assert!(message(&seen).contains(path), "{}", message(&seen));
    }
    assert_eq!(env.spaceone.journal().count(Operation::Create), 0);
    env.patch::<NetworkPolicy>("number", spec(json!({ "metadata": { "count": "3" } }))).await;
    env.ready::<NetworkPolicy>("number").await;
}

#[tokio::test]
async fn broken_upstream_metadata_is_reported_and_left_unchanged() {
    let env = TestEnv::new("poisoned").await;
    env.apply(network_policy("poisoned", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("poisoned").await);
    assert!(env.spaceone.edit_network_policy(&id, |p| {
        p.metadata.insert("count".to_owned(), json!(3.0));
    }));
    env.patch::<NetworkPolicy>("poisoned", spec(json!({ "dns": ["10.9.9.9"] }))).await;
    let seen: NetworkPolicy = env.reason("poisoned", "RecreateRequired").await;
    assert!(message(&seen).contains("is not iterable"), "{}", message(&seen));
    assert_eq!(env.spaceone.journal().effects(Operation::Update), 0);
    assert!(env.spaceone.edit_network_policy(&id, |p| {
        p.metadata.remove("count");
    }));
    env.ready::<NetworkPolicy>("poisoned").await;
}

#[tokio::test]
async fn metadata_of_other_writers_survives_update() {
    let env = TestEnv::new("metadata").await;
    env.apply(network_policy("shared", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("shared").await);
    assert!(env.spaceone.edit_network_policy(&id, |p| {
        p.metadata.insert("collector".to_owned(), json!("theirs"));
    }));
    env.patch::<NetworkPolicy>("shared", spec(json!({ "metadata": { "mine": "too" } }))).await;
    env.ready::<NetworkPolicy>("shared").await;
    let metadata = env.spaceone.network_policies()[0].metadata.clone();
    assert_eq!((&metadata["collector"], &metadata["mine"]), (&json!("theirs"), &json!("too")));
}

#[tokio::test]
async fn policy_is_not_created_when_project_is_unknown() {
    let env = TestEnv::new("project").await;
    let mut object = spaceone_policy("project");
    object["spec"]["spaceone"]["projectId"] = json!("project-0123456789ab");
    env.apply(object).await;
    let seen: Policy = env.reason("project", "InvalidSpec").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("project_id") && told.contains("Correct the id in the spec"), "{told}");
    let journal = env.spaceone.journal();
    assert!(journal.entries().iter().all(|e| e.collection != Kept::Policy || !e.effect));
}
