//! [`External`] without its type: what the controller holds, so that it is written once for
//! every upstream.

use super::external::{Document, External, Facts, Observed, Problem, Verdict, Written};
use super::{Diff, Mark, Ownership, Result, Stamp};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;

/// An upstream object seen next to what is wanted of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// The upstream's id.
    pub id: String,
    /// Whose it is.
    pub owner: Ownership,
    /// Where it differs from what is wanted.
    pub diff: Diff,
    /// What status shows of it.
    pub facts: Facts,
}

/// What the latest list shows of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Glimpse {
    /// All of it.
    Whole(Box<Sighting>),
    /// It is there, and what lists show of it is as wanted. The rest only a close look can tell.
    Alike,
    /// Nothing, or too little to go by.
    Unclear,
}

/// What is wanted, bound to the collection that should hold it. The contract of each call is
/// that of [`External`].
pub trait Subject: Send + Sync {
    /// The collection's name.
    fn system(&self) -> &'static str;
    /// The name under which it can be found without its id.
    fn key(&self) -> String;
    /// What is wanted, as JSON: the input of the request hash.
    fn wanted(&self) -> serde_json::Value;
    /// Broken spec rules.
    fn problems(&self) -> Vec<Problem>;
    /// Every object that may be the one.
    fn find(&self) -> BoxFuture<'_, Result<Vec<Sighting>>>;
    /// The object with this id.
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Sighting>>>;
    /// The object with this id as a list shows it that was begun at `not_before` or later.
    fn glimpse<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Glimpse>;
    /// Whether this is the turn of one more close look.
    fn take_turn(&self) -> bool;
    /// The upstream's verdict without writing; `None` where it cannot be asked.
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>>;
    /// Whether there is room for it.
    fn room(&self) -> BoxFuture<'_, Result<()>>;
    /// Creates it.
    fn create(&self) -> BoxFuture<'_, Result<Written>>;
    /// Writes what the diff names.
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written>>;
    /// Puts our stamp on it.
    fn claim<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Its remains: what deletion needs.
    fn remnant(&self) -> Box<dyn Remnant>;
}

/// What is left to delete: bound from the deletion record, never from a spec.
pub trait Remnant: Send + Sync {
    /// The collection's name.
    fn system(&self) -> &'static str;
    /// The objects under this key or with our stamp, and whose they are.
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>>;
    /// Whose the object is; `None` when it is gone.
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>>;
    /// Who keeps it from being deleted.
    fn holders<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;
    /// Deletes it.
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// The one implementation of [`Subject`].
pub struct Bound<E: External> {
    external: Arc<E>,
    wanted: E::Document,
    stamp: Stamp,
}

impl<E: External> Bound<E> {
    /// Binds what is wanted to the collection.
    pub fn new(external: Arc<E>, wanted: E::Document, stamp: Stamp) -> Self {
        Self { external, wanted, stamp }
    }

    fn sighting(&self, seen: &Observed<E::Document>) -> Sighting {
        let diff = self.wanted.diff(&seen.document);
        Sighting { id: seen.id.clone(), owner: self.stamp.judge(&seen.mark), diff, facts: seen.facts.clone() }
    }
}

impl<E: External> Subject for Bound<E> {
    fn system(&self) -> &'static str {
        self.external.system()
    }
    fn key(&self) -> String {
        self.wanted.key()
    }
    fn wanted(&self) -> serde_json::Value {
        serde_json::to_value(&self.wanted).unwrap_or_default()
    }
    fn problems(&self) -> Vec<Problem> {
        self.wanted.problems()
    }
    fn find(&self) -> BoxFuture<'_, Result<Vec<Sighting>>> {
        Box::pin(async {
            let found = self.external.find(&self.wanted.key(), &self.stamp).await?;
            Ok(found.iter().map(|seen| self.sighting(seen)).collect())
        })
    }
    fn observe<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Sighting>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.sighting(&seen))) })
    }
    fn glimpse<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Glimpse> {
        Box::pin(async move {
            let Some(all) = self.external.snapshot(not_before).await else { return Glimpse::Unclear };
            let Some(seen) = all.get(id) else { return Glimpse::Unclear };
            let ours = Mark::Of(self.stamp.to_string());
            if all.values().any(|other| other.mark == ours && other.id != id) {
                return Glimpse::Unclear;
            }
            let sighting = self.sighting(seen);
            if E::UNLISTED.is_empty() {
                return Glimpse::Whole(Box::new(sighting));
            }
            let unlisted = |path: &str| E::UNLISTED.iter().any(|unlisted| path.starts_with(unlisted));
            let alike = sighting.diff.fields.iter().all(|field| unlisted(&field.path));
            if alike { Glimpse::Alike } else { Glimpse::Unclear }
        })
    }
    fn take_turn(&self) -> bool {
        self.external.take_turn()
    }
    fn check(&self) -> BoxFuture<'_, Result<Option<Verdict>>> {
        Box::pin(self.external.check(&self.wanted))
    }
    fn room(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.external.room())
    }
    fn create(&self) -> BoxFuture<'_, Result<Written>> {
        Box::pin(self.external.create(&self.wanted, &self.stamp))
    }
    fn update<'a>(&'a self, id: &'a str, diff: &'a Diff) -> BoxFuture<'a, Result<Written>> {
        Box::pin(self.external.update(id, &self.wanted, diff, &self.stamp))
    }
    fn claim<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.claim(id, &self.stamp))
    }
    fn remnant(&self) -> Box<dyn Remnant> {
        Box::new(Leftover::new(Arc::clone(&self.external), self.stamp.clone()))
    }
}

/// The one implementation of [`Remnant`].
pub struct Leftover<E: External> {
    external: Arc<E>,
    stamp: Stamp,
}

impl<E: External> Leftover<E> {
    /// Binds a stamp to the collection.
    pub fn new(external: Arc<E>, stamp: Stamp) -> Self {
        Self { external, stamp }
    }
}

impl<E: External> Remnant for Leftover<E> {
    fn system(&self) -> &'static str {
        self.external.system()
    }
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let found = self.external.find(key, &self.stamp).await?;
            let owned = |seen: Observed<E::Document>| (seen.id, self.stamp.judge(&seen.mark));
            Ok(found.into_iter().map(owned).collect())
        })
    }
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.stamp.judge(&seen.mark))) })
    }
    fn holders<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(self.external.holders(id))
    }
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.delete(id))
    }
}
