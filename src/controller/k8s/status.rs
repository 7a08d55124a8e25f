//! Writes status: as a whole, under the `resourceVersion` that was read.
//!
//! This is the only place that writes status. The API server refuses a write from a stale cache, so such a write
//! never erases what a newer one recorded. The write replaces the status, so that nothing stays which another writer
//! put there: an apply leaves the fields of other field managers in place, and fails where they hold half of one.

use crate::api::FIELD_MANAGER;
use crate::controller::{Error, Result};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Writes the whole status of an object, and returns the object with it.
pub async fn write<K>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let (Some(uid), Some(version)) = (object.uid(), object.resource_version()) else {
        return Err(Error::Stale);
    };
    let operations = json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "test", "path": "/metadata/resourceVersion", "value": version },
        { "op": "add", "path": "/status", "value": status },
    ]);
    let patch: Patch<()> = Patch::Json(serde_json::from_value(operations)?);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    Ok(api.patch_status(&object.name_any(), &params, &patch).await?)
}
