//! Keeps what this process remembers. A restart loses nothing that matters.
//!
//! | file | contents |
//! | --- | --- |
//! | [`accounts`] | the open upstream account of each connection, and why one is unavailable |
//! | [`approvals`] | the approvals of changes, and what was seen in force |
//! | [`bounds`] | the guardrails of each connection, and whether it requires approvals |
//! | [`claimants`] | which cached objects claim the same upstream object |
//! | [`claims`] | locks on upstream objects |
//! | [`dependents`] | the objects that use a connection |
//! | [`footprint`] | what the operator itself writes into an object, to notice what others take away |
//! | [`heartbeats`] | whether the controllers make progress |
//! | [`memories`] | all memories by uid, to forget an object in each of them |
//! | [`observations`] | when each object was last read and written, and whether it drifts |
//! | [`settling`] | the writes that reads may not show yet |
//! | `recent` | facts that are remembered for a while |
//! | [`records`] | the finalizer and the record of each object, as this process wrote them last |
//! | [`places`] | where each upstream object is, as the annotation says |
//! | [`stores`] | the caches of the managed kinds |
//! | [`tagged`] | an upstream object that has or had our owner tag |
//! | [`written_tags`] | the owner tags that reads may not show yet |
//!
//! Nothing here holds a `kube::Client`, waits or writes: the flows in `policy` and `connection` do.

pub mod accounts;
pub mod approvals;
pub mod bounds;
pub mod claimants;
pub mod claims;
pub mod dependents;
pub mod footprint;
pub mod heartbeats;
pub mod memories;
pub mod observations;
pub mod places;
mod recent;
pub mod records;
pub mod settling;
pub mod stores;
pub mod tagged;
pub mod written_tags;

use std::hash::{DefaultHasher, Hash, Hasher};

/// Returns a hash of a value that is only compared within this process.
fn hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
