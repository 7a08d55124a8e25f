//! Other names: an object that Git renames, and names that kustomize changes.

use super::tools::{kustomized, manifests, only};
use crate::docs::markdown::Page;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_testbed::repository;
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn renamed_object_keeps_its_upstream_object() {
    let env = TestEnv::new("renamed").await;
    let network = network_policy("old-w", &env.spaceone.zone_ids()[0]);
    rename::<Policy>(&env, ncloud_policy("old-n")).await;
    rename::<Policy>(&env, spaceone_policy("old-s")).await;
    rename::<NetworkPolicy>(&env, network).await;
    assert_eq!(env.ncloud.policies().len(), 1);
    assert_eq!((env.spaceone.policies().len(), env.spaceone.network_policies().len()), (1, 1));
}

/// Follows the steps of the page, as a tool that prunes last.
async fn rename<K: Managed + crate::support::kinds::Kind>(env: &TestEnv, mut manifest: Value) {
    let old = manifest["metadata"]["name"].as_str().unwrap().to_owned();
    let new = old.replace("old", "new");
    env.apply(manifest.clone()).await;
    let id = upstream_id(&env.ready::<K>(&old).await);
    manifest["spec"]["deletionPolicy"] = json!("Orphan");
    env.apply(manifest.clone()).await;
    env.ready::<K>(&old).await;
    manifest["metadata"]["name"] = json!(new);
    manifest["spec"]["adoptionPolicy"] = json!("IfIdentical");
    if manifest["kind"] == "NetworkPolicy" {
        manifest["spec"]["externalId"] = json!(id);
    }
    env.apply(manifest.clone()).await;
    env.delete::<K>(&old).await;
    env.gone::<K>(&old).await;
    assert_eq!(upstream_id(&env.ready::<K>(&new).await), id, "{new}");
    manifest["spec"]["deletionPolicy"] = json!("Delete");
    manifest["spec"]["adoptionPolicy"] = json!("Never");
    env.apply(manifest).await;
    assert_eq!(upstream_id(&env.ready::<K>(&new).await), id, "{new}");
}

#[tokio::test]
async fn kustomize_renames_references_with_their_objects() {
    let folder = tempfile::tempdir().unwrap();
    let configuration = "name-reference.yaml";
    let shipped = repository().join("deploy/kustomize").join(configuration);
    fs::copy(shipped, folder.path().join(configuration)).unwrap();
    let fences = Page::read("docs/tasks/gitops.md").fences;
    let shown = fences.iter().find(|fence| fence.body.starts_with("namePrefix:")).unwrap();
    let mut kustomization = manifests(&shown.body).remove(0);
    kustomization["resources"] = json!(["objects.yaml"]);
    kustomization["secretGenerator"] =
        json!(["keys", "token", "ca"].map(|name| json!({ "name": name, "literals": ["key=value"] })));
    let mut network = network_policy("vpc", "zone-1");
    network["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": "shared" });
    let connection = |kind: &str, name: &str, spec: Value| {
        let mut spec = spec;
        spec["caBundleSecretRef"] = json!({ "name": "ca" });
        json!({ "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
    };
    let objects = [
        connection(
            "Connection",
            "ncloud",
            json!({ "ncloud": { "zone": "Public", "credentialsSecretRef": { "name": "keys" } } }),
        ),
        connection(
            "ClusterConnection",
            "shared",
            json!({ "spaceone": { "endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": { "name": "token" } } }),
        ),
        ncloud_policy("viewer"),
        network,
    ];
    let text: Vec<String> = objects.iter().map(Value::to_string).collect();
    fs::write(folder.path().join("objects.yaml"), text.join("\n---\n")).unwrap();
    fs::write(folder.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let made = kustomized(&folder.path().display().to_string()).await;
    let secret = |name: &str| {
        let begin = format!("staging-{name}-");
        let mut names = made.iter().filter(|m| m["kind"] == "Secret").filter_map(|m| m["metadata"]["name"].as_str());
        json!(names.find(|name| name.starts_with(&begin)).unwrap())
    };
    let spec = |kind: &str| &only(&made, kind)["spec"];
    assert_eq!(spec("Policy")["connectionRef"]["name"], "staging-ncloud");
    assert_eq!(spec("NetworkPolicy")["connectionRef"]["name"], "staging-shared");
    assert_eq!(spec("Connection")["ncloud"]["credentialsSecretRef"]["name"], secret("keys"));
    assert_eq!(spec("ClusterConnection")["spaceone"]["tokenSecretRef"]["name"], secret("token"));
    for kind in ["Connection", "ClusterConnection"] {
        assert_eq!(spec(kind)["caBundleSecretRef"]["name"], secret("ca"), "{kind}");
    }
}
