//! Adds and removes the finalizer, and with it the annotation that records the place of the upstream object.
//!
//! The patches carry `uid` and `resourceVersion`. So they never change an object that was deleted and created again
//! under the same name, or that changed meanwhile. They replace the list of finalizers, and merge the annotation: the
//! operator does not read the annotations of others. A refusal, such as that of an admission policy, is
//! [`Error::Refused`].

use super::{metadata, size_limit};
use crate::api::FINALIZER;
use crate::api::recorded_place::RECORDED_UPSTREAM;
use crate::controller::settings::Safeguards;
use crate::controller::{Error, Result};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// Adds our finalizer and, if the place of the upstream object is known, the annotation. Returns the object with both.
pub async fn add<K>(api: &Api<K>, object: &K, place: Option<&str>, safeguards: Safeguards) -> Result<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let mut finalizers = all(api, object).await?;
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    finalizers.push(FINALIZER.to_owned());
    let mut change = json!({ "finalizers": finalizers });
    if let Some(place) = place {
        change["annotations"] = json!({ RECORDED_UPSTREAM: place });
    }
    patch(api, object, change, safeguards).await
}

/// Removes our finalizer and the annotation, so that the API server can delete the object.
pub async fn remove<K>(api: &Api<K>, object: &K, safeguards: Safeguards) -> Result<()>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let mut finalizers = all(api, object).await?;
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    let mut change = json!({ "finalizers": finalizers });
    if object.annotations().contains_key(RECORDED_UPSTREAM) {
        change["annotations"] = json!({ RECORDED_UPSTREAM: null });
    }
    patch(api, object, change, safeguards).await.map(drop)
}

/// Removes the annotation, and returns the object without it.
pub async fn forget_place<K>(api: &Api<K>, object: &K, safeguards: Safeguards) -> Result<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    patch(api, object, json!({ "annotations": { RECORDED_UPSTREAM: null } }), safeguards).await
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
    let whole = metadata::find(api, &object.name_any()).await?.ok_or(Error::Stale)?;
    Ok(whole.finalizers().to_vec())
}

async fn patch<K>(api: &Api<K>, object: &K, mut metadata: Value, safeguards: Safeguards) -> Result<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Serialize,
{
    let (Some(uid), Some(version)) = (object.uid(), object.resource_version()) else {
        return Err(Error::Stale);
    };
    if safeguards.uid_test {
        metadata["uid"] = uid.into();
        metadata["resourceVersion"] = version.into();
    }
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    api.patch(&object.name_any(), &PatchParams::default(), &patch).await.map_err(refused)
}

/// Tells a refusal from other failures: admission policies and webhooks answer 403 or 422, and so does the API server if
/// a right is missing. A patch whose `uid` or `resourceVersion` is not that of the object is a conflict.
fn refused(error: kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if matches!(status.code, 403 | 422) => Error::Refused(status.message.clone()),
        error => error.into(),
    }
}
