//! A separate namespace for each test, so that no test waits for objects of another test.

use crate::control_plane::{ControlPlane, block_on};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, Patch, PatchParams,
    PostParams,
};
use kube::{Client, Config, ResourceExt};
use serde_json::json;
use std::time::Duration;

const DELETE_LIMIT: Duration = Duration::from_secs(5);

/// The kinds whose objects may stay in a namespace with a finalizer of the operator.
const KINDS: [(&str, &str); 3] =
    [("Policy", "policies"), ("NetworkPolicy", "networkpolicies"), ("Connection", "connections")];

/// A namespace for one test.
///
/// Dropping it asks the shared control plane to delete the namespace and does not wait for the end of
/// the deletion. It removes the finalizers of objects of the operator's kinds, because no operator
/// runs that would do so. Other objects of the test may outlive the test for a while.
#[derive(Debug)]
pub struct TestNamespace {
    name: String,
}

impl TestNamespace {
    /// Creates a namespace whose name begins with `prefix`.
    pub async fn create(client: &Client, prefix: &str) -> anyhow::Result<Self> {
        Self::of(client, ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() }).await
    }

    /// Creates a namespace with this exact name, for a test that depends on the name.
    pub async fn named(client: &Client, name: &str) -> anyhow::Result<Self> {
        Self::of(client, ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }).await
    }

    async fn of(client: &Client, metadata: ObjectMeta) -> anyhow::Result<Self> {
        let wanted = Namespace { metadata, ..Namespace::default() };
        let created = Api::all(client.clone()).create(&PostParams::default(), &wanted).await?;
        Ok(Self { name: created.name_any() })
    }

    /// Returns the name of the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Deletes the namespace. The control plane removes it after its objects.
    pub async fn delete(&self, client: &Client) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

impl Drop for TestNamespace {
    /// Deletes the namespace on a new runtime, because the test's runtime may be about to end. Errors
    /// are ignored: the namespace or the whole control plane may be gone already.
    fn drop(&mut self) {
        if let Some(control_plane) = ControlPlane::shared_if_started() {
            let _ = block_on(delete(control_plane.config().clone(), std::mem::take(&mut self.name)));
        }
    }
}

async fn delete(config: Config, name: String) -> anyhow::Result<()> {
    let client = Client::try_from(config)?;
    let all = async {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.delete(&name, &DeleteParams::default()).await?;
        for (kind, plural) in KINDS {
            let gvk = GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
            free(&Api::namespaced_with(client.clone(), &name, &resource)).await?;
        }
        Ok(())
    };
    tokio::time::timeout(DELETE_LIMIT, all).await?
}

/// Deletes the objects and removes their finalizers, because the operator of the test has ended. With
/// finalizers the namespace would stay, and the control plane would retry its deletion during all later
/// tests.
async fn free(api: &Api<DynamicObject>) -> anyhow::Result<()> {
    let held = api.list_metadata(&ListParams::default()).await?.items;
    if held.is_empty() {
        return Ok(());
    }
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    let none = json!({ "metadata": { "finalizers": null } });
    for object in held.iter().filter(|object| !object.finalizers().is_empty()) {
        // An error means that the object is gone already.
        let _ = api.patch_metadata(&object.name_any(), &PatchParams::default(), &Patch::Merge(&none)).await;
    }
    Ok(())
}
