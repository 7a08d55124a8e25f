//! Describes the objects that use a connection.

use crate::api::status::CommonStatus;
use crate::api::{ConditionType, Reason};
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
    /// Whether the object says that it is recorded in another place than the one to which the connection leads.
    pub moved: bool,
}

impl Dependent {
    /// Returns the object as a dependent of its connection.
    pub fn of<K: Managed>(object: &K) -> Self {
        let status = object.common_status();
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            recorded: status.upstream.is_some(),
            moved: is_moved(&status),
        }
    }
}

/// Returns whether status says that the object is recorded in another place than the one to which its
/// connection leads.
pub fn is_moved(status: &CommonStatus) -> bool {
    let ready = ConditionType::Ready.find(&status.conditions);
    ready.is_some_and(|ready| ready.reason == Reason::AccountChanged.as_str())
}
