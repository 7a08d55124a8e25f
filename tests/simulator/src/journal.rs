//! The requests to a simulator in order, and whether each of them changed the state.
//!
//! The journal is the oracle for "no writes in steady state" and "exactly one create". An entry has
//! `effect` only when the upstream carried out the write, even when the answer was lost afterwards.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sync::lock;

/// The simulator that an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// NAVER Cloud Sub Account.
    Ncloud,
    /// SpaceONE.
    Spaceone,
}

/// The operation of a request, independent of the upstream's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Create an object.
    Create,
    /// Change an object.
    Update,
    /// Remove one object or several.
    Delete,
    /// SpaceONE: protect fields of a network policy from collectors.
    PinData,
    /// Read one object.
    Get,
    /// Read many objects.
    List,
    /// Count and group objects.
    Stat,
    /// NAVER Cloud: validate a policy without storing it.
    Validate,
    /// NAVER Cloud: list the principals that the policy is attached to.
    Resources,
    /// NAVER Cloud: read a policy's tags.
    TagsGet,
    /// NAVER Cloud: add a tag.
    TagsAdd,
    /// NAVER Cloud: remove a tag.
    TagsRemove,
    /// NAVER Cloud: attach policies to a sub account, group or role.
    Attach,
    /// NAVER Cloud: detach policies from a sub account, group or role.
    Detach,
    /// Any other operation, unknown paths included.
    Other,
}

impl Operation {
    /// Returns whether a request of an operator for this may change something.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::Create | Self::Update | Self::Delete | Self::PinData | Self::TagsAdd | Self::TagsRemove => true,
            Self::Get
            | Self::List
            | Self::Stat
            | Self::Validate
            | Self::Resources
            | Self::TagsGet
            | Self::Attach
            | Self::Detach
            | Self::Other => false,
        }
    }
}

/// The collection that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Collection {
    /// Policies of either upstream.
    Policy,
    /// SpaceONE network policies.
    NetworkPolicy,
    /// Any other collection: repositories, zones, regions, unknown paths.
    Other,
}

/// One request and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The position in the journal, from 1.
    pub seq: u64,
    /// The time by the simulator's clock.
    pub at: Timestamp,
    /// The simulator.
    pub system: System,
    /// The HTTP method.
    pub method: String,
    /// The request target as received.
    pub target: String,
    /// The operation.
    pub operation: Operation,
    /// The collection.
    pub collection: Collection,
    /// The id of the object; for a create, the id of the created object.
    pub object_id: Option<String>,
    /// The status that the client got; `None` without an answer.
    pub status: Option<u16>,
    /// The request body as text.
    pub request_body: String,
    /// Whether the upstream carried out a write.
    pub effect: bool,
}

/// A shared list of entries. Clones are handles to the same list.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    last: u64,
    entries: Vec<Entry>,
}

impl Journal {
    /// Returns all entries.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.0).entries.clone()
    }

    /// Returns the entries of the writes that the upstream carried out.
    #[must_use]
    pub fn writes(&self) -> Vec<Entry> {
        lock(&self.0).entries.iter().filter(|entry| entry.effect).cloned().collect()
    }

    /// Returns the number of entries, without a copy of them.
    #[must_use]
    pub fn total(&self) -> usize {
        lock(&self.0).entries.len()
    }

    /// Returns the number of requests for `operation`, carried out or not.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        lock(&self.0).entries.iter().filter(|entry| entry.operation == operation).count()
    }

    /// Returns the number of writes of this kind that the upstream carried out.
    #[must_use]
    pub fn effects(&self, operation: Operation) -> usize {
        lock(&self.0).entries.iter().filter(|entry| entry.effect && entry.operation == operation).count()
    }

    /// Removes all entries. The numbering continues.
    pub fn clear(&self) {
        lock(&self.0).entries.clear();
    }

    /// Returns true if both are handles to the same journal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Numbers the entry and appends it.
    pub(crate) fn push(&self, mut entry: Entry) {
        let mut pages = lock(&self.0);
        pages.last += 1;
        entry.seq = pages.last;
        pages.entries.push(entry);
    }
}
