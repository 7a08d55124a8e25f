//! Waits at the start for what the operator cannot do without: a missing CRD or permission is a log line and
//! a retry, not an exit.

use super::kinds::MANAGED;
use crate::api::{ClusterConnection, Connection};
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

/// How often to try again.
const RETRY: Duration = Duration::from_secs(2);

/// Waits until all kinds can be listed in every watched namespace, or until shutdown.
pub async fn wait_for_crds(client: &Client, settings: &Settings, shutdown: &CancellationToken) {
    let problem = "the CRDs are missing or cannot be listed; retrying";
    // An object that is in the cluster already must not keep the operator from starting.
    let client = depth_limit::client(client.clone());
    wait_for(problem, shutdown, || list_all(&client, settings)).await;
}

/// Waits for the uid of `kube-system`, which identifies a cluster for its whole life; `None` on shutdown.
pub async fn wait_for_cluster_id(client: &Client, shutdown: &CancellationToken) -> Option<String> {
    let problem =
        "cannot read namespace kube-system (its uid identifies this cluster); retrying. Set --cluster-id to avoid this";
    wait_for(problem, shutdown, || cluster_id(client)).await
}

/// Asks until there is an answer. Logs the problem once as a warning.
async fn wait_for<T, F>(problem: &str, shutdown: &CancellationToken, ask: impl Fn() -> F) -> Option<T>
where
    F: Future<Output = kube::Result<T>>,
{
    let mut warned = false;
    loop {
        match ask().await {
            Ok(answer) => return Some(answer),
            Err(error) if !warned => {
                tracing::warn!(%error, "{problem}");
                warned = true;
            }
            Err(error) => tracing::debug!(%error, "{problem}"),
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shutdown.cancelled() => return None,
        }
    }
}

/// Reads the uid of `kube-system`.
pub async fn cluster_id(client: &Client) -> kube::Result<String> {
    let namespace = Api::<Namespace>::all(client.clone()).get_metadata("kube-system").await?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}

async fn list_all(client: &Client, settings: &Settings) -> kube::Result<()> {
    for namespace in scopes(settings) {
        for kind in MANAGED {
            kind.probe(client, namespace).await?;
        }
        list::<Connection>(scoped(client, namespace)).await?;
    }
    if settings.cluster_connections {
        list::<ClusterConnection>(Api::all(client.clone())).await?;
    }
    Ok(())
}

async fn list<K>(api: Api<DeserializeGuard<K>>) -> kube::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    api.list(&ListParams::default().limit(1)).await.map(drop)
}
