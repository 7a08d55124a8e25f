//! The description of a collection for the client. Each collection defines its own.

use crate::upstream::http::{Effect, Purpose};

/// How the API names and treats the objects of one collection.
#[derive(Debug)]
pub(super) struct ResourceApi {
    /// The collection's name in logs, metrics and status.
    pub(super) system: &'static str,
    /// The service of its API.
    pub(super) service: &'static str,
    /// The name of one object in paths.
    pub(super) singular: &'static str,
    /// The name of several objects in paths.
    pub(super) plural: &'static str,
    /// The name in the REST path that reads one object.
    pub(super) rest_get: &'static str,
    /// The name in the REST paths that change or delete one object.
    pub(super) rest_change: &'static str,
    /// The call of the console API that deletes one object.
    pub(super) console_delete: &'static str,
    /// The field of requests and responses with the id.
    pub(super) id_field: &'static str,
    /// The names of its operations.
    pub(super) operations: &'static [(Verb, &'static str)],
    /// The error code that always means the absence of an object.
    pub(super) absence_code: Option<&'static str>,
    /// Which servers offer it, if not all do.
    pub(super) offered_by: Option<&'static str>,
    /// The part of the server that its calls name.
    pub(super) scope: Scope,
    /// Whether queries take a list of aggregate stages, and in the `Verb` and `Console` APIs a list of
    /// sort keys, instead of one.
    pub(super) queries_with_lists: bool,
    /// Whether every server that has the collection implements `stat`.
    pub(super) always_has_stat: bool,
}

/// The part of the server that the calls of a collection name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// None.
    Server,
    /// The domain. Some servers search all domains without it.
    Domain,
    /// The domain, and in reads the repository. The server changes policies of its local repository only.
    Repository,
}

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// Creates an object.
    Create,
    /// Changes an object.
    Update,
    /// Deletes an object.
    Delete,
    /// Reads an object.
    Get,
    /// Lists objects.
    List,
    /// Counts objects.
    Stat,
    /// Protects fields of an object from updates.
    PinData,
}

impl ResourceApi {
    /// Returns the purpose of a call.
    pub(super) fn purpose(&self, verb: Verb) -> Purpose {
        let named = self.operations.iter().find(|(operation, _)| *operation == verb);
        let operation = named.map_or(verb.path_segment(), |(_, name)| name);
        Purpose { system: self.system, operation, effect: verb.effect() }
    }
}

impl Verb {
    /// Returns the call in a path.
    pub(super) fn path_segment(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::List => "list",
            Self::Stat => "stat",
            Self::PinData => "pin-data",
        }
    }

    fn effect(self) -> Effect {
        match self {
            Self::Create | Self::Update | Self::Delete | Self::PinData => Effect::Write,
            Self::Get | Self::List | Self::Stat => Effect::Read,
        }
    }
}
