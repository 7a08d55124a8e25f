//! Locks upstream objects within this process.

use crate::api::ConnectionKey;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One upstream object, as a spec names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// By the one name that it can have in a collection.
    Name(ConnectionKey, &'static str, String),
    /// By its id.
    Id(ConnectionKey, &'static str, String),
}

/// What is being looked at and perhaps written at this moment, and by which object.
#[derive(Debug, Default)]
pub struct ClaimLocks(Mutex<HashMap<Claim, String>>);

impl ClaimLocks {
    /// Keeps all others off these claims; `None` when another object does that to one of them.
    pub fn try_lock(&self, claims: Vec<Claim>, uid: &str) -> Option<ClaimGuard<'_>> {
        let mut held = self.lock();
        if claims.iter().any(|claim| held.get(claim).is_some_and(|holder| holder != uid)) {
            return None;
        }
        let new: Vec<Claim> = claims.into_iter().filter(|claim| !held.contains_key(claim)).collect();
        held.extend(new.iter().map(|claim| (claim.clone(), uid.to_owned())));
        Some(ClaimGuard { locks: self, claims: new })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Claim, String>> {
        // Whole entries come and go, so a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given up when dropped.
#[derive(Debug)]
pub struct ClaimGuard<'a> {
    locks: &'a ClaimLocks,
    claims: Vec<Claim>,
}

impl Drop for ClaimGuard<'_> {
    fn drop(&mut self) {
        let mut held = self.locks.lock();
        for claim in &self.claims {
            held.remove(claim);
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
