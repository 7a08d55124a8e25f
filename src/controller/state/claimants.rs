//! Tells which cached objects claim the same upstream object, without a look at each of them.
//!
//! Before the operator creates an upstream object, it looks for another Kubernetes object that claims the same upstream
//! object. Each store has a [`Claimants`]. The watch hands each event to it before it hands the event to the store, so it
//! knows each claim that the store shows. It may also know claims that the store does not show yet or no longer shows: a
//! match says only that the operator must look at the objects themselves.

use super::claims::Claim;
use super::hash;
use crate::controller::kinds::managed::Managed;
use kube::Resource;
use kube::core::DeserializeGuard;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The claims in the specs of the objects of one store.
#[derive(Debug, Default)]
pub struct Claimants(Mutex<Index>);

/// Claims and uids are kept as hashes. Two that collide lead to a look that finds nothing.
#[derive(Debug, Default)]
struct Index {
    /// The claims of each object, by uid.
    claims: HashMap<u64, Vec<u64>>,
    /// Each claim with the uid of an object that makes it.
    claimants: BTreeSet<(u64, u64)>,
    /// The objects of a list that is under way.
    listed: HashSet<u64>,
}

impl Claimants {
    /// Keeps the claims of an object, as its spec is now.
    pub fn keep<K: Managed>(&self, object: &DeserializeGuard<K>) {
        self.lock().keep(object);
    }

    /// Forgets an object that is gone.
    pub fn forget<K: Resource>(&self, object: &K) {
        self.lock().forget(uid_of(object));
    }

    /// A new list begins. The store shows the objects of the earlier one until it ends.
    pub fn begin_list(&self) {
        self.lock().listed.clear();
    }

    /// Keeps the claims of an object of the list.
    pub fn list<K: Managed>(&self, object: &DeserializeGuard<K>) {
        let mut index = self.lock();
        index.listed.insert(uid_of(object));
        index.keep(object);
    }

    /// The list is complete: objects that it does not contain are gone.
    pub fn end_list(&self) {
        self.lock().forget_unlisted();
    }

    /// Returns whether an object with another uid makes one of these claims.
    #[must_use]
    pub fn has_rival(&self, claims: &[Claim], uid: &str) -> bool {
        let (index, uid) = (self.lock(), hash(uid));
        let rivals = |claim: u64| index.claimants.range((claim, 0)..=(claim, u64::MAX)).any(|(_, other)| *other != uid);
        claims.iter().map(hash).any(rivals)
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn keep<K: Managed>(&mut self, object: &DeserializeGuard<K>) {
        let uid = uid_of(object);
        self.forget(uid);
        // An object that cannot be read claims nothing.
        let claims: Vec<u64> = object.0.as_ref().map_or_else(|_| Vec::new(), |object| hashes(&Claim::in_spec(object)));
        if !claims.is_empty() {
            self.claimants.extend(claims.iter().map(|claim| (*claim, uid)));
            self.claims.insert(uid, claims);
        }
    }

    fn forget(&mut self, uid: u64) {
        for claim in self.claims.remove(&uid).unwrap_or_default() {
            self.claimants.remove(&(claim, uid));
        }
    }

    /// Forgets the objects that are not in a list that is complete.
    fn forget_unlisted(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        self.claims.retain(|uid, _| listed.contains(uid));
        self.claimants.retain(|(_, uid)| listed.contains(uid));
    }
}

fn uid_of<K: Resource>(object: &K) -> u64 {
    hash(object.meta().uid.as_deref().unwrap_or_default())
}

fn hashes(claims: &[Claim]) -> Vec<u64> {
    claims.iter().map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Policy;
    use serde_json::json;

    fn policy(uid: &str, name: &str, external_id: Option<&str>) -> DeserializeGuard<Policy> {
        let policy = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Policy",
            "metadata": { "name": uid, "namespace": "team-a", "uid": uid },
            "spec": {
                "connectionRef": { "name": "c" }, "externalId": external_id,
                "ncloud": { "policyName": name, "permissions": [] },
            },
        });
        DeserializeGuard(Ok(serde_json::from_value(policy).unwrap()))
    }

    fn unreadable(uid: &str) -> DeserializeGuard<Policy> {
        let policy = json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy",
            "metadata": { "name": uid, "namespace": "team-a", "uid": uid }, "spec": 1,
        });
        serde_json::from_value(policy).unwrap()
    }

    fn claims(object: &DeserializeGuard<Policy>) -> Vec<Claim> {
        Claim::in_spec(object.0.as_ref().unwrap())
    }

    /// Whether an object that `2` is not claims what `2` claims.
    fn rivals(claimants: &Claimants) -> bool {
        claimants.has_rival(&claims(&policy("2", "viewer", None)), "2")
    }

    #[test]
    fn rival_is_another_object_with_the_same_claim() {
        let claimants = Claimants::default();
        claimants.keep(&policy("2", "viewer", None));
        claimants.keep(&policy("3", "editor", Some("77")));
        assert!(!rivals(&claimants), "its own claim is no rival");
        claimants.keep(&policy("1", "viewer", None));
        assert!(rivals(&claimants));
        assert!(claimants.has_rival(&claims(&policy("4", "other", Some("77"))), "4"), "by the id");
    }

    #[test]
    fn claim_ends_with_the_spec_or_the_object() {
        let claimants = Claimants::default();
        let ends: [fn(&Claimants); 3] = [
            |claimants| claimants.keep(&policy("1", "editor", None)),
            |claimants| claimants.keep(&unreadable("1")),
            |claimants| claimants.forget(&policy("1", "viewer", None)),
        ];
        for (index, end) in ends.into_iter().enumerate() {
            claimants.keep(&policy("1", "viewer", None));
            assert!(rivals(&claimants));
            end(&claimants);
            assert!(!rivals(&claimants), "{index}");
        }
        let index = claimants.lock();
        assert!(index.claims.is_empty() && index.claimants.is_empty(), "{index:?}");
    }

    #[test]
    fn claim_stays_during_a_list_and_ends_with_it() {
        let claimants = Claimants::default();
        claimants.keep(&policy("1", "viewer", None));
        claimants.begin_list();
        claimants.list(&policy("3", "editor", None));
        assert!(rivals(&claimants), "the store still shows the object");
        // The watch failed, and a new list begins.
        claimants.begin_list();
        claimants.list(&policy("1", "viewer", None));
        claimants.end_list();
        assert!(rivals(&claimants));
        assert!(!claimants.has_rival(&claims(&policy("4", "editor", None)), "4"), "the new list has no such object");
        claimants.begin_list();
        claimants.end_list();
        assert!(!rivals(&claimants));
        assert!(claimants.lock().claimants.is_empty());
    }
}
