//! A complete list of a collection, indexed by id, key and owner tag.
//!
//! One list serves every object of a connection, so a question about one object must not look through all others.

use super::external::{Document, External, Observed};
use super::{FoundTag, OwnerTag};
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// The lists of one collection, shared by all objects of a connection.
pub trait Snapshots<E: External>: Send + Sync {
    /// Returns a list that started at `not_before` or later; `None` while the collection cannot be
    /// listed.
    fn snapshot<'a>(&'a self, external: &'a E, not_before: Instant) -> SnapshotFuture<'a, E::Document>;

    /// Returns a list that started at `not_before` or later, if there is one, or if a new list costs fewer requests
    /// than reading each of `waiting` objects and this one.
    fn snapshot_for_crowd<'a>(
        &'a self,
        external: &'a E,
        not_before: Instant,
        waiting: usize,
    ) -> SnapshotFuture<'a, E::Document>;

    /// Records when a deletion was accepted that a later list may confirm.
    fn record_deletion(&self, at: Instant);

    /// Returns what confirms a deletion that was accepted at `deleted`, while `waiting` objects of the connection wait for
    /// their turn.
    fn confirm<'a>(
        &'a self,
        external: &'a E,
        deleted: Instant,
        waiting: usize,
    ) -> BoxFuture<'a, Confirmation<E::Document>>;

    /// Reports whether one more object may be read completely now. The rate limit of the account
    /// decides how often.
    fn try_full_read(&self) -> bool;
    /// Reports whether the users of one more object may be read now.
    fn try_users_read(&self) -> bool;
}

/// The future of [`Snapshots::snapshot`].
pub type SnapshotFuture<'a, D> = BoxFuture<'a, Option<Arc<Snapshot<D>>>>;

/// What confirms a deletion.
#[derive(Debug)]
pub enum Confirmation<D: Document> {
    /// This list, which began after the deletion.
    Listed(Arc<Snapshot<D>>),
    /// A later list, which will confirm the deletions of others as well.
    Later,
    /// A read of the object.
    Read,
}

/// A complete list of a collection.
#[derive(Debug)]
pub struct Snapshot<D: Document> {
    /// Boxed, because a map has room for twice as many as it holds.
    objects: HashMap<String, Box<Observed<D>>>,
    /// How many objects have each key.
    keys: HashMap<String, u32>,
    /// The ids of the objects with an owner tag, by its text.
    by_tag: HashMap<String, Vec<String>>,
}

impl<D: Document> Snapshot<D> {
    /// Returns how many objects the list shows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns whether the list shows no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the object with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Observed<D>> {
        self.objects.get(id).map(Box::as_ref)
    }

    /// Returns the ids of the objects with this owner tag. Empty also where lists do not show owner tags.
    pub fn owned_by<'a>(&'a self, owner_tag: &OwnerTag) -> impl Iterator<Item = &'a str> + use<'a, D> {
        owner_tag.forms().into_iter().filter_map(|form| self.by_tag.get(&form)).flatten().map(String::as_str)
    }

    /// Returns the objects whose owner tag is one of those that are looked for.
    pub fn owned_by_any<'a>(&'a self, is_owner: &dyn Fn(&str) -> bool) -> impl Iterator<Item = &'a Observed<D>> {
        let owned: Vec<_> = self.by_tag.iter().filter(|(tag, _)| is_owner(tag)).flat_map(|(_, ids)| ids).collect();
        owned.into_iter().filter_map(|id| self.get(id))
    }

    /// Returns whether the list shows an object with this key.
    #[must_use]
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Returns the ids of the objects with this key, or with this owner tag. It looks through the whole list.
    #[must_use]
    pub fn candidates(&self, key: &str, owner_tag: &OwnerTag) -> Vec<String> {
        let mut ids: Vec<String> = self.owned_by(owner_tag).map(str::to_owned).collect();
        if self.has_key(key) {
            ids.extend(self.objects.values().filter(|seen| seen.document.key() == key).map(|seen| seen.id.clone()));
        }
        ids.sort();
        ids.dedup();
        ids
    }

    /// Returns whether the list shows this object, and no other one that the same Kubernetes object may have made: none
    /// with its owner tag, nor with its key if lists do not show owner tags.
    #[must_use]
    pub fn shows_only(&self, id: &str, key: &str, owner_tag: &OwnerTag) -> bool {
        let is_tagged_alone = self.owned_by(owner_tag).all(|other| other == id);
        let named = |seen: &Observed<D>| seen.document.key() == key && self.keys.get(key) == Some(&1);
        let is_named_alone = |seen: &Observed<D>| seen.found_tag != FoundTag::NotShown || named(seen);
        is_tagged_alone && self.get(id).is_some_and(is_named_alone)
    }
}

impl<D: Document> FromIterator<Observed<D>> for Snapshot<D> {
    fn from_iter<I: IntoIterator<Item = Observed<D>>>(all: I) -> Self {
        let mut snapshot = Self { objects: HashMap::new(), keys: HashMap::new(), by_tag: HashMap::new() };
        for seen in all {
            *snapshot.keys.entry(seen.document.key()).or_default() += 1;
            if let FoundTag::Some(text) = &seen.found_tag {
                snapshot.by_tag.entry(text.clone()).or_default().push(seen.id.clone());
            }
            snapshot.objects.insert(seen.id.clone(), Box::new(seen));
        }
        snapshot
    }
}
