//! Keeps the caches of the managed kinds: one reflector store for each watched namespace, or one for
//! the whole cluster.

use super::claimants::Claimants;
use super::claims::Claim;
use super::dependents::{self, Age, Dependent};
use crate::api::ConnectionKey;
use crate::controller::kinds::managed::Managed;
use crate::engine::deletions::Deletion;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The cached objects of one kind in one scope.
pub type StoreOf<K> = Store<DeserializeGuard<K>>;

/// Whether the first list of a store is complete. The store itself cannot tell: it wakes one waiter only,
/// which is its controller.
pub type Complete = Arc<AtomicBool>;

/// How many objects use a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UsageCount {
    /// All of them.
    pub dependents: usize,
    /// Those that are recorded in another place than the one to which the connection leads.
    pub moved: usize,
}

/// The stores of all managed kinds.
#[derive(Default)]
pub struct Stores {
    /// In the order of registration.
    kinds: Vec<(TypeId, Box<dyn AnyStore>)>,
    complete: Vec<Complete>,
}

/// The stores of one kind, without its type.
trait AnyStore: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn connections(&self) -> Vec<(ConnectionKey, bool)>;
    fn uids(&self) -> Vec<String>;
    fn dependents(&self, key: &ConnectionKey) -> Vec<Dependent>;
    fn users(&self, key: &ConnectionKey) -> Vec<String>;
    fn pending_deletions(&self, key: &ConnectionKey) -> Vec<Deletion>;
    fn ages(&self, key: &ConnectionKey, namespace: &str) -> Vec<Age>;
}

struct KindStores<K: Managed> {
    stores: Vec<StoreOf<K>>,
    /// What the objects of each store claim.
    claimants: Vec<Arc<Claimants>>,
}

impl<K: Managed> KindStores<K> {
    fn collect<T>(&self, take: impl Fn(&K) -> Option<T>) -> Vec<T> {
        let objects = self.stores.iter().flat_map(Store::state);
        objects.filter_map(|object| object.0.as_ref().ok().and_then(&take)).collect()
    }
}

impl<K: Managed> AnyStore for KindStores<K> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn connections(&self) -> Vec<(ConnectionKey, bool)> {
        self.collect(|object| Some((object.connection(), dependents::is_moved(&object.common_status()))))
    }

    fn uids(&self) -> Vec<String> {
        let objects = self.stores.iter().flat_map(Store::state);
        objects.filter_map(|object| object.meta().uid.clone()).collect()
    }

    fn users(&self, key: &ConnectionKey) -> Vec<String> {
        self.collect(|object| object.uid().filter(|_| object.connection() == *key))
    }

    fn dependents(&self, key: &ConnectionKey) -> Vec<Dependent> {
        self.collect(|object| (object.connection() == *key).then(|| Dependent::of(object)))
    }

    fn pending_deletions(&self, key: &ConnectionKey) -> Vec<Deletion> {
        let counts = |object: &K| object.connection() == *key && object.counts_as_pending_deletion();
        self.collect(|object| counts(object).then(|| object.deletion()).flatten())
    }

    fn ages(&self, key: &ConnectionKey, namespace: &str) -> Vec<Age> {
        let counts = |object: &K| {
            !object.only_observes()
                && object.meta().namespace.as_deref() == Some(namespace)
                && object.connection() == *key
        };
        self.collect(|object| counts(object).then(|| Age::of(object)))
    }
}

impl Stores {
    /// Registers the stores of a kind, each with what its objects claim and the flag that tells whether it is complete.
    pub fn register<K: Managed>(&mut self, stores: impl IntoIterator<Item = (StoreOf<K>, Arc<Claimants>, Complete)>) {
        let (stores, claimants, complete) = stores.into_iter().collect();
        self.complete.extend::<Vec<_>>(complete);
        self.kinds.push((TypeId::of::<K>(), Box::new(KindStores { stores, claimants })));
    }

    /// Returns the stores of a kind; empty for a kind that was not registered.
    #[must_use]
    pub fn of<K: Managed>(&self) -> &[StoreOf<K>] {
        self.typed::<K>().map_or(&[], |kind| &kind.stores)
    }

    /// Returns whether the first lists of all stores are complete.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        self.complete.iter().all(|complete| complete.load(Ordering::Acquire))
    }

    /// Returns what `take` finds in the objects of a kind.
    pub fn collect<K: Managed, T>(&self, take: impl Fn(&K) -> Option<T>) -> Vec<T> {
        self.typed::<K>().map_or_else(Vec::new, |stores| stores.collect(take))
    }

    /// Returns whether the spec of another object of a kind makes one of these claims. Without one, the operator need not
    /// look at all objects.
    #[must_use]
    pub fn has_rival<K: Managed>(&self, claims: &[Claim], uid: &str) -> bool {
        self.typed::<K>().is_some_and(|kind| kind.claimants.iter().any(|all| all.has_rival(claims, uid)))
    }

    /// Returns the objects of all kinds that use this connection; `None` until the stores are complete.
    #[must_use]
    pub fn dependents(&self, key: &ConnectionKey) -> Option<Vec<Dependent>> {
        self.are_complete().then(|| self.all().flat_map(|stores| stores.dependents(key)).collect())
    }

    /// Returns the uids of all objects in the caches.
    #[must_use]
    pub fn uids(&self) -> HashSet<String> {
        self.all().flat_map(AnyStore::uids).collect()
    }

    /// Returns how many objects use each connection; `None` until the stores are complete.
    #[must_use]
    pub fn usage(&self) -> Option<HashMap<ConnectionKey, UsageCount>> {
        if !self.are_complete() {
            return None;
        }
        let mut counts = HashMap::<_, UsageCount>::new();
        for (key, moved) in self.all().flat_map(AnyStore::connections) {
            let count = counts.entry(key).or_default();
            count.dependents += 1;
            count.moved += usize::from(moved);
        }
        Some(counts)
    }

    /// Returns the pending deletions that count towards the limit of this connection.
    #[must_use]
    pub fn pending_deletions(&self, key: &ConnectionKey) -> Vec<Deletion> {
        self.all().flat_map(|stores| stores.pending_deletions(key)).collect()
    }

    /// Returns the ages of the objects of a namespace that use this connection and do not only observe; `None` until the
    /// stores are complete.
    #[must_use]
    pub fn ages(&self, key: &ConnectionKey, namespace: &str) -> Option<Vec<Age>> {
        self.are_complete().then(|| self.all().flat_map(|stores| stores.ages(key, namespace)).collect())
    }

    /// Returns the uids of the objects that name this connection, as far as they are known.
    #[must_use]
    pub fn users(&self, key: &ConnectionKey) -> BTreeSet<String> {
        self.all().flat_map(|stores| stores.users(key)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &dyn AnyStore> {
        self.kinds.iter().map(|(_, stores)| stores.as_ref())
    }

    fn typed<K: Managed>(&self) -> Option<&KindStores<K>> {
        let (_, stores) = self.kinds.iter().find(|(kind, _)| *kind == TypeId::of::<K>())?;
        stores.as_any().downcast_ref()
    }
}
