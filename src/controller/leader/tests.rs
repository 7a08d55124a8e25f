use super::fence::{Fence, Moment, Standing};
use super::lease::{self, Holder, ObservedLease};
use super::*;
use std::time::SystemTime;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn spec_of(identity: &str, seconds: i32) -> LeaseSpec {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    LeaseSpec { lease_duration_seconds: Some(seconds), ..Holder::new(identity, now).acquire(None, SECOND) }
}

fn leading(term: Duration) -> (watch::Sender<Standing>, Leadership) {
    let (sender, receiver) = watch::channel(Standing::Leading(Fence::new(Moment::now(), term)));
    (sender, Leadership::new(receiver))
}

#[test]
fn fence_ends_term_without_renewal() {
    let sent = Moment::now();
    let fence = Fence::new(sent, 10 * SECOND);
    assert!(fence.is_valid(Moment { monotonic: sent.monotonic + 9 * SECOND, ..sent }));
    assert!(!fence.is_valid(Moment { monotonic: sent.monotonic + 10 * SECOND, ..sent }));
}

#[tokio::test]
async fn fence_ends_leadership_when_elector_hangs() {
    let (_elector, leadership) = leading(50 * MILLISECOND);
    assert!(leadership.still_leads());
    timeout(SECOND * 5, leadership.lost()).await.expect("the term ends without the elector");
    assert!(!leadership.still_leads());
}

#[tokio::test]
async fn renewal_extends_term() {
    let (elector, leadership) = leading(200 * MILLISECOND);
    let started = Instant::now();
    let waiter = tokio::spawn({
        let leadership = leadership.clone();
        async move { leadership.lost().await }
    });
    sleep(100 * MILLISECOND).await;
    elector.send_replace(Standing::Leading(Fence::new(Moment::now(), 400 * MILLISECOND)));
    waiter.await.unwrap();
    assert!(started.elapsed() >= 500 * MILLISECOND, "{:?}", started.elapsed());
}

#[tokio::test]
async fn term_lasts_until_fence_when_elector_is_dropped() {
    let (elector, leadership) = leading(100 * MILLISECOND);
    let started = Instant::now();
    drop(elector);
    assert!(leadership.still_leads());
    leadership.lost().await;
    assert!(started.elapsed() >= 99 * MILLISECOND, "{:?}", started.elapsed());
}

#[test]
fn fence_ends_term_by_wall_clock_after_suspend() {
    let sent = Moment::now();
    let fence = Fence::new(sent, 10 * SECOND);
    assert!(fence.is_valid(Moment { wall: sent.wall + 9 * SECOND, ..sent }));
    assert!(!fence.is_valid(Moment { wall: sent.wall + 10 * SECOND, ..sent }));
    assert!(
        fence.is_valid(Moment { wall: SystemTime::UNIX_EPOCH, ..sent }),
        "a wall clock that was set back does not end the term"
    );
}

#[tokio::test]
async fn leadership_without_election_lasts() {
    let leadership = Leadership::always();
    assert!(leadership.still_leads());
    assert!(leadership.acquired().await);
    assert!(timeout(Duration::from_millis(20), leadership.lost()).await.is_err());
}

#[tokio::test]
async fn acquired_is_false_when_election_ends_first() {
    let (elector, receiver) = watch::channel(Standing::Waiting);
    let leadership = Leadership::new(receiver);
    assert!(!leadership.still_leads());
    elector.send_replace(Standing::Ended);
    assert!(!leadership.acquired().await);
    leadership.lost().await;
}

#[test]
fn lease_is_free_after_observed_lease_duration() {
    let mut observed = ObservedLease::default();
    let start = Instant::now();
    let mut spec = spec_of("other", 15);
    assert!(observed.is_free(start, SECOND), "there is no lease");
    observed.observe(Some(&spec), start);
    assert!(!observed.is_free(start, SECOND), "its renew time is years ago, but this process read it only now");
    spec = lease::renewed(&spec, Timestamp::from_second(1_700_000_014).unwrap());
    observed.observe(Some(&spec), start + 14 * SECOND);
    observed.observe(Some(&spec), start + 28 * SECOND);
    assert!(!observed.is_free(start + 28 * SECOND, SECOND));
    assert!(observed.is_free(start + 29 * SECOND, SECOND));
}

#[test]
fn deleted_lease_stays_taken_for_its_lease_duration() {
    let mut observed = ObservedLease::default();
    let start = Instant::now();
    observed.observe(Some(&spec_of("other", 15)), start);
    observed.observe(None, start + SECOND);
    assert!(!observed.is_free(start + 14 * SECOND, SECOND));
    assert!(observed.is_free(start + 15 * SECOND, SECOND));
}

#[test]
fn released_lease_is_free_at_once() {
    let now = Timestamp::from_second(1_700_000_001).unwrap();
    for holder_identity in [None, Some(String::new())] {
        let mut observed = ObservedLease::default();
        let released = LeaseSpec { holder_identity, ..lease::released(&spec_of("other", 15), now) };
        observed.observe(Some(&released), Instant::now());
        assert!(observed.is_free(Instant::now(), SECOND));
    }
}

#[test]
fn holder_differs_by_acquire_time() {
    let first = Holder::new("pod", Timestamp::from_microsecond(1_700_000_000_000_001).unwrap());
    let second = Holder::new("pod", Timestamp::from_microsecond(1_700_000_000_000_002).unwrap());
    let spec = first.acquire(None, SECOND);
    assert!(first.is_named_in(&spec));
    assert!(!second.is_named_in(&spec));
    assert!(!first.is_named_in(&lease::released(&spec, Timestamp::UNIX_EPOCH)));
}

#[test]
fn acquire_counts_transitions_and_rounds_duration_up() {
    let holder = Holder::new("me", Timestamp::UNIX_EPOCH);
    let first = holder.acquire(None, Duration::from_millis(2_500));
    assert_eq!((first.lease_transitions, first.lease_duration_seconds), (Some(0), Some(3)));
    let second = holder.acquire(Some(&spec_of("other", 15)), 15 * SECOND);
    assert_eq!((second.lease_transitions, second.lease_duration_seconds), (Some(1), Some(15)));
    assert_eq!(lease::holder_identity(&second), Some("me"));
}

#[test]
fn config_rejects_durations_that_let_two_lead() {
    let good = ElectorConfig::new("ns", "lease", "pod");
    assert_eq!(good.validate(), Ok(()));
    let invalid = [
        ElectorConfig { renew_deadline: good.lease_duration, ..good.clone() },
        ElectorConfig { retry_period: good.renew_deadline, ..good.clone() },
        ElectorConfig { retry_period: Duration::ZERO, ..good.clone() },
        ElectorConfig { identity: String::new(), ..good },
    ];
    for config in invalid {
        assert!(config.validate().is_err(), "{config:?}");
    }
}

#[tokio::test]
async fn leadership_lasts_until_revoked() {
    let (leadership, revocation) = Leadership::revocable();
    assert!(leadership.acquired().await && leadership.still_leads());
    assert!(timeout(50 * MILLISECOND, leadership.lost()).await.is_err());
    revocation.revoke();
    assert!(!leadership.still_leads());
    timeout(SECOND * 5, leadership.lost()).await.expect("the revocation ends the wait");
}

#[tokio::test]
async fn leadership_lasts_when_revocation_is_dropped() {
    let (leadership, revocation) = Leadership::revocable();
    drop(revocation);
    assert!(timeout(50 * MILLISECOND, leadership.lost()).await.is_err());
    assert!(leadership.still_leads());
}
