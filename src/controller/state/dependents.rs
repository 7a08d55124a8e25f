//! Describes the objects that use a connection.

use crate::controller::kinds::managed::Managed;

/// An object that names a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// The kind of the object.
    pub kind: &'static str,
    /// The namespace of the object.
    pub namespace: String,
    /// The name of the object.
    pub name: String,
    /// Whether status records an upstream object, which only this connection reaches.
    pub recorded: bool,
}

impl Dependent {
    /// Returns the object as a dependent of its connection.
    pub fn of<K: Managed>(object: &K) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            recorded: object.status_draft().common.upstream.is_some(),
        }
    }
}
