//! A namespace of its own for each test, so that no test waits for another's objects.

use crate::control_plane::{ControlPlane, block_on};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use kube::{Client, Config, ResourceExt};
use std::time::Duration;

const DELETE_LIMIT: Duration = Duration::from_secs(5);

/// A namespace that nobody else uses.
///
/// Dropping it asks the shared control plane to delete it and does not wait until it is gone.
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
    let namespaces: Api<Namespace> = Api::all(Client::try_from(config)?);
    tokio::time::timeout(DELETE_LIMIT, namespaces.delete(&name, &DeleteParams::default())).await??;
    Ok(())
}
