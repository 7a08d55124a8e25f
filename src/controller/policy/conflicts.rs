//! Finds objects of this cluster that claim the same upstream object: the oldest wins, the others report
//! `Conflict` and write nothing.
//!
//! Two objects claim the same when they name the same connection and the same unique name, or the same
//! `externalId`. The spec contains the claim, so it is known before anything exists upstream. An owner tag
//! that is upstream already decides without claims.

use super::ownership::display_name;
use super::reconciliation::Reconciliation;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::Claim;
use crate::engine::{Observation, Ownership};
use crate::upstream::registry;
use jiff::Timestamp;

/// Returns the display name of the oldest object that has one of this object's claims and is older.
pub fn contender<K: Managed>(this: &Reconciliation<'_, K>, found: &[Observation]) -> Option<String> {
    if found.iter().any(|observed| matches!(observed.owner, Ownership::Ours)) {
        return None;
    }
    let (me, accounts) = (&this.object, &this.shared().accounts);
    let (mine, my_age) = (claims_of(me), age(me));
    if mine.is_empty() {
        return None;
    }
    let older = |other: &K| {
        let namespace = other.namespace().unwrap_or_default();
        let contends = age(other) < my_age
            && writes(other)
            && claims_of(other).iter().any(|claim| mine.contains(claim))
            // An object that may not use the connection has no claim on the upstream objects behind it.
            && accounts.resolve(&other.common().connection_ref, &namespace).is_ok();
        contends.then(|| (age(other), namespace, other.name_any()))
    };
    let (_, namespace, name) = this.shared().stores.collect(older).into_iter().min()?;
    let text = display_name(K::KIND, &namespace, &name, &this.namespace());
    Some(text[..1].to_uppercase() + &text[1..])
}

/// Returns whether the operator writes upstream for this object: not while it is deleted, suspended or only
/// observes.
fn writes<K: Managed>(object: &K) -> bool {
    !object.is_deleted() && !object.common().suspend && !object.only_observes()
}

fn age<K: Managed>(object: &K) -> (Option<Timestamp>, Option<String>) {
    (object.meta().creation_timestamp.as_ref().map(|time| time.0), object.uid())
}

/// Returns the claims of an object's spec.
pub fn claims_of<K: Managed>(object: &K) -> Vec<Claim> {
    let key = object.connection();
    let name = registry::unique_name(object.desired());
    let name = name.map(|(system, name)| Claim::Name(key.clone(), system, name.to_owned()));
    let id = object.common().external_id.as_ref().map(|id| Claim::Id(key, K::KIND, id.clone()));
    name.into_iter().chain(id).collect()
}

/// Returns the claim on an upstream object that was found.
pub fn claim_on<K: Managed>(object: &K, id: &str) -> Claim {
    Claim::Id(object.connection(), K::KIND, id.to_owned())
}
