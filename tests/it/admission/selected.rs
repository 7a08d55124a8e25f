//! The fields by which users filter objects: `kubectl get --field-selector`.

use super::cases::{Base, NETWORK, SPACEONE};
use crate::support;
use cloud_policy_testbed::{ControlPlane, TestNamespace};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

/// Creates an object with this connection and this id upstream.
async fn create(base: Base, namespace: &TestNamespace, name: &str, kind: &str, id: (&str, &str)) {
    let mut object = base.with(&[]);
    object["metadata"]["name"] = name.into();
    object["spec"]["connectionRef"] = json!({ "kind": kind, "name": name });
    let resource =
        ApiResource::from_gvk(&GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", object["kind"].as_str().unwrap()));
    let api: Api<DynamicObject> = Api::namespaced_with(support::client().await, namespace.name(), &resource);
    let by = PatchParams::apply("test");
    api.patch(name, &by, &Patch::Apply(&object)).await.unwrap();
    object["status"] = json!({ "observedGeneration": 1, (id.0): id.1 });
    object.as_object_mut().unwrap().remove("spec");
    api.patch_status(name, &by, &Patch::Apply(&object)).await.unwrap();
}

/// Returns the names of the objects that a selector chooses.
fn chosen(control_plane: &ControlPlane, kind: &str, namespace: &TestNamespace, selector: &str) -> Vec<String> {
    let arguments = ["get", kind, "-n", namespace.name(), "-o", "name", "--field-selector", selector];
    let printed = control_plane.run_kubectl(&arguments).unwrap();
    printed.lines().map(|line| line.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn objects_are_selected_by_connection_and_upstream_id() {
    let namespace = TestNamespace::create(&support::client().await, "selected").await.unwrap();
    let control_plane = support::control_plane().await;
    for (base, kind, id) in [(SPACEONE, "cloudpol", "policyId"), (NETWORK, "cloudnetpol", "networkPolicyId")] {
        create(base, &namespace, "one", "Connection", (id, "id-1")).await;
        create(base, &namespace, "two", "ClusterConnection", (id, "id-2")).await;
        for (selector, expected) in [
            ("spec.connectionRef.name=one".to_owned(), "one"),
            ("spec.connectionRef.name!=one".to_owned(), "two"),
            ("spec.connectionRef.kind=ClusterConnection".to_owned(), "two"),
            (format!("status.{id}=id-2"), "two"),
            (format!("status.{id}=id-1,spec.connectionRef.kind=Connection"), "one"),
        ] {
            assert_eq!(chosen(control_plane, kind, &namespace, &selector), [expected], "{kind} {selector}");
        }
    }
}
