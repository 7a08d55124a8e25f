//! Identifies a connection from wherever an object names it.

use super::shared::{ConnectionKind, ConnectionRef};
use std::fmt;

/// Which connection: a `ClusterConnection` has no namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// The namespace of a `Connection`.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ConnectionKey {
    /// What a reference names, seen from a namespace: there is no way to name a `Connection`
    /// of another namespace.
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
