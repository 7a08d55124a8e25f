//! Whatever another writer adds to a value of the manifest, the next apply of the manifest takes back, also upstream.

use super::tools::{Applier, Tools};
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_side_apply_takes_back_added_permission() {
    takes_back(Applier::ClientSide).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forced_apply_takes_back_added_permission() {
    takes_back(Applier::Forced).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn argo_cd_takes_back_added_permission() {
    takes_back(Applier::ArgoCd).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flux_takes_back_added_permission() {
    takes_back(Applier::Flux).await;
}

async fn takes_back(applier: Applier) {
    let env = TestEnv::new("taken-back").await;
    let tools = Tools::of(env.namespace()).await;
    let (ncloud, spaceone) = (ncloud_policy("servers"), spaceone_policy("inventory"));
    let network = network_policy("vpc", &env.spaceone.zone_ids()[0]);
    for manifest in [&ncloud, &spaceone, &network] {
        tools.apply(applier, manifest).unwrap();
    }
    let everything =
        json!({ "effect": "Allow", "targets": [{ "product": "IAM", "actions": ["*"], "resourceNrns": ["*"] }] });
    add(&tools, &ncloud, "/spec/ncloud/permissions", everything);
    add(&tools, &spaceone, "/spec/spaceone/permissions", json!("*"));
    add(&tools, &network, "/spec/spaceone/routingTables", json!({ "cidr": "0.0.0.0/0", "destination": "10.0.0.9" }));
    settled(&env).await;
    assert_eq!(counts(&env), [2, 3, 2], "added");
    for manifest in [&ncloud, &spaceone, &network] {
        tools.apply(applier, manifest).unwrap();
    }
    settled(&env).await;
    assert_eq!(counts(&env), [1, 2, 1], "taken back");
}

/// Adds an item to a list of the manifest with `kubectl patch`.
fn add(tools: &Tools, manifest: &Value, list: &str, item: Value) {
    let mut patch = json!({ "spec": {} });
    let mut items = manifest.pointer(list).unwrap().as_array().unwrap().clone();
    items.push(item);
    let [_, _, block, field] = list.split('/').collect::<Vec<_>>()[..] else { panic!("{list}") };
    patch["spec"][block] = json!({ field: items });
    tools.patch(manifest, &patch).unwrap();
}

async fn settled(env: &TestEnv) {
    env.ready::<Policy>("servers").await;
    env.ready::<Policy>("inventory").await;
    env.ready::<NetworkPolicy>("vpc").await;
}

/// Counts the statements, permissions and routes upstream.
fn counts(env: &TestEnv) -> [usize; 3] {
    let statements = env.ncloud.policy_named("servers").unwrap().permissions.len();
    [statements, env.spaceone.policies()[0].permissions.len(), env.spaceone.network_policies()[0].routing_tables.len()]
}

/// The grants of a cluster connection are one value: another writer can neither add a namespace nor open it to all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_takes_back_namespaces_of_cluster_connection() {
    let env = TestEnv::without_operator("grants").await;
    let tools = Tools::of(env.namespace()).await;
    let manifest = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "ClusterConnection", "metadata": { "name": env.namespace() },
        "spec": {
            "ncloud": { "endpoint": "https://ncloud.example.com", "credentialsSecretRef": { "name": "key" } },
            "allowedNamespaces": { "names": ["team-a"] },
        },
    });
    for applier in [Applier::ClientSide, Applier::Forced, Applier::ArgoCd, Applier::Flux] {
        for addition in [json!({ "names": ["team-a", "team-b"] }), json!({ "names": null, "all": true })] {
            tools.apply(applier, &manifest).unwrap();
            tools.patch(&manifest, &json!({ "spec": { "allowedNamespaces": addition } })).unwrap();
            assert_ne!(tools.stored(&manifest)["spec"]["allowedNamespaces"], manifest["spec"]["allowedNamespaces"]);
            let mut again = manifest.clone();
            if applier == Applier::ClientSide && addition["all"] == true {
                // kubectl merges the fields of an object that it does not know.
                let refusal = tools.apply(applier, &manifest).unwrap_err().to_string();
                assert!(refusal.contains("write all: false to allow only the names"), "{refusal}");
                again["spec"]["allowedNamespaces"]["all"] = json!(false);
            }
            tools.apply(applier, &again).unwrap_or_else(|error| panic!("{applier:?}, {addition}: {error}"));
            let kept = &tools.stored(&manifest)["spec"]["allowedNamespaces"];
            assert_eq!(kept, &again["spec"]["allowedNamespaces"], "{applier:?}");
        }
        tools.kubectl(&["delete", "clusterconnections.cloudpolicy.dev", env.namespace()]).unwrap();
    }
}
