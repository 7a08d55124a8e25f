//! [`External`] without its type: what the controller holds, so that it is written once for
//! every upstream.

use super::external::{Details, Document, External, Observed, Problem, Verdict, Written};
use super::{Diff, FoundTag, OwnerTag, Ownership, Result};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;

/// An upstream object seen next to what is wanted of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The upstream's id.
    pub id: String,
    /// Whose it is.
    pub owner: Ownership,
    /// Where it differs from what is wanted.
    pub diff: Diff,
    /// What status shows of it.
    pub details: Details,
}

/// What the latest list shows of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum ListedObservation {
    /// All of it.
    Complete(Box<Observation>),
    /// It is there, and what lists show of it is as wanted. The rest only a close look can tell.
    PartialMatch,
    /// Nothing, or too little to go by.
    Inconclusive,
}

/// What is wanted, bound to the collection that should hold it. The contract of each call is
/// that of [`External`].
pub trait BoundExternal: Send + Sync {
    /// The collection's name.
    fn system(&self) -> &'static str;
    /// The name under which it can be found without its id.
    fn key(&self) -> String;
    /// What is wanted, as JSON: the input of the request hash.
    fn wanted(&self) -> serde_json::Value;
    /// Broken spec rules.
    fn validate(&self) -> Vec<Problem>;
    /// Every object that may be the one.
    fn find(&self) -> BoxFuture<'_, Result<Vec<Observation>>>;
    /// The object with this id.
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Observation>>>;
    /// The object with this id as a list shows it that was begun at `not_before` or later.
    fn observe_listed<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, ListedObservation>;
    /// Whether this is the turn of one more close look.
    fn try_full_read(&self) -> bool;
    /// The upstream's verdict without writing; `None` where it cannot be asked.
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>>;
    /// Whether there is room for it.
    fn check_quota(&self) -> BoxFuture<'_, Result<()>>;
    /// Creates it.
    fn create(&self) -> BoxFuture<'_, Result<Written>>;
    /// Writes what the diff names.
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written>>;
    /// Puts our stamp on it.
    fn tag_owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Its remains: what deletion needs.
    fn deleter(&self) -> Box<dyn ExternalDeleter>;
}

/// What is left to delete: bound from the deletion record, never from a spec.
pub trait ExternalDeleter: Send + Sync {
    /// The collection's name.
    fn system(&self) -> &'static str;
    /// The objects under this key or with our stamp, and whose they are.
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>>;
    /// Whose the object is; `None` when it is gone.
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>>;
    /// Who keeps it from being deleted.
    fn used_by<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;
    /// Deletes it.
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// The one implementation of [`BoundExternal`].
pub struct Binding<E: External> {
    external: Arc<E>,
    wanted: E::Document,
    owner_tag: OwnerTag,
}

impl<E: External> Binding<E> {
    /// Binds what is wanted to the collection.
    pub fn new(external: Arc<E>, wanted: E::Document, owner_tag: OwnerTag) -> Self {
        Self { external, wanted, owner_tag }
    }

    fn observation(&self, seen: &Observed<E::Document>) -> Observation {
        let diff = self.wanted.diff(&seen.document);
        Observation {
            id: seen.id.clone(),
            owner: self.owner_tag.judge(&seen.found_tag),
            diff,
            details: seen.details.clone(),
        }
    }
}

impl<E: External> BoundExternal for Binding<E> {
    fn system(&self) -> &'static str {
        self.external.system()
    }
    fn key(&self) -> String {
        self.wanted.key()
    }
    fn wanted(&self) -> serde_json::Value {
        serde_json::to_value(&self.wanted).unwrap_or_default()
    }
    fn validate(&self) -> Vec<Problem> {
        self.wanted.validate()
    }
    fn find(&self) -> BoxFuture<'_, Result<Vec<Observation>>> {
        Box::pin(async {
            let found = self.external.find(&self.wanted.key(), &self.owner_tag).await?;
            Ok(found.iter().map(|seen| self.observation(seen)).collect())
        })
    }
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Observation>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.observation(&seen))) })
    }
    fn observe_listed<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, ListedObservation> {
        Box::pin(async move {
            let Some(all) = self.external.snapshot(not_before).await else { return ListedObservation::Inconclusive };
            let Some(seen) = all.get(id) else { return ListedObservation::Inconclusive };
            let ours = FoundTag::Some(self.owner_tag.to_string());
            if all.values().any(|other| other.found_tag == ours && other.id != id) {
                return ListedObservation::Inconclusive;
            }
            let observation = self.observation(seen);
            if E::UNLISTED.is_empty() {
                return ListedObservation::Complete(Box::new(observation));
            }
            let unlisted = |path: &str| E::UNLISTED.iter().any(|unlisted| path.starts_with(unlisted));
            let alike = observation.diff.fields.iter().all(|field| unlisted(&field.path));
            if alike { ListedObservation::PartialMatch } else { ListedObservation::Inconclusive }
        })
    }
    fn try_full_read(&self) -> bool {
        self.external.try_full_read()
    }
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>> {
        Box::pin(self.external.check(&self.wanted))
    }
    fn check_quota(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.external.check_quota())
    }
    fn create(&self) -> BoxFuture<'_, Result<Written>> {
        Box::pin(self.external.create(&self.wanted, &self.owner_tag))
    }
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written>> {
        Box::pin(self.external.update(id, &self.wanted, diff, &self.owner_tag))
    }
    fn tag_owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.tag_owner(id, &self.owner_tag))
    }
    fn deleter(&self) -> Box<dyn ExternalDeleter> {
        Box::new(Deleter::new(Arc::clone(&self.external), self.owner_tag.clone()))
    }
}

/// The one implementation of [`ExternalDeleter`].
pub struct Deleter<E: External> {
    external: Arc<E>,
    owner_tag: OwnerTag,
}

impl<E: External> Deleter<E> {
    /// Binds a stamp to the collection.
    pub fn new(external: Arc<E>, owner_tag: OwnerTag) -> Self {
        Self { external, owner_tag }
    }
}

impl<E: External> ExternalDeleter for Deleter<E> {
    fn system(&self) -> &'static str {
        self.external.system()
    }
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let found = self.external.find(key, &self.owner_tag).await?;
            let owned = |seen: Observed<E::Document>| (seen.id, self.owner_tag.judge(&seen.found_tag));
            Ok(found.into_iter().map(owned).collect())
        })
    }
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.owner_tag.judge(&seen.found_tag))) })
    }
    fn used_by<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(self.external.used_by(id))
    }
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.delete(id))
    }
}
