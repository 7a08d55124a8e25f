//! Reads a whole collection, to describe its objects by specs.

use crate::engine::access::wildcard::{Wildcard, widest};
use crate::engine::{Document as _, ErrorKind, FoundTag, Observed, Problem, Result, User};
use crate::upstream::collection::{Availability, Collection};
use futures::future::BoxFuture;
use serde_json::Value;
use std::any::TypeId;
use std::time::Instant;

/// An upstream object, and the spec that describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// The collection.
    pub system: &'static str,
    /// The upstream's id.
    pub id: String,
    /// Its name there.
    pub key: String,
    /// Whether only one object can have the name.
    pub has_unique_name: bool,
    /// The owner tag that was found.
    pub found_tag: FoundTag,
    /// The type of the spec of its kind.
    pub kind_spec: TypeId,
    /// The field of that spec that describes it.
    pub field: &'static str,
    /// The content of that field.
    pub content: Value,
    /// The rules that the content breaks.
    pub problems: Vec<Problem>,
    /// Its widest pattern; `None` if it grants no access.
    pub wildcard: Option<Wildcard>,
    /// When it was created, if the upstream shows it.
    pub created_at: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The upstream's id.
    pub id: String,
    /// Its name there.
    pub key: String,
    /// The object, if lists show it completely.
    pub complete: Option<Existing>,
}

/// Reads one collection of an account. It writes nothing.
pub trait Reader: Send + Sync {
    /// Returns the collection's name.
    fn system(&self) -> &'static str;
    /// Returns whether its objects have users.
    fn has_users(&self) -> bool;
    /// Lists all objects, with `reserved` also those that the provider manages itself. Returns the reason if the account does
    /// not offer the collection.
    fn list(&self, reserved: bool) -> BoxFuture<'_, Result<std::result::Result<Vec<Listed>, String>>>;
    /// Reads an object completely; `None` if it is gone.
    fn read<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Existing>>>;
    /// Returns the users of an object, by a list that began at `not_before` or later; `None` if it is gone.
    fn users<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Option<Vec<User>>>>;
}

/// Opens a reader of a collection. What a collection remembers of one object must not judge another one, so each read opens
/// it anew.
pub(super) fn of<C: Collection>(open: impl Fn() -> C + Send + Sync + 'static) -> Box<dyn Reader> {
    Box::new(Open(Box::new(open)))
}

struct Open<C>(Box<dyn Fn() -> C + Send + Sync>);

impl<C: Collection> Reader for Open<C> {
    fn system(&self) -> &'static str {
        C::SYSTEM
    }

    fn has_users(&self) -> bool {
        C::HAS_USERS
    }

    fn list(&self, reserved: bool) -> BoxFuture<'_, Result<std::result::Result<Vec<Listed>, String>>> {
        let collection = (self.0)();
        Box::pin(async move {
            if let Availability::Missing(error) = collection.prepare_count().await? {
                return Ok(Err(error.sentence()));
            }
            let all = if reserved { collection.list_all().await } else { collection.list_strictly().await };
            match all {
                Ok(all) => Ok(Ok(all.iter().map(listed::<C>).collect())),
                Err(error) if error.kind == ErrorKind::Unsupported => Ok(Err(error.sentence())),
                Err(error) => Err(error),
            }
        })
    }

    fn read<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Existing>>> {
        let collection = (self.0)();
        Box::pin(async move { Ok(collection.observe(id).await?.as_ref().map(existing::<C>)) })
    }

    fn users<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Option<Vec<User>>>> {
        let collection = (self.0)();
        Box::pin(async move { collection.users(id, not_before).await })
    }
}

fn listed<C: Collection>(observed: &Observed<C::Document>) -> Listed {
    let is_complete = C::UNLISTED.is_empty();
    Listed {
        id: observed.id.clone(),
        key: observed.document.key(),
        complete: is_complete.then(|| existing::<C>(observed)),
    }
}

pub(super) fn existing<C: Collection>(observed: &Observed<C::Document>) -> Existing {
    let spec = C::minimal(&observed.document);
    let has_unique_name = C::unique_name(&spec).is_some();
    let document = C::document(&spec);
    let mut problems = document.validate();
    // The spec must describe what is there, and nothing else.
    for field in document.diff(&observed.document).fields {
        let message = "cannot be described by a spec: the upstream shows a value that a spec cannot have".to_owned();
        problems.push(Problem { field: field.path, message });
    }
    problems.extend(C::untaggable(&observed.document));
    if let Some(field) = C::Document::ineffective(&observed.details) {
        let message = format!("is {}, and no call changes that", field.observed);
        problems.push(Problem { field: field.path, message });
    }
    let details = serde_json::to_value(&observed.details).unwrap_or_default();
    Existing {
        system: C::SYSTEM,
        id: observed.id.clone(),
        key: observed.document.key(),
        has_unique_name,
        found_tag: observed.found_tag.clone(),
        kind_spec: TypeId::of::<C::KindSpec>(),
        field: C::FIELD,
        content: serde_json::to_value(&spec).unwrap_or_default(),
        problems,
        wildcard: widest(&observed.document.grants()),
        created_at: details["createdAt"].as_str().map(str::to_owned),
    }
}
