//! Several objects of one cluster that claim the same upstream object: the oldest wins, the others
//! say `Conflict` and write nothing.
//!
//! Two objects claim the same when they name the same connection and the same exclusive name, or the
//! same `externalId`. The claim stands in the spec, so it is known before anything exists upstream;
//! what bears a stamp already is decided by the stamp. Between the look and the write an object
//! holds a [`Stake`], so that of two objects that are reconciled at once one sees what the other did.

use super::case::Case;
use super::connections::ConnectionKey;
use super::managed::Managed;
use crate::api::shared::ManagementPolicy;
use crate::engine::{Ownership, Sighting};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What to call an object to somebody in this namespace: what is in other namespaces is theirs to know.
pub fn called(kind: &str, namespace: &str, name: &str, here: &str) -> String {
    if namespace == here { format!("{kind} {namespace}/{name}") } else { format!("a {kind} of another namespace") }
}

/// The oldest object that claims what this one does, when there is an older one; what to call it. Whose
/// stamp an upstream object bears needs no claim.
pub fn contender<K: Managed>(case: &Case<'_, K>, found: &[Sighting]) -> Option<String> {
    if found.iter().any(|seen| matches!(seen.owner, Ownership::Ours)) {
        return None;
    }
    let (me, connections) = (&case.object, &case.shared().connections);
    let (mine, my_age) = (claims_of(me), age(me));
    if mine.is_empty() {
        return None;
    }
    let older = |other: &K| {
        let namespace = other.namespace().unwrap_or_default();
        let rivals = age(other) < my_age
            && is_claimant(other)
            && claims_of(other).iter().any(|claim| mine.contains(claim))
            // Who may not use the connection has no say in what is behind it.
            && connections.resolve(&other.common().connection_ref, &namespace).is_ok();
        rivals.then(|| (age(other), namespace, other.name_any()))
    };
    let (_, namespace, name) = case.shared().stores.collect(older).into_iter().min()?;
    let text = called(K::KIND, &namespace, &name, &case.namespace());
    Some(text[..1].to_uppercase() + &text[1..])
}

/// An object that is deleted, suspended or only observes wants nothing.
fn is_claimant<K: Managed>(object: &K) -> bool {
    let spec = object.common();
    object.meta().deletion_timestamp.is_none() && !spec.suspend && spec.management_policy != ManagementPolicy::Observe
}

fn age<K: Managed>(object: &K) -> (Option<Timestamp>, Option<String>) {
    (object.meta().creation_timestamp.as_ref().map(|time| time.0), object.uid())
}

/// One upstream object, as a spec names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// By the one name that it can have in a collection.
    Name(ConnectionKey, &'static str, String),
    /// By its id.
    Id(ConnectionKey, &'static str, String),
}

/// What the spec of an object claims.
pub fn claims_of<K: Managed>(object: &K) -> Vec<Claim> {
    let spec = object.common();
    let key = object.connection();
    let name = object.wanted().exclusive_name();
    let name = name.map(|(system, name)| Claim::Name(key.clone(), system, name.to_owned()));
    let id = spec.external_id.as_ref().map(|id| Claim::Id(key, K::KIND, id.clone()));
    name.into_iter().chain(id).collect()
}

/// The claim on the object that was found.
pub fn claim_on<K: Managed>(object: &K, id: &str) -> Claim {
    Claim::Id(object.connection(), K::KIND, id.to_owned())
}

/// What is being looked at and perhaps written at this moment, and by which object.
#[derive(Debug, Default)]
pub struct Stakes(Mutex<HashMap<Claim, String>>);

impl Stakes {
    /// Keeps all others off these claims; `None` when another object does that to one of them.
    pub fn hold(&self, claims: Vec<Claim>, uid: &str) -> Option<Stake<'_>> {
        let mut held = self.lock();
        if claims.iter().any(|claim| held.get(claim).is_some_and(|holder| holder != uid)) {
            return None;
        }
        let new: Vec<Claim> = claims.into_iter().filter(|claim| !held.contains_key(claim)).collect();
        held.extend(new.iter().map(|claim| (claim.clone(), uid.to_owned())));
        Some(Stake { stakes: self, claims: new })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Claim, String>> {
        // Whole entries come and go, so a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Given up when dropped.
#[derive(Debug)]
pub struct Stake<'a> {
    stakes: &'a Stakes,
    claims: Vec<Claim>,
}

impl Drop for Stake<'_> {
    fn drop(&mut self) {
        let mut held = self.stakes.lock();
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
    fn what_one_object_holds_no_other_gets_until_it_is_given_up() {
        let stakes = Stakes::default();
        let first = stakes.hold(vec![name("a"), name("b")], "1").unwrap();
        assert!(stakes.hold(vec![name("b"), name("c")], "2").is_none());
        assert!(stakes.hold(vec![name("c")], "2").is_some(), "nothing is kept of a stake that failed");
        drop(stakes.hold(vec![name("a")], "1").unwrap());
        assert!(stakes.hold(vec![name("a")], "2").is_none(), "the outer stake still holds");
        drop(first);
        assert!(stakes.hold(vec![name("a"), name("b")], "2").is_some());
    }

    #[test]
    fn the_objects_of_others_are_not_named() {
        assert_eq!(called("Policy", "team-a", "viewer", "team-a"), "Policy team-a/viewer");
        assert_eq!(called("Policy", "team-a", "viewer", "team-b"), "a Policy of another namespace");
    }
}
