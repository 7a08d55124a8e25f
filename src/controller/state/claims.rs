//! Locks upstream objects within this process.
//!
//! From observation to write, a reconcile locks the upstream objects that its spec claims. Of two objects
//! that claim the same one and are reconciled at once, the second sees what the first did.

use crate::api::ConnectionKey;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The claims that are locked, each with the uid of the object that locked it.
#[derive(Debug, Default)]
pub struct ClaimLocks(Mutex<HashMap<Claim, String>>);

impl ClaimLocks {
    /// Locks these claims for an object; `None` when another object has locked one of them.
    pub fn try_lock(&self, claims: Vec<Claim>, uid: &str) -> Option<ClaimGuard<'_>> {
        let mut locked = self.lock();
        if claims.iter().any(|claim| locked.get(claim).is_some_and(|owner| owner != uid)) {
            return None;
        }
        let new: Vec<Claim> = claims.into_iter().filter(|claim| !locked.contains_key(claim)).collect();
        locked.extend(new.iter().map(|claim| (claim.clone(), uid.to_owned())));
        Some(ClaimGuard { locks: self, claims: new })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Claim, String>> {
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
        let mut locked = self.locks.lock();
        for claim in &self.claims {
            locked.remove(claim);
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
}
