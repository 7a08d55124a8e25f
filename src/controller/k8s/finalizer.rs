//! Adds and removes the finalizer.
//!
//! The JSON patches test `uid` and `resourceVersion`. So they never change an object that was deleted and
//! created again under the same name, or that changed meanwhile.

use super::size_limit;
use crate::api::FINALIZER;
use crate::controller::settings::Safeguards;
use crate::controller::{Error, Result};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Adds our finalizer, and returns the object with it.
pub async fn add<K>(api: &Api<K>, object: &K, safeguards: Safeguards) -> Result<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let mut finalizers = all(api, object).await?;
    finalizers.push(FINALIZER.to_owned());
    patch(api, object, &finalizers, safeguards).await
}

/// Removes our finalizer, so that the API server can delete the object.
pub async fn remove<K>(api: &Api<K>, object: &K, safeguards: Safeguards) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let mut finalizers = all(api, object).await?;
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    patch(api, object, &finalizers, safeguards).await.map(drop)
}

/// Returns all finalizers of the object. The patches replace the list, and an object that is too large may show only a
/// part of it; metadata alone is read whole.
async fn all<K>(api: &Api<K>, object: &K) -> Result<Vec<String>>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    if size_limit::refusal(object).is_none() {
        return Ok(object.finalizers().to_vec());
    }
    Ok(api.get_metadata(&object.name_any()).await?.finalizers().to_vec())
}

async fn patch<K>(api: &Api<K>, object: &K, finalizers: &[String], safeguards: Safeguards) -> Result<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let (Some(uid), Some(version)) = (object.uid(), object.resource_version()) else {
        return Err(Error::Stale);
    };
    let mut operations = vec![
        json!({ "op": "test", "path": "/metadata/uid", "value": uid }),
        json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version }),
        json!({ "op": "add", "path": "/metadata/finalizers", "value": finalizers }),
    ];
    operations.retain(|operation| safeguards.uid_test || operation["op"] != "test");
    let patch: Patch<K> = Patch::Json(serde_json::from_value(operations.into())?);
    Ok(api.patch(&object.name_any(), &PatchParams::default(), &patch).await?)
}
