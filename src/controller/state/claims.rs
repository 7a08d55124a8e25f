//! Locks upstream objects within this process.
//!
//! From observation to write, a reconcile locks the upstream objects that its spec claims. Of two objects
//! that claim the same one and are reconciled at once, the second sees what the first did. A list that began before the
//! first one ended does not show that, so the end of each lock is remembered for a while.

use super::hash;
use super::recent::Recent;
use crate::api::ConnectionKey;
use crate::controller::kinds::managed::Managed;
use crate::upstream::registry;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One upstream object, as a spec names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// By the name that only one object of the collection can have.
    Name(ConnectionKey, &'static str, String),
    /// By its id.
    Id(ConnectionKey, &'static str, String),
    /// One that was found: its location, collection and id. Several connections may lead to it.
    Object(String, &'static str, String),
}

impl Claim {
    /// Returns what the spec of an object names.
    pub fn in_spec<K: Managed>(object: &K) -> Vec<Self> {
        let key = object.connection();
        let name = registry::unique_name(object.desired());
        let name = name.map(|(system, name)| Self::Name(key.clone(), system, name.to_owned()));
        let id = object.common().external_id.as_ref().map(|id| Self::Id(key, K::KIND, id.clone()));
        name.into_iter().chain(id).collect()
    }
}

/// How long the end of a lock is remembered: longer than a list may tell that nothing is there.
const REMEMBERED: Duration = Duration::from_mins(2);

/// The claims that are locked, and those that were.
#[derive(Debug, Default)]
pub struct ClaimLocks(Mutex<Locks>);

#[derive(Debug)]
struct Locks {
    /// The uid of the object that locked each claim.
    owners: HashMap<Claim, String>,
    /// The hashes of the claims whose last lock ended lately. Two that collide only make lists look older.
    ended: Recent<u64, ()>,
}

impl Default for Locks {
    fn default() -> Self {
        Self { owners: HashMap::new(), ended: Recent::new(REMEMBERED) }
    }
}

impl ClaimLocks {
    /// Locks these claims for an object; `None` when another object has locked one of them.
    pub fn try_lock(&self, claims: Vec<Claim>, uid: &str) -> Option<ClaimGuard<'_>> {
        let locked = &mut self.lock().owners;
        if claims.iter().any(|claim| locked.get(claim).is_some_and(|owner| owner != uid)) {
            return None;
        }
        let new: Vec<Claim> = claims.into_iter().filter(|claim| !locked.contains_key(claim)).collect();
        locked.extend(new.iter().map(|claim| (claim.clone(), uid.to_owned())));
        Some(ClaimGuard { locks: self, claims: new })
    }

    /// Returns when the last lock of one of these claims ended; `None` if that is long ago.
    #[must_use]
    pub fn last_end(&self, claims: &[Claim]) -> Option<Instant> {
        let locks = self.lock();
        claims.iter().filter_map(|claim| Some(locks.ended.get(&hash(claim))?.1)).max()
    }

    fn lock(&self) -> MutexGuard<'_, Locks> {
        // Each entry is inserted and removed whole, so a panic elsewhere leaves a valid map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locked claims. Dropping the guard releases them.
#[derive(Debug)]
pub struct ClaimGuard<'a> {
    locks: &'a ClaimLocks,
    claims: Vec<Claim>,
}

impl Drop for ClaimGuard<'_> {
    fn drop(&mut self) {
        let mut locks = self.locks.lock();
        for claim in self.claims.drain(..) {
            locks.owners.remove(&claim);
            locks.ended.note(hash(&claim), ());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Claim {
        let key = ConnectionKey { namespace: None, name: "c".to_owned() };
        Claim::Name(key, "ncloud/policy", name.to_owned())
    }

    #[test]
    fn lock_excludes_other_objects_until_dropped() {
        let claim_locks = ClaimLocks::default();
        let first = claim_locks.try_lock(vec![name("a"), name("b")], "1").unwrap();
        assert!(claim_locks.try_lock(vec![name("b"), name("c")], "2").is_none());
        assert!(claim_locks.try_lock(vec![name("c")], "2").is_some(), "a failed attempt locks nothing");
        drop(claim_locks.try_lock(vec![name("a")], "1").unwrap());
        assert!(claim_locks.try_lock(vec![name("a")], "2").is_none(), "the outer guard still locks");
        drop(first);
        assert!(claim_locks.try_lock(vec![name("a"), name("b")], "2").is_some());
    }

    #[test]
    fn end_of_a_lock_is_remembered_for_each_claim() {
        let claim_locks = ClaimLocks::default();
        let before = Instant::now();
        let first = claim_locks.try_lock(vec![name("a"), name("b")], "1");
        assert_eq!(claim_locks.last_end(&[name("a")]), None);
        drop(first);
        assert!(claim_locks.last_end(&[name("a")]).is_some_and(|ended| ended >= before));
        drop(claim_locks.try_lock(vec![name("b")], "2"));
        assert!(claim_locks.last_end(&[name("a"), name("b")]) > claim_locks.last_end(&[name("a")]));
        assert_eq!(claim_locks.last_end(&[name("c")]), None);
    }
}
