//! The objects that use a connection.

use crate::controller::kinds::managed::Managed;

/// An object that names a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// Whether something upstream is recorded that only this connection reaches.
    pub recorded: bool,
}

impl User {
    /// The object as a user of its connection.
    pub fn of<K: Managed>(object: &K) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            recorded: object.report().common.upstream.is_some(),
        }
    }
}
