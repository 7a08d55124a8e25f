//! The API server accepts every manifest in the documentation.

use super::markdown::{Fence, Page};
use crate::support::client;
use anyhow::{Context, ensure};
use cloud_policy_testbed::TestNamespace;
use kube::api::{Patch, PatchParams};
use kube::core::{DynamicObject, GroupVersionKind};
use kube::discovery::{Discovery, Scope};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;

#[tokio::test]
async fn documented_manifest_is_accepted_by_api_server() {
    let client = client().await;
    let cluster = Cluster {
        discovery: Discovery::new(client.clone()).run().await.unwrap(),
        namespace: TestNamespace::create(&client, "docs").await.unwrap(),
        client,
    };
    let (mut refused, mut accepted) = (Vec::new(), 0);
    for fence in fences("yaml") {
        for manifest in documents(&fence) {
            match cluster.dry_run(manifest).await {
                Ok(()) => accepted += 1,
                Err(error) => refused.push(format!("{}: {error:#}", fence.place)),
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(accepted >= 10, "{accepted} manifests, expected more");
}

#[test]
fn yaml_fragment_can_be_parsed() {
    for fence in fences("yaml,fragment") {
        for fragment in documents(&fence) {
            assert!(fragment.is_object(), "{}: {fragment}", fence.place);
        }
    }
}

fn fences(language: &str) -> impl Iterator<Item = Fence> {
    Page::all().into_iter().flat_map(|page| page.fences).filter(move |fence| fence.language == language)
}

fn documents(fence: &Fence) -> Vec<Value> {
    serde_saphyr::from_multiple(&fence.body).unwrap_or_else(|error| panic!("{}: {error}", fence.place))
}

struct Cluster {
    client: Client,
    discovery: Discovery,
    /// Replaces every namespace of the documentation, so that tests do not affect each other.
    namespace: TestNamespace,
}

impl Cluster {
    /// Applies a manifest like `kubectl apply --server-side --dry-run=server`.
    async fn dry_run(&self, manifest: Value) -> anyhow::Result<()> {
        let mut object: DynamicObject = serde_json::from_value(manifest)?;
        let kind = GroupVersionKind::try_from(object.types.as_ref().context("it has no kind")?)?;
        let (resource, capabilities) =
            self.discovery.resolve_gvk(&kind).with_context(|| format!("there is no {kind:?}"))?;
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => {
                ensure!(object.metadata.namespace.is_some(), "it names no namespace");
                object.metadata.namespace = Some(self.namespace.name().to_owned());
                Api::namespaced_with(self.client.clone(), self.namespace.name(), &resource)
            }
        };
        let params = PatchParams::apply("documentation").validation_strict().dry_run();
        api.patch(&object.name_any(), &params, &Patch::Apply(&object)).await?;
        Ok(())
    }
}
