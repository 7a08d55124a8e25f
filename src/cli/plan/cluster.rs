//! Reads what a cluster has: the objects of the managed kinds, their connections, and the id of the cluster. It writes
//! nothing, and needs `get` and `list` only.

use crate::api::crds;
use crate::cli::cluster;
use crate::cli::output::tell;
use crate::controller::setup::startup::cluster_id;
use crate::plan::Cluster;
use anyhow::Context as _;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many objects one request lists.
const PAGE: u32 = 500;

/// What was read.
pub struct Read {
    /// The objects and the id of the cluster.
    pub cluster: Cluster,
    /// The connections, as YAML documents.
    pub connections: Vec<Value>,
}

/// Reads the cluster of the kubeconfig. `namespaces` are those of the manifests: without the right to list the whole
/// cluster, only their objects are known.
pub async fn read(id: Option<String>, namespaces: &BTreeSet<String>) -> anyhow::Result<Read> {
    let (client, id) = connect(id).await?;
    let mut objects = Vec::new();
    for crd in crds::managed() {
        objects.extend(list(&client, &resource(&crd), namespaces).await?);
    }
    let mut connections = Vec::new();
    for crd in crds::connections() {
        connections.extend(list(&client, &resource(&crd), namespaces).await?);
    }
    Ok(Read { cluster: Cluster { id, objects }, connections })
}

/// Reads all objects of the cluster of the kubeconfig. Without the right to list the whole cluster it fails.
pub async fn whole(id: Option<String>) -> anyhow::Result<Cluster> {
    let (client, id) = connect(id).await?;
    let mut objects = Vec::new();
    for crd in crds::managed() {
        let (resource, _) = resource(&crd);
        let context = || format!("cannot list {} in all namespaces of the cluster", resource.plural);
        let found = pages(&Api::all_with(client.clone(), &resource)).await.with_context(context)?;
        objects.extend(found.into_iter().map(|object| complete(object, &resource)));
    }
    Ok(Cluster { id, objects })
}

/// Returns a client, and the id of the cluster: the given one, or else that which the operator uses.
async fn connect(id: Option<String>) -> anyhow::Result<(Client, String)> {
    let client = cluster::client().await?;
    let id = match id {
        Some(id) => id,
        None => cluster_id(&client).await.context("cannot read the namespace kube-system: give --cluster-id")?,
    };
    Ok((client, id))
}

fn resource(
    crd: &k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
) -> (ApiResource, bool) {
    let version = crd.spec.versions.first().map(|version| version.name.clone()).unwrap_or_default();
    let resource = ApiResource {
        api_version: format!("{}/{version}", crd.spec.group),
        group: crd.spec.group.clone(),
        version,
        kind: crd.spec.names.kind.clone(),
        plural: crd.spec.names.plural.clone(),
    };
    (resource, crd.spec.scope == "Namespaced")
}

/// Lists a kind in the whole cluster, or, without the right to do so, in the namespaces. A kind of the whole cluster
/// that may not be listed is left out with a warning.
async fn list(
    client: &Client,
    (resource, is_namespaced): &(ApiResource, bool),
    namespaces: &BTreeSet<String>,
) -> anyhow::Result<Vec<Value>> {
    let context = || format!("cannot list {} in the cluster", resource.plural);
    match pages(&Api::all_with(client.clone(), resource)).await {
        Err(kube::Error::Api(status)) if status.code == 403 && !is_namespaced => {
            tell(&format!("warning: you may not list {}: their guardrails are not known", resource.plural));
            Ok(Vec::new())
        }
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let mut found = Vec::new();
            for namespace in namespaces {
                let api = Api::namespaced_with(client.clone(), namespace, resource);
                found.extend(pages(&api).await.with_context(context)?);
            }
            Ok(found)
        }
        found => found.with_context(context),
    }
    .map(|found| found.into_iter().map(|object| complete(object, resource)).collect())
}

async fn pages(api: &Api<DynamicObject>) -> kube::Result<Vec<DynamicObject>> {
    let mut params = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&params).await?;
        found.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found),
        }
    }
}

/// Adds the kind, which the objects of a list lack.
fn complete(object: DynamicObject, resource: &ApiResource) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = resource.api_version.clone().into();
    value["kind"] = resource.kind.clone().into();
    value
}
