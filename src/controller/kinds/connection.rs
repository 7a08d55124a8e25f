//! The kinds of connections.

use crate::api::ConnectionKey;
use crate::api::connection::{AllowedNamespaces, ConnectionSpec, ConnectionStatus};
use crate::api::{ClusterConnection, Connection};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A kind of connection.
pub trait ConnectionResource:
    Resource<DynamicType = ()> + ResourceExt + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The kind's name.
    const KIND: &'static str;
    /// Whether its Secrets lie in the operator's namespace, where they may be watched.
    const SECRETS_ARE_OURS: bool;
    /// Endpoint, credentials and limits.
    fn spec(&self) -> &ConnectionSpec;
    /// Who may use it.
    fn allowed(&self) -> AllowedNamespaces;
    /// What status says now.
    fn status(&self) -> ConnectionStatus;
    /// The API it lives in.
    fn api(&self, client: Client) -> Api<Self>;

    /// How policies find it.
    fn key(&self) -> ConnectionKey {
        ConnectionKey { namespace: self.namespace(), name: self.name_any() }
    }
}

impl ConnectionResource for Connection {
    const KIND: &'static str = "Connection";
    const SECRETS_ARE_OURS: bool = false;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec
    }
    fn allowed(&self) -> AllowedNamespaces {
        AllowedNamespaces::default()
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unseen)
    }
    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl ConnectionResource for ClusterConnection {
    const KIND: &'static str = "ClusterConnection";
    const SECRETS_ARE_OURS: bool = true;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec.connection
    }
    fn allowed(&self) -> AllowedNamespaces {
        self.spec.allowed_namespaces.clone().unwrap_or_default()
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unseen)
    }
    fn api(&self, client: Client) -> Api<Self> {
        Api::all(client)
    }
}

fn unseen() -> ConnectionStatus {
    ConnectionStatus { observed_generation: crate::api::status::unseen(), ..ConnectionStatus::default() }
}
