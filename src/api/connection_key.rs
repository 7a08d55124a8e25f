//! The identity of a connection.

use super::shared::{ConnectionKind, ConnectionRef};
use std::fmt;

/// Identifies a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// The namespace of a `Connection`; a `ClusterConnection` has none.
    pub namespace: Option<String>,
    /// The name of the connection.
    pub name: String,
}

impl ConnectionKey {
    /// Returns the connection that an object in `namespace` references. An object cannot reference a
    /// `Connection` of another namespace.
    #[must_use]
    pub fn of(reference: &ConnectionRef, namespace: &str) -> Self {
        let namespace = match reference.kind {
            ConnectionKind::Connection => Some(namespace.to_owned()),
            ConnectionKind::ClusterConnection => None,
        };
        Self { namespace, name: reference.name.clone() }
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "Connection {namespace}/{}", self.name),
            None => write!(f, "ClusterConnection {}", self.name),
        }
    }
}
