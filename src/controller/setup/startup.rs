//! Waits for the world: a missing CRD or permission is a log line and a retry, not an exit.

use crate::api::{ClusterConnection, Connection, NetworkPolicy, Policy};
use crate::controller::Settings;
use crate::controller::k8s::depth_limit;
use crate::controller::k8s::namespaces::{scoped, scopes};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Returns when the kinds can be listed wherever they are looked after, or on shutdown.
pub async fn wait_for_crds(client: &Client, settings: &Settings, shutdown: &CancellationToken) {
    let what = "the CRDs are not there, or may not be listed: waiting for them";
    // Whatever lies in the cluster already must not keep the operator from starting.
    let client = depth_limit::client(client.clone());
    wait_for(what, shutdown, || kinds(&client, settings)).await;
}

/// The uid of `kube-system`, which identifies a cluster for as long as it lives; `None` on shutdown.
pub async fn wait_for_cluster_id(client: &Client, shutdown: &CancellationToken) -> Option<String> {
    let what = "the namespace kube-system, whose uid identifies this cluster, may not be read: waiting (--cluster-id would do)";
    wait_for(what, shutdown, || cluster_id(client)).await
}

/// Asks until there is an answer; says once what it waits for.
async fn wait_for<T, F>(what: &str, shutdown: &CancellationToken, ask: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let mut said = false;
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(error) if !said => {
                tracing::warn!(%error, "{what}");
                said = true;
            }
            Err(error) => tracing::debug!(%error, "{what}"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = shutdown.cancelled() => return None,
        }
    }
}

async fn cluster_id(client: &Client) -> Result<String, kube::Error> {
    let namespace = Api::<Namespace>::all(client.clone()).get_metadata("kube-system").await?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}

async fn kinds(client: &Client, settings: &Settings) -> Result<(), kube::Error> {
    for namespace in scopes(settings) {
        list::<Policy>(scoped(client, namespace)).await?;
        list::<NetworkPolicy>(scoped(client, namespace)).await?;
        list::<Connection>(scoped(client, namespace)).await?;
    }
    if settings.cluster_connections {
        list::<ClusterConnection>(Api::all(client.clone())).await?;
    }
    Ok(())
}

async fn list<K>(api: Api<DeserializeGuard<K>>) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    api.list(&ListParams::default().limit(1)).await.map(drop)
}
