//! Finds out whether the CRD of a kind is being deleted: its upstream objects stay in place then.
//!
//! The operator reads the CRD. With rights in single namespaces it may not, and uses API discovery, which every
//! authenticated client may read: objects of a kind whose CRD terminates cannot be created any more.
//! Discovery lags a moment, so an object that was deleted just now waits for that moment. While neither
//! tells, nothing is deleted upstream.

use crate::controller::kinds::managed::Managed;
use crate::controller::{Error, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use std::time::Duration;

/// How long discovery may lag behind the CRD; in general, milliseconds.
const DISCOVERY_LAG: Duration = Duration::from_secs(3);

/// The state of a CRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrdState {
    /// It stays: the deletion means this object.
    Present,
    /// It is being deleted, and all of its objects with it.
    Deleting,
    /// It is not known yet; ask again after this time.
    Unknown(Duration),
}

/// Returns the state of the CRD, for an object that was deleted `deleted_for` ago.
pub async fn state<K: Managed>(client: &Client, deleted_for: Duration) -> Result<CrdState> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    match crds.get_metadata_opt(K::CRD).await {
        Ok(Some(crd)) if crd.metadata.deletion_timestamp.is_none() => Ok(CrdState::Present),
        Ok(_) => Ok(CrdState::Deleting),
        Err(kube::Error::Api(status)) if status.code == 403 => from_discovery::<K>(client, deleted_for).await,
        Err(error) => Err(error.into()),
    }
}

async fn from_discovery<K: Managed>(client: &Client, deleted_for: Duration) -> Result<CrdState> {
    let offered = client.list_api_group_resources(&K::api_version(&())).await.map_err(|e| Error::Kube(Box::new(e)))?;
    let plural = K::plural(&());
    let Some(resource) = offered.resources.iter().find(|resource| resource.name == plural) else {
        // Its object exists, so discovery must show it soon.
        return Ok(CrdState::Unknown(DISCOVERY_LAG));
    };
    if !resource.verbs.iter().any(|verb| verb == "create") {
        return Ok(CrdState::Deleting);
    }
    let left = DISCOVERY_LAG.saturating_sub(deleted_for);
    Ok(if left.is_zero() { CrdState::Present } else { CrdState::Unknown(left) })
}
