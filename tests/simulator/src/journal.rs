//! What was asked of a simulator, in order, and whether it changed anything.
//!
//! The journal is the oracle of "no writes in steady state" and "exactly one create": an entry has
//! `effect` only when the upstream carried the write out, also when the answer was then lost.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sync::lock;

/// Which simulator an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// NAVER Cloud Sub Account.
    Ncloud,
    /// SpaceONE.
    Spaceone,
}

/// What a request asks for, independent of how the upstream spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// Make an object.
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
    /// NAVER Cloud: judge a policy without storing it.
    Validate,
    /// NAVER Cloud: who holds the policy.
    Resources,
    /// NAVER Cloud: read a policy's tags.
    TagsGet,
    /// NAVER Cloud: add a tag.
    TagsAdd,
    /// NAVER Cloud: remove a tag.
    TagsRemove,
    /// NAVER Cloud: give policies to a sub account, group or role.
    Attach,
    /// NAVER Cloud: take policies from a sub account, group or role.
    Detach,
    /// Everything else, unknown paths included.
    Other,
}

/// Which collection a request speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Collection {
    /// Policies of either upstream.
    Policy,
    /// SpaceONE network policies.
    NetworkPolicy,
    /// Everything else: repositories, zones, regions, unknown paths.
    Other,
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Position in the journal, from 1.
    pub seq: u64,
    /// When, by the simulator's clock.
    pub at: Timestamp,
    /// Which simulator.
    pub system: System,
    /// HTTP method.
    pub method: String,
    /// Request target as received.
    pub target: String,
    /// What was asked.
    pub operation: Operation,
    /// Of which collection.
    pub collection: Collection,
    /// The object it is about; for a create, the object that came into being.
    pub object_id: Option<String>,
    /// The status the client was sent; `None` when it got no answer.
    pub status: Option<u16>,
    /// The request body as text.
    pub request_body: String,
    /// Whether a write was accepted and carried out.
    pub effect: bool,
}

/// A shared list of entries; clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    last: u64,
    entries: Vec<Entry>,
}

impl Journal {
    /// Every entry so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        lock(&self.0).entries.clone()
    }

    /// The entries of writes that the upstream carried out.
    #[must_use]
    pub fn writes(&self) -> Vec<Entry> {
        lock(&self.0).entries.iter().filter(|entry| entry.effect).cloned().collect()
    }

    /// How many requests asked for `operation`, carried out or not.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        lock(&self.0).entries.iter().filter(|entry| entry.operation == operation).count()
    }

    /// How many writes of this kind the upstream carried out.
    #[must_use]
    pub fn effects(&self, operation: Operation) -> usize {
        lock(&self.0).entries.iter().filter(|entry| entry.effect && entry.operation == operation).count()
    }

    /// Forgets all entries; numbering goes on.
    pub fn clear(&self) {
        lock(&self.0).entries.clear();
    }

    /// Whether both are handles to the same journal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Appends, numbering the entry.
    pub(crate) fn push(&self, mut entry: Entry) {
        let mut pages = lock(&self.0);
        pages.last += 1;
        entry.seq = pages.last;
        pages.entries.push(entry);
    }
}
