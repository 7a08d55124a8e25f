//! Reads the metadata of a connection that an object names.

use crate::api::shared::{ConnectionKind, ConnectionRef};
use crate::api::{ClusterConnection, Connection};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Returns a reference to the connection for events about it; `None` when it does not exist.
pub async fn get(client: &Client, reference: &ConnectionRef, namespace: &str) -> kube::Result<Option<ObjectReference>> {
    match reference.kind {
        ConnectionKind::Connection => {
            get_from(Api::<Connection>::namespaced(client.clone(), namespace), &reference.name).await
        }
        ConnectionKind::ClusterConnection => {
            get_from(Api::<ClusterConnection>::all(client.clone()), &reference.name).await
        }
    }
}

async fn get_from<C>(api: Api<C>, name: &str) -> kube::Result<Option<ObjectReference>>
where
    C: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let Some(found) = api.get_metadata_opt(name).await? else { return Ok(None) };
    let meta = found.metadata;
    Ok(Some(ObjectReference {
        api_version: Some(C::api_version(&()).into_owned()),
        kind: Some(C::kind(&()).into_owned()),
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        ..ObjectReference::default()
    }))
}
