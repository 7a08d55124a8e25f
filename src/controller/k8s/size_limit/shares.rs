//! The weight of all objects in the caches, by namespace.
//!
//! Three quarters of the budget go to the objects that come first. The last quarter is divided among the namespaces, so
//! that one namespace cannot use up what another needs.

use super::limits::SMALL_OBJECT;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The budget, and what was taken from it.
pub(super) struct Shares {
    total: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// The objects by uid.
    objects: HashMap<String, Object>,
    by_namespace: HashMap<Arc<str>, usize>,
    total: usize,
    /// The number of the last list of each collection.
    lists: HashMap<Arc<str>, u64>,
}

struct Object {
    collection: Arc<str>,
    namespace: Arc<str>,
    weight: usize,
    /// The number of the list in which the object was last seen, or after which it was watched.
    list: u64,
}

impl Shares {
    pub(super) fn new(total: usize) -> Self {
        Self { total, taken: Mutex::default() }
    }

    /// Records that a list of this collection begins.
    pub(super) fn begin_list(&self, collection: &str) {
        *self.taken().lists.entry(Arc::from(collection)).or_default() += 1;
    }

    /// Records that a watch of this collection begins: its list is complete. Objects that it did not contain are gone.
    pub(super) fn begin_watch(&self, collection: &str) {
        let mut taken = self.taken();
        let list = taken.list(collection);
        let gone = taken.objects.iter().filter(|(_, object)| *object.collection == *collection && object.list != list);
        let gone: Vec<String> = gone.map(|(uid, _)| uid.clone()).collect();
        for uid in &gone {
            taken.remove(uid);
        }
    }

    /// Returns whether an object of this weight is read whole, and records it.
    pub(super) fn admit(&self, collection: &str, namespace: &str, uid: &str, weight: usize) -> bool {
        let mut taken = self.taken();
        taken.remove(uid);
        let in_namespace = taken.by_namespace.get(namespace).copied().unwrap_or_default() + weight;
        let others = taken.by_namespace.keys().filter(|name| ***name != *namespace).count();
        let is_admitted = weight <= SMALL_OBJECT
            || taken.total + weight <= self.total / 4 * 3
            || in_namespace <= self.total / 4 / (others + 1);
        let weight = if is_admitted { weight } else { SMALL_OBJECT };
        let (list, namespace) = (taken.list(collection), name_in(&taken.by_namespace, namespace));
        taken.total += weight;
        *taken.by_namespace.entry(Arc::clone(&namespace)).or_default() += weight;
        let object = Object { collection: name_in(&taken.lists, collection), namespace, weight, list };
        taken.objects.insert(uid.to_owned(), object);
        is_admitted
    }

    /// Forgets an object that was deleted.
    pub(super) fn remove(&self, uid: &str) {
        self.taken().remove(uid);
    }

    /// Returns what is taken in all.
    #[cfg(test)]
    pub(super) fn taken_in_all(&self) -> usize {
        self.taken().total
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the name as the map has it, so that objects share its text.
fn name_in<V>(map: &HashMap<Arc<str>, V>, name: &str) -> Arc<str> {
    map.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| Arc::clone(known))
}

impl Taken {
    fn list(&self, collection: &str) -> u64 {
        self.lists.get(collection).copied().unwrap_or_default()
    }

    fn remove(&mut self, uid: &str) {
        let Some(Object { namespace, weight, .. }) = self.objects.remove(uid) else { return };
        self.total = self.total.saturating_sub(weight);
        if let Some(taken) = self.by_namespace.get_mut(&namespace) {
            *taken = taken.saturating_sub(weight);
            if *taken == 0 {
                self.by_namespace.remove(&namespace);
            }
        }
    }
}
