//! Waits for the world: a missing CRD is a log line and a retry, not an exit.

use crate::api::{ClusterConnection, Connection, NetworkPolicy, Policy};
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Returns when all four kinds can be listed, or on shutdown.
pub async fn wait_for_crds(client: &Client, shutdown: &CancellationToken) {
    let mut said = false;
    loop {
        match missing(client).await {
            Ok(()) => return,
            Err(error) if !said => {
                tracing::warn!(%error, "the CRDs are not there, or may not be listed: waiting for them");
                said = true;
            }
            Err(error) => tracing::debug!(%error, "still waiting for the CRDs"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

async fn missing(client: &Client) -> Result<(), kube::Error> {
    list::<Policy>(client).await?;
    list::<NetworkPolicy>(client).await?;
    list::<Connection>(client).await?;
    list::<ClusterConnection>(client).await
}

async fn list<K>(client: &Client) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    Api::<DeserializeGuard<K>>::all(client.clone()).list(&ListParams::default().limit(1)).await.map(drop)
}
