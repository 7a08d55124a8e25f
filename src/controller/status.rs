//! The one way in which status is written: by server-side apply, under the resourceVersion that was
//! read. A write from a stale cache is refused by the API server instead of wiping what a newer
//! write recorded.

use super::{Error, Result};
use crate::api::FIELD_MANAGER;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Writes the whole status of an object and returns the object as it is then.
pub async fn write<K>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "name": object.name_any(),
            "namespace": object.namespace(),
            "resourceVersion": object.resource_version().ok_or(Error::Stale)?,
        },
        "status": status,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    Ok(api.patch_status(&object.name_any(), &params, &Patch::Apply(&body)).await?)
}
