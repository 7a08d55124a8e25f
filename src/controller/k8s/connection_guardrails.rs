//! Reads the guardrails of a connection that an object names, as the API server has them now.

use crate::api::guardrails::Guardrail;
use crate::api::shared::{ConnectionKind, ConnectionRef};
use crate::api::{ClusterConnection, Connection};
use kube::{Api, Client};

/// Returns the rules; `None` if the connection does not exist.
pub async fn get(client: &Client, reference: &ConnectionRef, namespace: &str) -> kube::Result<Option<Vec<Guardrail>>> {
    let (name, client) = (&reference.name, client.clone());
    let spec = match reference.kind {
        ConnectionKind::Connection => {
            Api::<Connection>::namespaced(client, namespace).get_opt(name).await?.map(|found| found.spec)
        }
        ConnectionKind::ClusterConnection => {
            Api::<ClusterConnection>::all(client).get_opt(name).await?.map(|found| found.spec.connection)
        }
    };
    Ok(spec.map(|spec| spec.guardrails.unwrap_or_default()))
}
