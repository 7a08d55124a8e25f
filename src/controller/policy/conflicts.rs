//! Several objects of one cluster that claim the same upstream object: the oldest wins, the others
//! say `Conflict` and write nothing.
//!
//! Two objects claim the same when they name the same connection and the same exclusive name, or the
//! same `externalId`. The claim stands in the spec, so it is known before anything exists upstream;
//! what bears a stamp already is decided by the stamp. Between the look and the write an object
//! holds a [`ClaimGuard`], so that of two objects that are reconciled at once one sees what the other did.

use super::reconciliation::Reconciliation;
use crate::api::shared::ManagementPolicy;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::Claim;
use crate::engine::{Observation, Ownership};
use crate::upstream::registry;
use jiff::Timestamp;

/// What to call an object to somebody in this namespace: what is in other namespaces is theirs to know.
pub fn called(kind: &str, namespace: &str, name: &str, here: &str) -> String {
    if namespace == here { format!("{kind} {namespace}/{name}") } else { format!("a {kind} of another namespace") }
}

/// The oldest object that claims what this one does, when there is an older one; what to call it. Whose
/// stamp an upstream object bears needs no claim.
pub fn contender<K: Managed>(this: &Reconciliation<'_, K>, found: &[Observation]) -> Option<String> {
    if found.iter().any(|seen| matches!(seen.owner, Ownership::Ours)) {
        return None;
    }
    let (me, connections) = (&this.object, &this.shared().connections);
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
    let (_, namespace, name) = this.shared().stores.collect(older).into_iter().min()?;
    let text = called(K::KIND, &namespace, &name, &this.namespace());
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

/// What the spec of an object claims.
pub fn claims_of<K: Managed>(object: &K) -> Vec<Claim> {
    let spec = object.common();
    let key = object.connection();
    let name = registry::unique_name(object.desired());
    let name = name.map(|(system, name)| Claim::Name(key.clone(), system, name.to_owned()));
    let id = spec.external_id.as_ref().map(|id| Claim::Id(key, K::KIND, id.clone()));
    name.into_iter().chain(id).collect()
}

/// The claim on the object that was found.
pub fn claim_on<K: Managed>(object: &K, id: &str) -> Claim {
    Claim::Id(object.connection(), K::KIND, id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_of_others_are_not_named() {
        assert_eq!(called("Policy", "team-a", "viewer", "team-a"), "Policy team-a/viewer");
        assert_eq!(called("Policy", "team-a", "viewer", "team-b"), "a Policy of another namespace");
    }
}
