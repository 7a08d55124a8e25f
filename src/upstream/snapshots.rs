//! One list for many objects: the sweep over one collection of one account.
//!
//! Whoever needs to know how the collection stands asks for a snapshot that is new enough. If the
//! last one is, it is shared; if not, one caller lists the collection while the others wait for the
//! same result. So after a start, and at every interval, a connection costs one list and not one
//! call for each object.
//!
//! A list that fails is not repeated by everyone who waits: they are told that there is none, and
//! look at their objects one by one. Lists that leave out content are complemented by close looks;
//! [`SnapshotCache::try_full_read`] spreads those over time.

use crate::engine::{Document, Observed, Result, Snapshot};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The last list of one collection, shared by all objects of a connection.
pub(crate) struct SnapshotCache<D> {
    taken: tokio::sync::Mutex<Option<Taken<D>>>,
    /// When the last list that succeeded was begun. Apart, since `taken` is held while one is read.
    listed: Mutex<Option<SystemTime>>,
    /// Between two close looks.
    spacing: Duration,
    next_turn: Mutex<Instant>,
}

struct Taken<D> {
    begun: Instant,
    /// `None` when the list failed.
    found: Option<Arc<Snapshot<D>>>,
}

impl<D: Document> SnapshotCache<D> {
    /// Nothing was listed yet. `spacing` lies between two close looks.
    pub(crate) fn new(spacing: Duration) -> Self {
        Self {
            taken: tokio::sync::Mutex::default(),
            listed: Mutex::default(),
            spacing,
            next_turn: Mutex::new(Instant::now()),
        }
    }

    /// The collection as a list showed it that was begun at `not_before` or later; `list` is called
    /// when there is none. It counts from its beginning: what it shows is at least as new.
    pub(crate) async fn since(
        &self,
        not_before: Instant,
        list: impl Future<Output = Result<Vec<Observed<D>>>>,
    ) -> Option<Arc<Snapshot<D>>> {
        let mut taken = self.taken.lock().await;
        if let Some(last) = taken.as_ref().filter(|last| last.begun >= not_before) {
            return last.found.clone();
        }
        let (begun, wall) = (Instant::now(), SystemTime::now());
        let found = match list.await {
            Ok(all) => {
                *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(wall);
                Some(Arc::new(all.into_iter().map(|seen| (seen.id.clone(), seen)).collect()))
            }
            Err(error) => {
                tracing::debug!(%error, "no list: objects are looked at one by one");
                None
            }
        };
        *taken = Some(Taken { begun, found: found.clone() });
        found
    }

    /// When the last list that succeeded was begun.
    pub(crate) fn listed(&self) -> Option<SystemTime> {
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is time for one more close look.
    pub(crate) fn try_full_read(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next_turn.lock().unwrap_or_else(PoisonError::into_inner);
        if *next > now {
            return false;
        }
        *next = now + self.spacing;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Details;
    use crate::engine::Diff;
    use crate::engine::ErrorKind;
    use crate::engine::FoundTag;
    use crate::engine::Problem;
    use crate::engine::UpstreamError;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    struct Thing;

    impl Document for Thing {
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
        Observed { id: id.to_owned(), document: Thing, found_tag: FoundTag::None, details: Details::default() }
    }

    /// Lists one object whose id is the number of the list.
    async fn listed(lists: &AtomicUsize) -> Result<Vec<Observed<Thing>>> {
        let number = lists.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(vec![seen(&number.to_string())])
    }

    #[tokio::test]
    async fn a_crowd_shares_one_list() {
        let (sweep, lists, now) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0), Instant::now());
        let crowd = (0..50).map(|_| sweep.since(now, listed(&lists)));
        let all = futures::future::join_all(crowd).await;
        assert!(all.iter().all(|found| found.as_ref().is_some_and(|found| found.contains_key("1"))));
        assert_eq!(lists.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_wrote_after_the_list_was_begun_gets_a_new_one() {
        let (sweep, lists) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0));
        let first = Instant::now();
        assert!(sweep.since(first, listed(&lists)).await.unwrap().contains_key("1"));
        // Written while the first list was under way: it may or may not show that.
        let written = first + Duration::from_millis(10);
        assert!(sweep.since(written, listed(&lists)).await.unwrap().contains_key("2"));
        assert!(sweep.since(first, listed(&lists)).await.unwrap().contains_key("2"), "the newest serves all");
    }

    #[tokio::test]
    async fn a_list_that_failed_is_not_tried_again_by_everyone_who_waits() {
        let (sweep, tries, now) = (SnapshotCache::<Thing>::new(Duration::ZERO), AtomicUsize::new(0), Instant::now());
        let fail = || async {
            tries.fetch_add(1, Ordering::SeqCst);
            Err(UpstreamError::new(ErrorKind::Unavailable, "list", "down"))
        };
        for _ in 0..10 {
            assert!(sweep.since(now, fail()).await.is_none());
        }
        assert_eq!(tries.load(Ordering::SeqCst), 1);
        assert!(sweep.since(Instant::now(), async { Ok(vec![seen("a")]) }).await.is_some(), "later it is");
    }

    #[test]
    fn turns_come_no_faster_than_the_spacing() {
        let sweep = SnapshotCache::<Thing>::new(Duration::from_mins(1));
        assert!(sweep.try_full_read());
        assert!(!sweep.try_full_read());
        let sweep = SnapshotCache::<Thing>::new(Duration::ZERO);
        assert!(sweep.try_full_read() && sweep.try_full_read());
    }
}
