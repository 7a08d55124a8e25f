//! A manifest that empties a field reaches the upstream, with every tool.

use super::tools::{Applier, Tools};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use serde_json::{Value, json};

/// Defines one test for each tool: the name, and the tool.
macro_rules! for_each_tool {
    ($scenario:ident: $($name:ident = $applier:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $scenario(Applier::$applier).await;
        }
    )+};
}

for_each_tool! { empties_every_field:
    client_side_apply_empties_every_field = ClientSide;
    server_side_apply_empties_every_field = ServerSide;
    forced_apply_empties_every_field = Forced;
    argo_cd_empties_every_field = ArgoCd;
    flux_empties_every_field = Flux;
}

for_each_tool! { empties_every_field_of_connections:
    client_side_apply_empties_fields_of_connections = ClientSide;
    server_side_apply_empties_fields_of_connections = ServerSide;
    forced_apply_empties_fields_of_connections = Forced;
    argo_cd_empties_fields_of_connections = ArgoCd;
    flux_empties_fields_of_connections = Flux;
}

async fn empties_every_field(applier: Applier) {
    let env = TestEnv::new("emptied").await;
    let tools = Tools::of(env.namespace()).await;
    empties_naver_cloud_policy(&env, &tools, applier).await;
    empties_spaceone_policy(&env, &tools, applier).await;
    empties_network_policy(&env, &tools, applier).await;
}

async fn empties_naver_cloud_policy(env: &TestEnv, tools: &Tools, applier: Applier) {
    let mut manifest = ncloud_policy("viewer");
    manifest["spec"]["ncloud"]["tags"] = json!({ "team": "a", "stage": "test" });
    settle(env, tools, applier, &manifest).await;
    assert_eq!(env.ncloud.policy_named("viewer").unwrap().tags.len(), 3);
    empty(&mut manifest, "ncloud", &[("tags", json!({})), ("description", json!(""))]);
    manifest["spec"]["ncloud"]["permissions"][0].as_object_mut().unwrap().remove("condition");
    settle(env, tools, applier, &manifest).await;
    let upstream = env.ncloud.policy_named("viewer").unwrap();
    assert_eq!(upstream.tags.keys().collect::<Vec<_>>(), ["cloudpolicy-owner"]);
    assert_eq!(upstream.description.unwrap_or_default(), "");
    assert!(upstream.permissions[0].condition.as_ref().is_none_or(std::collections::BTreeMap::is_empty));
}

async fn empties_spaceone_policy(env: &TestEnv, tools: &Tools, applier: Applier) {
    let mut manifest = spaceone_policy("network");
    settle(env, tools, applier, &manifest).await;
    let upstream = || env.spaceone.policies().into_iter().find(|policy| policy.policy_id == "network").unwrap();
    assert_eq!((upstream().labels.len(), upstream().tags.len()), (1, 3));
    empty(&mut manifest, "spaceone", &[("labels", json!([])), ("tags", json!({}))]);
    settle(env, tools, applier, &manifest).await;
    assert_eq!(upstream().labels, Vec::<String>::new());
    assert_eq!(upstream().tags.keys().collect::<Vec<_>>(), ["cloudpolicy_owner"]);
}

async fn empties_network_policy(env: &TestEnv, tools: &Tools, applier: Applier) {
    let mut manifest = network_policy("vpc", &env.spaceone.zone_ids()[0]);
    manifest["spec"]["recreatePolicy"] = json!("WhenRequired");
    manifest["spec"]["spaceone"]["pinnedKeys"] = json!(["name", "dns"]);
    settle(env, tools, applier, &manifest).await;
    let (lists, objects) = (
        ["routingTables", "dns", "pinnedKeys"].map(|n| (n, json!([]))),
        ["data", "metadata", "reference", "tags"].map(|n| (n, json!({}))),
    );
    empty(&mut manifest, "spaceone", &[&lists[..], &objects[..]].concat());
    settle(env, tools, applier, &manifest).await;
    let all = env.spaceone.network_policies();
    let [upstream] = &all[..] else { panic!("{all:?}") };
    assert!(upstream.routing_tables.is_empty() && upstream.dns.is_empty() && upstream.pinned_keys.is_empty());
    assert!(upstream.data.is_empty() && upstream.metadata.is_empty(), "{upstream:?}");
    assert!(upstream.reference.resource_id.is_empty(), "{upstream:?}");
    assert_eq!(upstream.tags.keys().collect::<Vec<_>>(), ["cloudpolicy_owner"]);
}

/// Replaces fields of the upstream block by empty values.
fn empty(manifest: &mut Value, block: &str, fields: &[(&str, Value)]) {
    for (field, value) in fields {
        manifest["spec"][block][field] = value.clone();
    }
}

/// Applies the manifest, checks that it is stored, and waits until it is ready.
async fn settle(env: &TestEnv, tools: &Tools, applier: Applier, manifest: &Value) {
    store(tools, applier, manifest);
    let name = manifest["metadata"]["name"].as_str().unwrap();
    if manifest["kind"] == "Policy" {
        env.ready::<Policy>(name).await;
    } else {
        env.ready::<NetworkPolicy>(name).await;
    }
}

/// Applies the manifest twice and checks that it is stored. The second time changes nothing.
fn store(tools: &Tools, applier: Applier, manifest: &Value) {
    tools.apply(applier, manifest).unwrap_or_else(|error| panic!("{applier:?}: {error}"));
    let first = tools.stored(manifest);
    for (block, fields) in manifest["spec"].as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(&first["spec"][block][field], value, "{applier:?}: {block}.{field}");
        }
    }
    tools.apply(applier, manifest).unwrap();
    assert_eq!(tools.stored(manifest)["metadata"]["generation"], first["metadata"]["generation"], "{applier:?}");
}

async fn empties_every_field_of_connections(applier: Applier) {
    let env = TestEnv::without_operator("emptied").await;
    let tools = Tools::of(env.namespace()).await;
    let name = env.namespace();
    for kind in ["Connection", "ClusterConnection"] {
        let mut manifest = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": kind, "metadata": { "name": name },
            "spec": { "ncloud": { "endpoint": "https://ncloud.example.com", "credentialsSecretRef": { "name": "key" } } },
        });
        manifest["spec"]["rateLimit"] = json!({ "burst": 20 });
        if kind == "ClusterConnection" {
            manifest["spec"]["allowedNamespaces"] = json!({ "names": ["team-a", "team-b"] });
        }
        store(&tools, applier, &manifest);
        if kind == "ClusterConnection" {
            manifest["spec"]["allowedNamespaces"] = json!({ "names": [] });
            store(&tools, applier, &manifest);
            manifest["spec"]["allowedNamespaces"] = json!({});
            store(&tools, applier, &manifest);
        }
        manifest["spec"]["rateLimit"] = json!({});
        tools.apply(applier, &manifest).unwrap_or_else(|error| panic!("{applier:?}: {error}"));
        let kept = tools.stored(&manifest)["spec"].clone();
        assert_eq!(kept["rateLimit"], json!({ "requestsPerSecond": 5, "burst": 10 }), "{applier:?}");
        if kind == "ClusterConnection" {
            assert_eq!(kept["allowedNamespaces"], json!({}), "{applier:?}");
            tools.kubectl(&["delete", "clusterconnections.cloudpolicy.dev", name]).unwrap();
        }
    }
}
