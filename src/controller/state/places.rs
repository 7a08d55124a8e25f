//! Remembers the place of each upstream object, as the operator keeps it in an annotation.
//!
//! Memory counts before the annotation, which others may edit and which a cache that lags shows too long. It also tells
//! whether this process chose the place itself, or knows it from the annotation alone: only the former proves where the
//! operator sent something.

use crate::api::recorded_place;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::upstream::registry;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The places of all objects, by uid.
#[derive(Debug, Default)]
pub struct Places(Mutex<HashMap<String, Kept>>);

/// What is remembered of one object.
#[derive(Debug, Clone)]
struct Kept {
    /// The place; `None` of an object that has nothing upstream.
    place: Option<Box<UpstreamRef>>,
    /// Whether this process chose the place.
    is_chosen: bool,
}

impl Places {
    /// Returns the place of an object, and remembers it if the annotation names it. The collection of an object never
    /// changes: an annotation that names another one is not ours.
    pub fn of<K: Managed>(&self, object: &K) -> Option<UpstreamRef> {
        let uid = object.meta().uid.as_deref().unwrap_or_default();
        if let Some(known) = self.lock().get(uid) {
            return known.place.as_deref().cloned();
        }
        let system = registry::identity(object.desired())?.system;
        let place = recorded_place::read(object).filter(|place| place.system == system)?;
        self.lock().insert(uid.to_owned(), Kept { place: Some(Box::new(place.clone())), is_chosen: false });
        Some(place)
    }

    /// Remembers a place that this process wrote, or that nothing is upstream. A place that this process only read from
    /// the annotation stays one.
    pub fn keep(&self, uid: &str, place: Option<UpstreamRef>) {
        let (mut all, place) = (self.lock(), place.map(Box::new));
        let is_chosen = all.get(uid).is_none_or(|kept| kept.is_chosen || kept.place != place);
        all.insert(uid.to_owned(), Kept { place, is_chosen });
    }

    /// Remembers that the place is where this process sends what it writes.
    pub fn choose(&self, uid: &str) {
        if let Some(kept) = self.lock().get_mut(uid) {
            kept.is_chosen = true;
        }
    }

    /// Returns whether this process chose the place; `false` if only the annotation names it.
    #[must_use]
    pub fn is_chosen(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|kept| kept.is_chosen)
    }

    /// Returns whether anything is remembered of this object.
    #[cfg(test)]
    pub fn knows(&self, uid: &str) -> bool {
        self.lock().contains_key(uid)
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        // Each entry is inserted and removed whole, so a panic elsewhere leaves a valid map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Policy;
    use serde_json::json;

    fn place(system: &str, key: &str) -> UpstreamRef {
        let place = json!({ "system": system, "connection": { "name": "c" }, "endpoint": "https://a", "key": key });
        serde_json::from_value(place).unwrap()
    }

    fn policy(uid: &str, place: &UpstreamRef) -> Policy {
        serde_json::from_value(json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": "Policy",
            "metadata": {
                "name": "p", "uid": uid,
                "annotations": { recorded_place::RECORDED_UPSTREAM: recorded_place::text(uid, place) },
            },
            "spec": { "connectionRef": { "name": "c" }, "ncloud": { "policyName": "abc", "permissions": [] } },
        }))
        .unwrap()
    }

    #[test]
    fn memory_counts_before_the_annotation() {
        let (places, first, other) = (Places::default(), place("ncloud/policy", "a"), place("ncloud/policy", "b"));
        assert_eq!(places.of(&policy("1", &first)), Some(first.clone()));
        assert_eq!(places.of(&policy("1", &other)), Some(first.clone()), "another writer edited the annotation");
        places.keep("1", None);
        assert_eq!(places.of(&policy("1", &first)), None, "the annotation comes from a cache that lags");
        places.forget("1");
        assert_eq!(places.of(&policy("1", &other)), Some(other));
    }

    #[test]
    fn place_is_chosen_only_by_this_process() {
        let (places, read, other) = (Places::default(), place("ncloud/policy", "a"), place("ncloud/policy", "b"));
        assert!(!places.is_chosen("1"));
        places.of(&policy("1", &read));
        assert!(!places.is_chosen("1"), "the annotation names it");
        places.keep("1", Some(read.clone()));
        assert!(!places.is_chosen("1"), "the annotation was put back");
        places.choose("1");
        assert!(places.is_chosen("1"));
        places.keep("1", Some(read.clone()));
        assert!(places.is_chosen("1"));
        places.of(&policy("2", &read));
        places.keep("2", Some(other));
        assert!(places.is_chosen("2"));
        places.keep("3", Some(read));
        assert!(places.is_chosen("3"), "no annotation named it");
    }

    #[test]
    fn annotation_of_another_collection_is_ignored() {
        assert_eq!(Places::default().of(&policy("1", &place("spaceone/policy", "a"))), None);
    }
}
