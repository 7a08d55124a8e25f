//! Whether a kind itself is being taken away: what its objects describe stays upstream then.
//!
//! The CRD says so. An operator with rights in some namespaces alone may not read it; there, what
//! the API server offers of the kind says the same to everybody who is authenticated: of a kind
//! that goes, nothing can be created any more. That is said a moment late, so an object that was
//! deleted just now waits for a moment, too. Where neither is said, nothing is deleted upstream.

use crate::controller::kinds::managed::Managed;
use crate::controller::{Error, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client};
use std::time::Duration;

/// How long the API server may take until it offers no more than it does: in general milliseconds.
const SETTLED: Duration = Duration::from_secs(3);

/// How a kind stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It stays: whoever deleted the object meant the object.
    Stays,
    /// It goes, and all of its objects with it.
    Goes,
    /// It cannot be told yet; worth another look after this time.
    Unclear(Duration),
}

/// How the kind of an object stands that was deleted so long ago.
pub async fn kind<K: Managed>(client: &Client, deleted_for: Duration) -> Result<Kind> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    match crds.get_metadata_opt(K::CRD).await {
        Ok(Some(crd)) if crd.metadata.deletion_timestamp.is_none() => Ok(Kind::Stays),
        Ok(_) => Ok(Kind::Goes),
        Err(kube::Error::Api(status)) if status.code == 403 => offered::<K>(client, deleted_for).await,
        Err(error) => Err(error.into()),
    }
}

async fn offered<K: Managed>(client: &Client, deleted_for: Duration) -> Result<Kind> {
    let offer = client.list_api_group_resources(&K::api_version(&())).await.map_err(|e| Error::Kube(Box::new(e)))?;
    let plural = K::plural(&());
    let Some(resource) = offer.resources.iter().find(|resource| resource.name == plural) else {
        // It must be there, since its object is.
        return Ok(Kind::Unclear(SETTLED));
    };
    if !resource.verbs.iter().any(|verb| verb == "create") {
        return Ok(Kind::Goes);
    }
    let left = SETTLED.saturating_sub(deleted_for);
    Ok(if left.is_zero() { Kind::Stays } else { Kind::Unclear(left) })
}
