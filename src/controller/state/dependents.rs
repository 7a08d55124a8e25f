//! Describes the objects that use a connection.

use crate::api::status::CommonStatus;
use crate::api::{ConditionType, Reason, has_finalizer};
use crate::controller::kinds::managed::Managed;
use jiff::Timestamp;

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

/// How old an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Age {
    /// When it was created, by the second.
    pub created: Option<Timestamp>,
    /// Whether it has the finalizer, so that it may have an upstream object.
    pub is_begun: bool,
    /// Its uid.
    pub uid: String,
}

impl Age {
    /// Returns the age of an object.
    pub fn of<K: Managed>(object: &K) -> Self {
        let created = object.meta().creation_timestamp.as_ref().map(|time| time.0);
        Self { created, is_begun: has_finalizer(object), uid: object.uid().unwrap_or_default() }
    }

    /// Returns the order of objects, the oldest first. Of those of one second the ones come first that were begun.
    #[must_use]
    pub fn order(&self, is_counted: impl Fn(&str) -> bool) -> (Option<Timestamp>, bool, &str) {
        (self.created, !(self.is_begun || is_counted(&self.uid)), &self.uid)
    }
}

/// Returns whether status says that the object is recorded in another place than the one to which its
/// connection leads.
pub fn is_moved(status: &CommonStatus) -> bool {
    let ready = ConditionType::Ready.find(&status.conditions);
    ready.is_some_and(|ready| ready.reason == Reason::AccountChanged.as_str())
}
