//! Reads the metadata of one object of a kind that the operator may list and not get.

use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Returns the metadata of the object with this name; `None` if it does not exist.
pub async fn find<K>(api: &Api<K>, name: &str) -> kube::Result<Option<PartialObjectMeta<K>>>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let named = ListParams::default().fields(&format!("metadata.name={name}"));
    Ok(api.list_metadata(&named).await?.items.into_iter().next())
}
