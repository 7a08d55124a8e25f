//! The part of [`External`] that deletion needs, with its type erased.

use super::external::{External, Observed};
use super::{OwnerTag, Ownership, Result};
use futures::future::BoxFuture;
use std::sync::Arc;

/// Deletes upstream objects. It is bound from the record in status, never from a spec.
pub trait ExternalDeleter: Send + Sync {
    /// Returns the collection's name.
    fn system(&self) -> &'static str;
    /// Tells the key of the objects that later calls are about.
    fn know(&self, key: &str);
    /// Finds the objects with this key or with our owner tag, and their owners.
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>>;
    /// Looks in a list for an object that a read does not show, and returns its owner.
    fn find_listed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<(String, Ownership)>>>;
    /// Returns the owner of the object; `None` if it does not exist.
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>>;
    /// Finds the object with this id and its owner, or every candidate if the id is not known.
    fn locate<'a>(&'a self, id: Option<&'a str>, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        self.know(key);
        Box::pin(async move {
            match id {
                Some(id) => Ok(self.owner(id).await?.map(|owner| (id.to_owned(), owner)).into_iter().collect()),
                None => self.find(key).await,
            }
        })
    }
    /// Lists the users of the object that prevent its deletion.
    fn used_by<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;
    /// Returns whether the users of an object keep what it grants after its deletion.
    fn grants_after_deletion(&self) -> bool;
    /// Deletes the object.
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Removes our owner tag.
    fn untag<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// The one implementation of [`ExternalDeleter`].
pub struct Deleter<E: External> {
    external: Arc<E>,
    owner_tag: OwnerTag,
}

impl<E: External> Deleter<E> {
    /// Binds an owner tag to a shared collection.
    pub(super) fn of(external: Arc<E>, owner_tag: OwnerTag) -> Self {
        Self { external, owner_tag }
    }

    /// Binds an owner tag to the collection.
    pub fn new(external: E, owner_tag: OwnerTag) -> Self {
        Self::of(Arc::new(external), owner_tag)
    }
}

impl<E: External> ExternalDeleter for Deleter<E> {
    fn system(&self) -> &'static str {
        E::SYSTEM
    }
    fn know(&self, key: &str) {
        self.external.know(key);
    }
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let found = self.external.find(key, &self.owner_tag).await?;
            let owned = |seen: Observed<E::Document>| (seen.id, self.owner_tag.judge(&seen.found_tag));
            Ok(found.into_iter().map(owned).collect())
        })
    }
    fn find_listed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<(String, Ownership)>>> {
        Box::pin(async move {
            let listed = self.external.find_listed(key).await?;
            Ok(listed.map(|seen| (seen.id, self.owner_tag.judge(&seen.found_tag))))
        })
    }
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.owner_tag.judge(&seen.found_tag))) })
    }
    fn used_by<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(self.external.used_by(id))
    }
    fn grants_after_deletion(&self) -> bool {
        E::GRANTS_AFTER_DELETION
    }
    fn delete<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.delete(id))
    }
    fn untag<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.external.untag_owner(id, &self.owner_tag))
    }
}
