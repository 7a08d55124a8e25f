//! The snapshot cache: one list of a collection, shared by all objects of a connection.
//!
//! An object asks for a snapshot that is new enough. If the last list is, all share it. If not, one
//! caller lists the collection while the others wait for the same result. So after a start, and in
//! every interval, a connection costs one list and not one call for each object.
//!
//! The waiting callers do not repeat a list that failed: they get no snapshot and read their objects one
//! by one. If lists leave out fields, full reads complete them; [`SnapshotCache::try_full_read`] spreads
//! those over time.

use crate::engine::{Document, External, Observed, Result, Snapshot, SnapshotFuture, Snapshots};
use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The last list of one collection, shared by all objects of a connection.
pub(crate) struct SnapshotCache<D: Document> {
    last: tokio::sync::Mutex<Option<LastList<D>>>,
    /// The time when the last successful list began. Not part of `last`, which is locked during a list.
    listed: Mutex<Option<SystemTime>>,
    /// The minimum time between two full reads.
    spacing: Duration,
    next_full_read: Mutex<Instant>,
}

struct LastList<D: Document> {
    begun: Instant,
    /// `None` if the list failed.
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
        let is_cheaper = |listed: usize| waiting as u64 + 1 > 1 + listed as u64 / page_size.max(1);
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

    fn try_full_read(&self) -> bool {
        Self::try_full_read(self)
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
mod tests {
    use super::*;
    use crate::engine::{Diff, ErrorKind, FoundTag, Problem, UpstreamError};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    struct Thing;

    impl Document for Thing {
        type Details = ();

        fn key(&self) -> String {
            String::new()
        }
        fn diff(&self, _: &Self) -> Diff {
            Diff::default()
        }
        fn validate(&self) -> Vec<Problem> {
            Vec::new()
        }
    }

    fn seen(id: &str) -> Observed<Thing> {
        Observed { id: id.to_owned(), document: Thing, found_tag: FoundTag::None, details: () }
    }

    /// Lists one object. Its id is the number of the list.
    async fn listed(lists: &AtomicUsize) -> Result<Vec<Observed<Thing>>> {
        let number = lists.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(vec![seen(&number.to_string())])
    }

    #[tokio::test]
    async fn callers_share_one_list() {
        let (cache, lists, now) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0), Instant::now());
        let callers = (0..50).map(|_| cache.since(now, listed(&lists)));
        let all = futures::future::join_all(callers).await;
        assert!(all.iter().all(|found| found.as_ref().is_some_and(|found| found.get("1").is_some())));
        assert_eq!(lists.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn caller_gets_new_list_after_a_later_write() {
        let (cache, lists) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0));
        let first = Instant::now();
        assert!(cache.since(first, listed(&lists)).await.unwrap().get("1").is_some());
        // Written while the first list was running: it may or may not show the write.
        let written = first + Duration::from_millis(10);
        assert!(cache.since(written, listed(&lists)).await.unwrap().get("2").is_some());
        assert!(cache.since(first, listed(&lists)).await.unwrap().get("2").is_some(), "the newest serves all");
    }

    #[tokio::test]
    async fn waiting_callers_do_not_repeat_a_failed_list() {
        let (cache, tries, now) = (SnapshotCache::<Thing>::new(Duration::ZERO), AtomicUsize::new(0), Instant::now());
        let fail = || async {
            tries.fetch_add(1, Ordering::SeqCst);
            Err(UpstreamError::new(ErrorKind::Unavailable, "list", "down"))
        };
        for _ in 0..10 {
            assert!(cache.since(now, fail()).await.is_none());
        }
        assert_eq!(tries.load(Ordering::SeqCst), 1);
        assert!(cache.since(Instant::now(), async { Ok(vec![seen("a")]) }).await.is_some(), "a later call lists again");
    }

    #[tokio::test]
    async fn crowd_shares_a_list_that_costs_fewer_requests() {
        let (cache, lists, now) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0), Instant::now());
        let shown =
            |waiting, not_before, page_size| cache.since_for_crowd(not_before, waiting, page_size, listed(&lists));
        assert!(shown(0, now, 1).await.is_none(), "a read costs one request, as the list does");
        assert!(shown(1, now, 1).await.is_some());
        assert!(shown(0, now, 1).await.is_some(), "the list is there already");
        let later = Instant::now();
        assert!(shown(1, later, 1).await.is_none(), "the last list had one object on a page of one, so two pages");
        assert!(shown(1, later, 2).await.is_some() && shown(2, Instant::now(), 1).await.is_some());
        assert_eq!(lists.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn full_reads_keep_the_spacing() {
        let cache = SnapshotCache::<Thing>::new(Duration::from_mins(1));
        assert!(cache.try_full_read());
        assert!(!cache.try_full_read());
        let cache = SnapshotCache::<Thing>::new(Duration::ZERO);
        assert!(cache.try_full_read() && cache.try_full_read());
    }
}
