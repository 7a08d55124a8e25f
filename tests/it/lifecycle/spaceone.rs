//! The lifecycle of the two SpaceONE resources: create, update of every field, drift correction, delete and orphan.
//! Each scenario runs against the simulator and against the real servers of the REST era.

use crate::support;
use crate::support::spaceone_contract::{Collection, ContractClient};
use crate::support::test_env::{SOON, TestEnv, common, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_testbed::{Era, Spaceone, wait_for};
use serde_json::{Value, json};

#[tokio::test]
async fn spaceone_policy_is_created_updated_corrected_and_deleted() {
    let env = TestEnv::new("lifecycle-policy").await;
    let contract = ContractClient::of_simulator(&env.spaceone);
    policy_scenario(&env, &contract, "spaceone").await;
}

#[tokio::test]
async fn network_policy_is_created_updated_corrected_and_deleted() {
    let env = TestEnv::new("lifecycle-netpol").await;
    let contract = ContractClient::of_simulator(&env.spaceone);
    network_policy_scenario(&env, &contract, "spaceone").await;
}

#[tokio::test]
async fn spaceone_policy_passes_lifecycle_on_real_servers() {
    let (env, contract) = real("real-policy", Era::Rest, "Rest").await;
    policy_scenario(&env, &contract, "real").await;
}

#[tokio::test]
async fn network_policy_passes_lifecycle_on_real_servers() {
    let (env, contract) = real("real-netpol", Era::Rest, "Rest").await;
    network_policy_scenario(&env, &contract, "real").await;
}

async fn real(prefix: &str, era: Era, style: &str) -> (TestEnv, ContractClient) {
    support::install_crypto();
    let servers = tokio::task::spawn_blocking(move || Spaceone::shared(era)).await.unwrap().unwrap();
    let contract = ContractClient::of_real_servers(servers);
    let env = TestEnv::new(prefix).await;
    env.connect_spaceone("real", &contract.base, style, &contract.domain, &contract.token).await;
    (env, contract)
}

async fn policy_scenario(env: &TestEnv, contract: &ContractClient, connection: &str) {
    // All tests of the run share the real servers, so each scenario uses unique ids.
    let id = format!("scenario-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut object = spaceone_policy(&id);
    object["spec"]["connectionRef"]["name"] = json!(connection);
    env.apply(object).await;
    let seen: Policy = env.ready(&id).await;
    assert_eq!(upstream_id(&seen), id);
    let status = seen.status.clone().unwrap();
    assert_eq!(status.policy_id.as_deref(), Some(id.as_str()));
    assert!(status.details.repository_info.unwrap().read().contains_key("repository_id"));
    assert_eq!(policy(contract, &id).await["permissions"], json!(["inventory.Server.list", "inventory.Server.get"]));

    for (edit, field, expected) in [
        (json!({ "name": "Editor" }), "name", json!("Editor")),
        (json!({ "permissions": ["inventory.*"] }), "permissions", json!(["inventory.*"])),
        (json!({ "labels": ["team-b", "x"] }), "labels", json!(["team-b", "x"])),
        (json!({ "labels": [] }), "labels", json!([])),
    ] {
        edit_and_settle::<Policy>(env, &id, edit).await;
        assert_eq!(policy(contract, &id).await[field], expected, "{field}");
    }
    edit_and_settle::<Policy>(env, &id, json!({ "tags": { "owner": null, "level": 4, "deep": { "a": [1, true] } } }))
        .await;
    let tags = policy(contract, &id).await["tags"].clone();
    assert_eq!(
        (tags["level"].as_f64(), &tags["deep"]["a"][1], &tags["owner"]),
        (Some(4.0), &json!(true), &Value::Null)
    );
    assert_eq!(
        tags["cloudpolicy_owner"].as_str().map(|s| s.ends_with(&seen.metadata.uid.clone().unwrap())),
        Some(true),
        "{tags}"
    );

    contract.edit(Collection::Policies, &id, json!({ "name": "by hand" })).await;
    until(&id, "the drift to be corrected", || async { policy(contract, &id).await["name"] == json!("Editor") }).await;
    let events = env.events(&id).await;
    assert!(events.iter().any(|(reason, note)| reason == "DriftFound" && note.contains("by hand")), "{events:?}");

    contract.delete(Collection::Policies, &id).await;
    until(&id, "to be created again", || async {
        !contract.search(Collection::Policies, "policy_id", &id).await.is_empty()
    })
    .await;
    env.ready::<Policy>(&id).await;

    orphan_and_adopt(env, contract, &id, connection).await;
    env.delete::<Policy>(&id).await;
    env.gone::<Policy>(&id).await;
    assert!(contract.search(Collection::Policies, "policy_id", &id).await.is_empty());
}

/// Orphans the upstream policy, then adopts it by a new Kubernetes object with an adoption policy.
async fn orphan_and_adopt(env: &TestEnv, contract: &ContractClient, id: &str, connection: &str) {
    env.patch::<Policy>(id, json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.delete::<Policy>(id).await;
    env.gone::<Policy>(id).await;
    assert_eq!(contract.search(Collection::Policies, "policy_id", id).await.len(), 1);
    let mut again = spaceone_policy(id);
    again["spec"]["connectionRef"]["name"] = json!(connection);
    env.apply(again.clone()).await;
    env.reason::<Policy>(id, "Conflict").await;
    env.patch::<Policy>(id, json!({ "spec": { "adoptionPolicy": "Always" } })).await;
    env.ready::<Policy>(id).await;
}

async fn network_policy_scenario(env: &TestEnv, contract: &ContractClient, connection: &str) {
    let name = format!("scenario-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let mut object = network_policy(&name, &contract.zones[0]);
    object["spec"]["connectionRef"]["name"] = json!(connection);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    env.apply(object).await;
    let seen: NetworkPolicy = env.ready(&name).await;
    let id = upstream_id(&seen);
    let status = seen.status.clone().unwrap();
    assert_eq!(status.network_policy_id.as_deref(), Some(id.as_str()));
    assert!(status.details.zone_info.unwrap().read().contains_key("zone_id"));

    for (edit, pointer, expected) in [
        (
            json!({ "routingTables": [{ "cidr": "10.1.0.0/16", "destination": "10.1.0.1" }] }),
            "/routing_tables/0/cidr",
            json!("10.1.0.0/16"),
        ),
        (json!({ "dns": ["10.0.0.9"] }), "/dns", json!(["10.0.0.9"])),
        (json!({ "data": { "vpc": { "size": 3 }, "more": "x" } }), "/data/more", json!("x")),
        (json!({ "metadata": { "view": { "layout": "graph" } } }), "/metadata/view/layout", json!("graph")),
        (
            json!({ "reference": { "resourceId": "vpc-2", "externalLink": "https://x" } }),
            "/reference/resource_id",
            json!("vpc-2"),
        ),
        (json!({ "tags": { "env": "prod" } }), "/tags/env", json!("prod")),
        (json!({ "pinnedKeys": ["name", "dns"] }), "/collection_info/pinned_keys", json!(["name", "dns"])),
        (json!({ "dns": ["10.0.0.10"] }), "/dns", json!(["10.0.0.10"])),
        (json!({ "name": format!("{name}-2") }), "/name", json!(format!("{name}-2"))),
    ] {
        edit_and_settle::<NetworkPolicy>(env, &name, edit.clone()).await;
        let stored = network(contract, &id).await;
        assert_eq!(stored.pointer(pointer), Some(&expected), "{edit}: {stored:#}");
    }

    contract
        .edit(
            Collection::NetworkPolicies,
            &id,
            json!({ "routing_tables": [{ "cidr": "0.0.0.0/0", "destination": "9.9.9.9" }] }),
        )
        .await;
    until(&name, "the drift to be corrected", || async {
        network(contract, &id).await["routing_tables"][0]["cidr"] == json!("10.1.0.0/16")
    })
    .await;

    edit_and_settle::<NetworkPolicy>(env, &name, json!({ "zoneId": contract.zones[1] })).await;
    let moved: NetworkPolicy = env.ready(&name).await;
    let new_id = upstream_id(&moved);
    assert_ne!(new_id, id, "the zone cannot change in place");
    assert!(contract.search(Collection::NetworkPolicies, "network_policy_id", &id).await.is_empty());
    assert_eq!(network(contract, &new_id).await["zone_info"]["zone_id"], json!(contract.zones[1]));

    env.delete::<NetworkPolicy>(&name).await;
    env.gone::<NetworkPolicy>(&name).await;
    assert!(contract.search(Collection::NetworkPolicies, "network_policy_id", &new_id).await.is_empty());
}

async fn edit_and_settle<K: cloud_policy::controller::kinds::managed::Managed>(env: &TestEnv, name: &str, edit: Value) {
    env.patch::<K>(name, json!({ "spec": { "spaceone": edit } })).await;
    let settled: K = env.ready(name).await;
    assert!(common(&settled).operation.is_none());
}

async fn policy(contract: &ContractClient, id: &str) -> Value {
    contract.search(Collection::Policies, "policy_id", id).await.first().cloned().unwrap_or_default()
}

async fn network(contract: &ContractClient, id: &str) -> Value {
    contract.search(Collection::NetworkPolicies, "network_policy_id", id).await.first().cloned().unwrap_or_default()
}

async fn until<F: Future<Output = bool>>(name: &str, what: &str, check: impl Fn() -> F) {
    let probe = || async { check().await.then_some(()).ok_or_else(|| anyhow::anyhow!("not yet")) };
    wait_for(&format!("{name}: {what}"), SOON, probe).await.unwrap();
}
