//! The part of [`External`] that deletion needs, with its type erased.

use super::external::{External, Observed};
use super::snapshot::{Confirmation, Snapshots};
use super::{FoundTag, OwnerTag, Ownership, Result};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;

/// Whether a deleted object is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// A list or read that began after the deletion does not show it.
    Confirmed,
    /// It is still shown.
    Shown,
    /// A later list tells, for others as well.
    Later,
}

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
    /// Finds objects with our owner tag under another key, and their owners.
    fn find_tagged(&self, not_before: Instant) -> BoxFuture<'_, Result<Vec<(String, Ownership)>>>;
    /// Returns the owner of the object; `None` if it does not exist.
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>>;
    /// Returns whether a list that started at `not_before` or later proves that the object with this id is ours, and that
    /// no other one with this key is. `false` also when `waiting` further objects do not justify a list.
    fn is_ours_in_list<'a>(
        &'a self,
        id: &'a str,
        key: &'a str,
        not_before: Instant,
        waiting: usize,
    ) -> BoxFuture<'a, bool>;
    /// Records when the deletion of an object was accepted that [`ExternalDeleter::absence`] is asked for.
    fn record_deletion(&self, at: Instant);
    /// Returns whether the object is gone whose deletion was accepted at `deleted`, while `waiting` further objects of the
    /// connection wait for their turn.
    fn absence<'a>(&'a self, id: &'a str, deleted: Instant, waiting: usize) -> BoxFuture<'a, Result<Absence>>;
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
    /// Finds the object with this id, or every candidate if that one has no such owner: another writer may have changed the
    /// id in status.
    fn locate_owned<'a>(
        &'a self,
        id: Option<&'a str>,
        key: &'a str,
        has_owner: fn(&Ownership) -> bool,
    ) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let found = self.locate(id, key).await?;
            let is_proven = id.is_none() || found.iter().any(|(_, owner)| has_owner(owner));
            if is_proven { Ok(found) } else { self.find(key).await }
        })
    }
    /// Finds what may be left of an object, also in a list: a get that shows nothing is no proof.
    fn find_left<'a>(&'a self, id: Option<&'a str>, key: &'a str) -> BoxFuture<'a, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let mut found = self.locate_owned(id, key, Ownership::may_be_ours).await?;
            if found.is_empty() {
                found.extend(self.find_listed(key).await?);
            }
            Ok(found)
        })
    }
    /// Lists the users of the object that prevent its deletion: [`External::used_by`].
    fn used_by<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Vec<String>>>;
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
    snapshots: Arc<dyn Snapshots<E>>,
    owner_tag: OwnerTag,
}

impl<E: External> Deleter<E> {
    /// Binds an owner tag to the collection and its lists.
    pub fn new(external: Arc<E>, snapshots: Arc<dyn Snapshots<E>>, owner_tag: OwnerTag) -> Self {
        Self { external, snapshots, owner_tag }
    }
}

impl<E: External> Deleter<E> {
    /// Returns the id and the owner of an object.
    fn owned(&self, seen: Observed<E::Document>) -> (String, Ownership) {
        (seen.id, self.owner_tag.judge(&seen.found_tag))
    }

    /// Returns whether an object that is shown after its deletion may be the deleted one: where people choose the id,
    /// another owner may have made one anew.
    fn may_be_deleted(&self, found_tag: &FoundTag) -> bool {
        !matches!(self.owner_tag.judge(found_tag), Ownership::ForeignTag(_) | Ownership::OtherObject(_))
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
            Ok(found.into_iter().map(|seen| self.owned(seen)).collect())
        })
    }
    fn find_tagged(&self, not_before: Instant) -> BoxFuture<'_, Result<Vec<(String, Ownership)>>> {
        Box::pin(async move {
            let found = self.external.find_tagged(&self.owner_tag, not_before).await?;
            Ok(found.into_iter().map(|seen| self.owned(seen)).collect())
        })
    }
    fn find_listed<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<(String, Ownership)>>> {
        Box::pin(async move {
            let listed = self.external.find_listed(key).await?;
            Ok(listed.map(|seen| self.owned(seen)))
        })
    }
    fn owner<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Ownership>>> {
        Box::pin(async move { Ok(self.external.observe(id).await?.map(|seen| self.owner_tag.judge(&seen.found_tag))) })
    }
    fn is_ours_in_list<'a>(
        &'a self,
        id: &'a str,
        key: &'a str,
        not_before: Instant,
        waiting: usize,
    ) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let all = self.snapshots.snapshot_for_crowd(&self.external, not_before, waiting).await;
            let Some(all) = all.filter(|all| all.shows_only(id, key, &self.owner_tag)) else { return false };
            let listed = all.get(id).map(|seen| &seen.found_tag).filter(|tag| **tag != FoundTag::NotShown);
            let found_tag = match listed {
                Some(found_tag) => Ok(found_tag.clone()),
                None => self.external.found_tag(id).await,
            };
            found_tag.is_ok_and(|tag| self.owner_tag.judge(&tag) == Ownership::Ours)
        })
    }
    fn record_deletion(&self, at: Instant) {
        self.snapshots.record_deletion(at);
    }
    fn absence<'a>(&'a self, id: &'a str, deleted: Instant, waiting: usize) -> BoxFuture<'a, Result<Absence>> {
        Box::pin(async move {
            let is_shown = match self.snapshots.confirm(&self.external, deleted, waiting).await {
                Confirmation::Later => return Ok(Absence::Later),
                Confirmation::Listed(all) => all.get(id).is_some_and(|seen| self.may_be_deleted(&seen.found_tag)),
                Confirmation::Read => {
                    let seen = self.external.observe(id).await?;
                    seen.is_some_and(|seen| self.may_be_deleted(&seen.found_tag))
                }
            };
            Ok(if is_shown { Absence::Shown } else { Absence::Confirmed })
        })
    }
    fn used_by<'a>(&'a self, id: &'a str, not_before: Instant) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(self.external.used_by(id, not_before))
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
