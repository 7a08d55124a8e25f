//! Tests of the snapshot cache.

use super::*;
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::{Diff, ErrorKind, FoundTag, Problem, UpstreamError};
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
struct Thing;

impl Document for Thing {
    type Details = ();

    fn key(&self) -> String {
        String::new()
    }
    fn grants(&self) -> Grants<'_> {
        Grants::Nothing
    }
    fn diff(&self, _: &Self) -> Diff {
        Diff::default()
    }
    fn granted(&self) -> Change {
        Change::Equal
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
    let shown = |waiting, not_before, page_size| cache.since_for_crowd(not_before, waiting, page_size, listed(&lists));
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

#[test]
fn deletion_awaits_a_list_only_while_others_delete() {
    let soon = Duration::from_secs(1);
    assert_eq!(means_of_confirmation(1, 1, 0, soon), Means::Read, "one object alone");
    assert_eq!(means_of_confirmation(2, 1, 0, soon), Means::List, "a list of one page costs less than two reads");
    assert_eq!(means_of_confirmation(2, 2, 0, soon), Means::Read);
    assert_eq!(means_of_confirmation(2, 1, 3, soon), Means::LaterList, "one of those that wait is not deleted yet");
    assert_eq!(means_of_confirmation(3, 1, 3, soon), Means::List, "those that wait may all be deleted");
    assert_eq!(means_of_confirmation(DELETIONS_PER_PAGE, 1, 500, soon), Means::List);
    assert_eq!(means_of_confirmation(DELETIONS_PER_PAGE, 2, 500, soon), Means::LaterList);
    assert_eq!(means_of_confirmation(3, 5, 500, LONGEST_WAIT), Means::Read, "nothing waits for ever");
}

#[tokio::test]
async fn one_list_confirms_the_deletions_before_it() {
    let (cache, lists) = (SnapshotCache::new(Duration::ZERO), AtomicUsize::new(0));
    let confirm = |deleted, waiting| cache.confirm(deleted, waiting, 100, listed(&lists));
    let deleted: Vec<Instant> = (0..3).map(|_| Instant::now()).collect();
    for at in &deleted {
        cache.record_deletion(*at);
        assert!(matches!(confirm(*at, 9).await, Confirmation::Later));
    }
    for at in &deleted {
        assert!(matches!(confirm(*at, 0).await, Confirmation::Listed(_)));
    }
    assert_eq!(lists.load(Ordering::SeqCst), 1);
    let later = Instant::now();
    cache.record_deletion(later);
    assert!(matches!(confirm(later, 0).await, Confirmation::Read), "the list began before this deletion");
    let last = Instant::now();
    cache.record_deletion(last);
    assert!(matches!(confirm(last, 0).await, Confirmation::Read), "a read confirmed the one before");
    assert_eq!(lists.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failed_list_leaves_deletions_to_reads() {
    let cache = SnapshotCache::<Thing>::new(Duration::ZERO);
    let fail = || async { Err(UpstreamError::new(ErrorKind::Unavailable, "list", "down")) };
    let deleted = Instant::now();
    (0..3).for_each(|_| cache.record_deletion(deleted));
    assert!(matches!(cache.confirm(deleted, 0, 100, fail()).await, Confirmation::Read));
}
