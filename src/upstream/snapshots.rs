//! The snapshot cache: one list of a collection, shared by all objects of a connection.
//!
//! An object asks for a snapshot that is new enough. If the last list is, all share it. If not, one
//! caller lists the collection while the others wait for the same result. So after a start, and in
//! every interval, a connection costs one list and not one call for each object.
//!
//! One list also confirms the deletions of a crowd. A list that begins after several deletions shows whether all of
//! them took effect, so an object waits for it while enough others still delete ([`means_of_confirmation`]).
//!
//! The waiting callers do not repeat a list that failed: they get no snapshot and read their objects one
//! by one. If lists leave out fields, full reads complete them; [`SnapshotCache::try_full_read`] spreads
//! those over time.

use crate::engine::{Confirmation, Document, External, Observed, Result, Snapshot, SnapshotFuture, Snapshots};
use futures::future::BoxFuture;
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How many deletions one page of a list confirms at least while more are under way: the lists then cost a fortieth of a
/// request for each.
const DELETIONS_PER_PAGE: u64 = 40;

/// The longest wait of a deletion for others that its list would confirm as well.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The last list of one collection, shared by all objects of a connection.
pub(crate) struct SnapshotCache<D: Document> {
    last: tokio::sync::Mutex<Option<LastList<D>>>,
    /// The time when the last successful list began. Not part of `last`, which is locked during a list.
    listed: Mutex<Option<SystemTime>>,
    /// The minimum time between two full reads.
    spacing: Duration,
    next_full_read: Mutex<Instant>,
    next_users_read: Mutex<Instant>,
    /// When the deletions were accepted that no list confirms yet.
    unconfirmed: Mutex<Vec<Instant>>,
}

/// What confirms a deletion with the fewest requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    List,
    LaterList,
    Read,
}

/// Decides what confirms a deletion that was accepted `since` ago, if `unconfirmed` deletions await a list of that many
/// pages, and `waiting` objects of the connection wait for their turn.
fn means_of_confirmation(unconfirmed: u64, pages: u64, waiting: u64, since: Duration) -> Means {
    if unconfirmed >= DELETIONS_PER_PAGE * pages {
        Means::List
    } else if waiting > unconfirmed && since < LONGEST_WAIT {
        // Some that wait have not been deleted yet.
        Means::LaterList
    } else if unconfirmed > pages {
        Means::List
    } else {
        Means::Read
    }
}

struct LastList<D: Document> {
    begun: Instant,
    /// `None` if the list failed, or if its caller ended before the list did.
    found: Option<Arc<Snapshot<D>>>,
}

impl<D: Document> SnapshotCache<D> {
    /// Creates a cache without a list. `spacing` is the minimum time between two full reads.
    pub(crate) fn new(spacing: Duration) -> Self {
        Self {
            last: tokio::sync::Mutex::default(),
            listed: Mutex::default(),
            spacing,
            next_full_read: Mutex::new(Instant::now()),
            next_users_read: Mutex::new(Instant::now()),
            unconfirmed: Mutex::default(),
        }
    }

    /// Returns a list that began at `not_before` or later; runs `list` if there is none. The beginning
    /// counts, because the list shows a state at least as new.
    pub(crate) async fn since(
        &self,
        not_before: Instant,
        list: impl Future<Output = Result<Vec<Observed<D>>>>,
    ) -> Option<Arc<Snapshot<D>>> {
        self.since_if(not_before, |_| true, list).await
    }

    /// Returns a list that began at `not_before` or later, if there is one. Runs `list` only if it takes fewer requests
    /// than a read for each of `waiting` objects and one more.
    pub(crate) async fn since_for_crowd(
        &self,
        not_before: Instant,
        waiting: usize,
        page_size: u64,
        list: impl Future<Output = Result<Vec<Observed<D>>>>,
    ) -> Option<Arc<Snapshot<D>>> {
        let is_cheaper = |listed: usize| waiting as u64 + 1 > pages(listed, page_size);
        self.since_if(not_before, is_cheaper, list).await
    }

    /// Returns a list that began at `not_before` or later. If there is none, runs `list` if it is worth that, by the
    /// number of objects in the last list.
    async fn since_if(
        &self,
        not_before: Instant,
        is_worth: impl FnOnce(usize) -> bool,
        list: impl Future<Output = Result<Vec<Observed<D>>>>,
    ) -> Option<Arc<Snapshot<D>>> {
        let mut cached = self.last.lock().await;
        if let Some(last) = cached.as_ref().filter(|last| last.begun >= not_before) {
            return last.found.clone();
        }
        let shown = cached.as_ref().and_then(|last| last.found.as_ref()).map_or(0, |found| found.len());
        if !is_worth(shown) {
            return None;
        }
        let (begun, wall) = (Instant::now(), SystemTime::now());
        self.unconfirmed().retain(|deleted| *deleted > begun);
        // No caller gets the earlier list while `last` is locked, and both lists together would take twice the memory.
        if let Some(last) = cached.as_mut() {
            last.found = None;
        }
        let found = match list.await {
            Ok(all) => {
                *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(wall);
                Some(Arc::new(all.into_iter().collect()))
            }
            Err(error) => {
                tracing::debug!(%error, "list failed; reading objects individually");
                None
            }
        };
        *cached = Some(LastList { begun, found: found.clone() });
        found
    }

    /// Records when a deletion was accepted that a later list may confirm.
    pub(crate) fn record_deletion(&self, at: Instant) {
        let mut unconfirmed = self.unconfirmed();
        unconfirmed.retain(|earlier| at.saturating_duration_since(*earlier) < 2 * LONGEST_WAIT);
        unconfirmed.push(at);
    }

    /// Returns what confirms a deletion that was accepted at `deleted`: a list that began since, or the one that pays off
    /// now.
    pub(crate) async fn confirm(
        &self,
        deleted: Instant,
        waiting: usize,
        page_size: u64,
        list: impl Future<Output = Result<Vec<Observed<D>>>>,
    ) -> Confirmation<D> {
        let unconfirmed = self.unconfirmed().len() as u64;
        let mut means = Means::Read;
        let is_worth = |listed: usize| {
            means = means_of_confirmation(unconfirmed, pages(listed, page_size), waiting as u64, deleted.elapsed());
            means == Means::List
        };
        match self.since_if(deleted, is_worth, list).await {
            Some(found) => Confirmation::Listed(found),
            None if means == Means::LaterList => Confirmation::Later,
            None => {
                self.unconfirmed().retain(|other| *other != deleted);
                Confirmation::Read
            }
        }
    }

    fn unconfirmed(&self) -> MutexGuard<'_, Vec<Instant>> {
        // An instant is valid at every moment, so a panic elsewhere leaves a valid list.
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports whether one more object may be read completely now.
    pub(crate) fn try_full_read(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next_full_read.lock().unwrap_or_else(PoisonError::into_inner);
        if *next > now {
            return false;
        }
        *next = now + self.spacing;
        true
    }
}

impl<D: Document> SnapshotCache<D> {
    /// Reports whether the users of one more object may be read now: a fourth as often as objects. Its request takes the place
    /// of half a full read, which has two.
    pub(crate) fn try_users_read(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next_users_read.lock().unwrap_or_else(PoisonError::into_inner);
        if *next > now {
            return false;
        }
        *next = now + self.spacing * 4;
        let mut full = self.next_full_read.lock().unwrap_or_else(PoisonError::into_inner);
        *full = (*full).max(now) + self.spacing / 2;
        true
    }
}

/// Returns how many pages a list of so many objects has.
fn pages(objects: usize, page_size: u64) -> u64 {
    1 + objects as u64 / page_size.max(1)
}

impl<E: External> Snapshots<E> for SnapshotCache<E::Document> {
    fn snapshot<'a>(&'a self, external: &'a E, not_before: Instant) -> SnapshotFuture<'a, E::Document> {
        Box::pin(self.since(not_before, external.list()))
    }

    fn snapshot_for_crowd<'a>(
        &'a self,
        external: &'a E,
        not_before: Instant,
        waiting: usize,
    ) -> SnapshotFuture<'a, E::Document> {
        Box::pin(self.since_for_crowd(not_before, waiting, E::PAGE_SIZE, external.list()))
    }

    fn record_deletion(&self, at: Instant) {
        Self::record_deletion(self, at);
    }

    fn confirm<'a>(
        &'a self,
        external: &'a E,
        deleted: Instant,
        waiting: usize,
    ) -> BoxFuture<'a, Confirmation<E::Document>> {
        Box::pin(Self::confirm(self, deleted, waiting, E::PAGE_SIZE, external.list()))
    }

    fn try_full_read(&self) -> bool {
        Self::try_full_read(self)
    }

    fn try_users_read(&self) -> bool {
        Self::try_users_read(self)
    }
}

/// The snapshot caches of one account, by the name of the collection.
pub(crate) struct SnapshotCaches {
    spacing: Duration,
    caches: Mutex<BTreeMap<&'static str, Arc<dyn AnyCache>>>,
}

impl SnapshotCaches {
    /// Creates no cache yet. `spacing` is the minimum time between two full reads.
    pub(crate) fn new(spacing: Duration) -> Self {
        Self { spacing, caches: Mutex::default() }
    }

    /// Returns the cache of a collection, and creates it at the first call.
    pub(crate) fn of<E: External>(&self) -> Arc<SnapshotCache<E::Document>> {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let create = || Arc::new(SnapshotCache::<E::Document>::new(self.spacing));
        let cache: Arc<dyn Any + Send + Sync> = Arc::clone(caches.entry(E::SYSTEM).or_insert_with(|| create())) as _;
        // The entry of a name always has the type of its collection.
        cache.downcast().unwrap_or_else(|_| create())
    }

    /// Returns the listed collections, and when their last successful list began.
    pub(crate) fn listed(&self) -> Vec<(&'static str, SystemTime)> {
        let caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        caches.iter().filter_map(|(system, cache)| Some((*system, cache.listed()?))).collect()
    }
}

/// A snapshot cache with its type erased.
trait AnyCache: Any + Send + Sync {
    /// Returns when the last successful list began.
    fn listed(&self) -> Option<SystemTime>;
}

impl<D: Document> AnyCache for SnapshotCache<D> {
    fn listed(&self) -> Option<SystemTime> {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
