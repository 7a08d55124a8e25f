//! A namespace of its own for each test, so that no test waits for another's objects.

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

/// What may be left in a namespace with a finalizer of the operator.
const KINDS: [(&str, &str); 3] =
    [("Policy", "policies"), ("NetworkPolicy", "networkpolicies"), ("Connection", "connections")];

/// A namespace that nobody else uses.
///
/// Dropping it asks the shared control plane to delete it and does not wait until it is gone. Objects
/// of the operator's kinds go without their finalizers: nobody looks after them any more.
/// What a test leaves in it may outlive the test until then.
#[derive(Debug)]
pub struct TestNamespace {
    name: String,
}

impl TestNamespace {
    /// Creates a namespace whose name begins with `prefix`.
    pub async fn create(client: &Client, prefix: &str) -> anyhow::Result<Self> {
        Self::of(client, ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() }).await
    }

    /// Creates a namespace of just this name, for a test that is about the name.
    pub async fn named(client: &Client, name: &str) -> anyhow::Result<Self> {
        Self::of(client, ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }).await
    }

    async fn of(client: &Client, metadata: ObjectMeta) -> anyhow::Result<Self> {
        let wanted = Namespace { metadata, ..Namespace::default() };
        let created = Api::all(client.clone()).create(&PostParams::default(), &wanted).await?;
        Ok(Self { name: created.name_any() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Deletes it; it goes once everything in it has gone.
    pub async fn delete(&self, client: &Client) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        namespaces.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }
}

impl Drop for TestNamespace {
    /// On a runtime of its own, as that of the test is about to end. An error means that the
    /// namespace or the whole control plane is gone already, which is what was wanted.
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

/// Deletes the objects whose finalizers nobody will take off: the operator of the test has ended. They
/// would hold the namespace for ever, and have it tried again and again beside all later tests.
async fn free(api: &Api<DynamicObject>) -> anyhow::Result<()> {
    let held = api.list_metadata(&ListParams::default()).await?.items;
    if held.is_empty() {
        return Ok(());
    }
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    let none = json!({ "metadata": { "finalizers": null } });
    for object in held.iter().filter(|object| !object.finalizers().is_empty()) {
        // An error means that it is gone already.
        let _ = api.patch_metadata(&object.name_any(), &PatchParams::default(), &Patch::Merge(&none)).await;
    }
    Ok(())
}
