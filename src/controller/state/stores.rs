//! The objects of the policy kinds, as the watches keep them: one store for each namespace in scope,
//! or one for all.

use super::dependents::User;
use crate::api::ConnectionKey;
use crate::api::{NetworkPolicy, Policy};
use crate::controller::kinds::managed::Managed;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The objects of one kind.
pub type StoreOf<K> = Store<DeserializeGuard<K>>;

/// Whether a store was filled once. Not asked of the store itself, which can wake only one waiter:
/// its controller.
pub type Complete = Arc<AtomicBool>;

/// All of them.
#[derive(Default)]
pub struct Stores {
    /// The policies.
    pub policies: Vec<StoreOf<Policy>>,
    /// The network policies.
    pub network_policies: Vec<StoreOf<NetworkPolicy>>,
    /// Of each of these stores, whether it was filled once.
    pub complete: Vec<Complete>,
}

impl Stores {
    /// Whether they hold all that there is.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.complete.iter().all(|complete| complete.load(Ordering::Acquire))
    }

    /// What `take` finds in every object of a kind.
    pub fn collect<K: Managed, T>(&self, take: impl Fn(&K) -> Option<T>) -> Vec<T> {
        let objects = K::stores(self).iter().flat_map(Store::state);
        objects.filter_map(|object| object.0.as_ref().ok().and_then(&take)).collect()
    }

    /// The objects of a kind that name this connection.
    pub fn users<K: Managed>(&self, key: &ConnectionKey) -> Vec<User> {
        self.collect(|object: &K| (object.connection() == *key).then(|| User::of(object)))
    }

    /// How many objects name each connection; `None` until all objects are known.
    #[must_use]
    pub fn usage(&self) -> Option<HashMap<ConnectionKey, usize>> {
        if !self.are_complete() {
            return None;
        }
        let mut named = self.collect(|object: &Policy| Some(object.connection()));
        named.extend(self.collect(|object: &NetworkPolicy| Some(object.connection())));
        let mut counts = HashMap::new();
        for key in named {
            *counts.entry(key).or_default() += 1;
        }
        Some(counts)
    }
}
