//! Defines what the two connection kinds have in common.

use crate::api::connection::{AllowedNamespaces, ConnectionSpec, ConnectionStatus};
use crate::api::{ClusterConnection, Connection, ConnectionKey};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A connection kind.
pub trait ConnectionResource:
    Resource<DynamicType = ()> + ResourceExt + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The name of the kind.
    const KIND: &'static str;
    /// Whether its Secrets lie in the operator's namespace, where the operator may watch them.
    const SECRETS_IN_OPERATOR_NAMESPACE: bool;
    /// Returns endpoint, credentials and limits.
    fn spec(&self) -> &ConnectionSpec;
    /// Returns the namespaces whose objects may use the connection.
    fn allowed(&self) -> AllowedNamespaces;
    /// Returns what status says now.
    fn status(&self) -> ConnectionStatus;
    /// Returns whether the spec allows no namespace at all.
    fn allows_no_namespace(&self) -> bool {
        false
    }

    /// Returns the key by which policies find the connection.
    fn key(&self) -> ConnectionKey {
        ConnectionKey { namespace: self.namespace(), name: self.name_any() }
    }

    /// Returns whether one of the connection's Secrets has this name.
    fn reads_secret(&self, name: &str) -> bool {
        let spec = self.spec();
        let names = [
            spec.ncloud.as_ref().map(|ncloud| &ncloud.credentials_secret_ref.name),
            spec.spaceone.as_ref().map(|spaceone| &spaceone.token_secret_ref.name),
            spec.ca_bundle_secret_ref.as_ref().map(|reference| &reference.name),
        ];
        names.into_iter().flatten().any(|secret| secret == name)
    }
}

impl ConnectionResource for Connection {
    const KIND: &'static str = "Connection";
    const SECRETS_IN_OPERATOR_NAMESPACE: bool = false;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec
    }
    fn allowed(&self) -> AllowedNamespaces {
        AllowedNamespaces::default()
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unobserved)
    }
}

impl ConnectionResource for ClusterConnection {
    const KIND: &'static str = "ClusterConnection";
    const SECRETS_IN_OPERATOR_NAMESPACE: bool = true;
    fn spec(&self) -> &ConnectionSpec {
        &self.spec.connection
    }
    fn allowed(&self) -> AllowedNamespaces {
        self.spec.allowed_namespaces.clone().unwrap_or_default()
    }
    fn allows_no_namespace(&self) -> bool {
        let AllowedNamespaces { all, names } = self.allowed();
        all != Some(true) && names.is_none_or(|names| names.is_empty())
    }
    fn status(&self) -> ConnectionStatus {
        self.status.clone().unwrap_or_else(unobserved)
    }
}

fn unobserved() -> ConnectionStatus {
    ConnectionStatus { observed_generation: crate::api::status::unobserved_generation(), ..ConnectionStatus::default() }
}
