//! The output of kubectl, and the status of a new object.

use super::cases::{Base, CLUSTER_CONNECTION, NCLOUD, NCLOUD_CONNECTION, NETWORK, SPACEONE};
use crate::support;
use cloud_policy::api::{Policy, crds};
use cloud_policy_testbed::{TestNamespace, apply_crds, repository, wait_for};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use std::time::Duration;

async fn kubectl(arguments: &[&str]) -> String {
    support::control_plane().await.run_kubectl(arguments).unwrap()
}

/// Returns the output of `kubectl explain`. The API server publishes OpenAPI later than discovery.
async fn explained(arguments: &[&str]) -> String {
    let control_plane = support::control_plane().await;
    let all = [&["explain"], arguments].concat();
    wait_for("kubectl explain", Duration::from_mins(1), || async { control_plane.run_kubectl(&all) }).await.unwrap()
}

/// Creates the manifest in a namespace, with the name of the namespace.
async fn create(base: Base, namespace: &TestNamespace) -> DynamicObject {
    let mut object = base.with(&[]);
    object["metadata"]["name"] = namespace.name().into();
    let kind = object["kind"].as_str().unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", kind));
    let client = support::client().await;
    let api: Api<DynamicObject> = match kind {
        "ClusterConnection" => Api::all_with(client, &resource),
        _ => Api::namespaced_with(client, namespace.name(), &resource),
    };
    api.patch(namespace.name(), &PatchParams::apply("test"), &Patch::Apply(&object)).await.unwrap();
    api.get(namespace.name()).await.unwrap()
}

async fn namespace() -> TestNamespace {
    TestNamespace::create(&support::client().await, "shown").await.unwrap()
}

/// Returns the words of the heading of a table and of the row for `name`.
fn table(printed: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    let row = printed.lines().find(|line| line.split_whitespace().any(|word| word.ends_with(name)));
    (words(printed.lines().next().unwrap()), words(row.unwrap_or_else(|| panic!("no {name} in {printed}"))))
}

#[tokio::test]
async fn new_object_has_observed_generation_minus_one() {
    for base in [NCLOUD, NETWORK, NCLOUD_CONNECTION, CLUSTER_CONNECTION] {
        let created = create(base, &namespace().await).await;
        assert_eq!(created.data["status"], json!({ "observedGeneration": -1 }), "{:?}", created.types);
    }
}

#[tokio::test]
async fn category_lists_every_kind() {
    let namespace = namespace().await;
    for base in [NCLOUD, NETWORK, NCLOUD_CONNECTION, CLUSTER_CONNECTION] {
        create(base, &namespace).await;
    }
    let printed = kubectl(&["get", "cloudpolicy", "-A"]).await;
    for plural in ["policy", "networkpolicy", "connection", "clusterconnection"] {
        let shown = format!("{plural}.cloudpolicy.dev/{}", namespace.name());
        assert!(printed.contains(&shown), "no {shown} in {printed}");
    }
}

#[tokio::test]
async fn every_kind_has_its_short_name() {
    let namespace = namespace().await;
    let short_names = [
        (NCLOUD, "cloudpol"),
        (NETWORK, "cloudnetpol"),
        (NCLOUD_CONNECTION, "cloudconn"),
        (CLUSTER_CONNECTION, "clustercloudconn"),
    ];
    for (base, short) in short_names {
        create(base, &namespace).await;
        let printed = kubectl(&["get", short, namespace.name(), "-n", namespace.name(), "-o", "name"]).await;
        assert!(printed.trim().ends_with(&format!(".cloudpolicy.dev/{}", namespace.name())), "{printed}");
    }
}

#[tokio::test]
async fn policy_columns_show_state_id_and_connection() {
    let namespace = namespace().await;
    create(SPACEONE, &namespace).await;
    let policies: Api<Policy> = Api::namespaced(support::client().await, namespace.name());
    let status = json!({ "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy", "status": {
        "observedGeneration": 1, "policyId": "network-viewer", "state": "DISABLED",
        "upstream": { "system": "spaceone/policy", "connection": { "name": "domain" }, "endpoint": "https://a.example", "key": "network-viewer" },
        "drift": { "since": "2026-11-21T08:00:00Z", "fields": [
            { "path": "spec.spaceone.name", "desired": "1", "observed": "2" }, { "path": "spec.spaceone.labels", "desired": "1", "observed": "2" },
        ] },
        "conditions": [{ "type": "Ready", "status": "False", "reason": "DriftReported", "message": "Differs", "lastTransitionTime": "2026-11-21T08:00:00Z" }],
    } });
    policies.patch_status(namespace.name(), &PatchParams::apply("test"), &Patch::Apply(status)).await.unwrap();

    let (heading, row) = table(&kubectl(&["get", "cloudpol", "-n", namespace.name()]).await, namespace.name());
    assert_eq!(heading, ["NAME", "READY", "STATUS", "ID", "CONNECTION", "AGE"]);
    assert_eq!(row[1..5], ["False", "DriftReported", "network-viewer", "domain"]);
    let (heading, row) =
        table(&kubectl(&["get", "cloudpol", "-n", namespace.name(), "-o", "wide"]).await, namespace.name());
    assert_eq!(heading[6..], ["SYSTEM", "STATE", "DRIFT", "MESSAGE"]);
    assert_eq!(row[6..], ["spaceone/policy", "DISABLED", "spec.spaceone.name", "Differs"]);
}

#[tokio::test]
async fn connection_columns_show_endpoint_and_dependents() {
    let namespace = namespace().await;
    for (base, short) in [(NCLOUD_CONNECTION, "cloudconn"), (CLUSTER_CONNECTION, "clustercloudconn")] {
        create(base, &namespace).await;
        let printed = kubectl(&["get", short, "-n", namespace.name(), "-o", "wide"]).await;
        let (heading, _) = table(&printed, namespace.name());
        assert_eq!(heading, ["NAME", "READY", "STATUS", "ENDPOINT", "DEPENDANTS", "AGE", "MESSAGE"]);
    }
}

#[tokio::test]
async fn explain_shows_every_field_of_the_upstream_block() {
    let tree = explained(&["policies.cloudpolicy.dev.spec.ncloud", "--recursive"]).await;
    for field in [
        "policyName\t<string> -required-",
        "description\t<string>",
        "effect\t<string> -required-",
        "resourceNrns\t<[]string> -required-",
        "condition\t<map[string]map[string][]string>",
        "enum: Allow, Deny",
        "tags\t<map[string]string>",
    ] {
        assert!(tree.contains(field), "no {field:?} in {tree}");
    }
}

#[tokio::test]
async fn explain_shows_limits_and_examples() {
    let explained = explained(&["networkpolicies.cloudpolicy.dev.spec.spaceone.pinnedKeys"]).await;
    let text = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("at most 50 different ones of `name`, `dns`, `routing_tables`"), "{explained}");
}

#[tokio::test]
async fn committed_crds_equal_installed_crds() {
    let control_plane = support::control_plane().await;
    let folder = repository().join("crds");
    let unchanged = || async {
        kubectl(&["diff", "--server-side", "--field-manager=testbed", "-f", folder.to_str().unwrap()]).await
    };
    assert_eq!(unchanged().await, "");
    apply_crds(&control_plane.client().unwrap(), &folder).await.unwrap();
    assert_eq!(unchanged().await, "");
}

#[tokio::test]
async fn crd_schemas_are_structural() {
    let client = support::client().await;
    for crd in crds::all() {
        let name = crd.metadata.name.unwrap();
        let request = http::Request::get(format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"));
        let installed: Value = client.request(request.body(Vec::new()).unwrap()).await.unwrap();
        let conditions = installed["status"]["conditions"].as_array().unwrap();
        let problems = conditions.iter().filter(|condition| condition["type"] == "NonStructuralSchema");
        assert_eq!(problems.collect::<Vec<_>>(), Vec::<&Value>::new(), "{name}");
    }
}
