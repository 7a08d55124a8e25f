use super::fence::{Fence, Moment, Standing};
use super::record::{self, Claim, Watched};
use super::*;
use std::time::SystemTime;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

fn held_by(identity: &str, seconds: i32) -> LeaseSpec {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    LeaseSpec { lease_duration_seconds: Some(seconds), ..Claim::new(identity, now).record(None, SECOND) }
}

fn leading(until: Duration) -> (watch::Sender<Standing>, Leadership) {
    let (sender, receiver) = watch::channel(Standing::Leading(Fence::from(Moment::now(), until)));
    (sender, Leadership::of(receiver))
}

#[test]
fn the_fence_falls_by_itself_when_nobody_renews() {
    let sent = Moment::now();
    let fence = Fence::from(sent, 10 * SECOND);
    assert!(fence.holds(Moment { monotonic: sent.monotonic + 9 * SECOND, ..sent }));
    assert!(!fence.holds(Moment { monotonic: sent.monotonic + 10 * SECOND, ..sent }));
}

#[tokio::test]
async fn a_hanging_elector_cannot_keep_the_process_leading() {
    let (_hanging, leadership) = leading(50 * MILLISECOND);
    assert!(leadership.still_leads());
    timeout(SECOND * 5, leadership.lost()).await.expect("the fence falls without the elector");
    assert!(!leadership.still_leads());
}

#[tokio::test]
async fn a_renewal_moves_the_fence_and_loss_waits_for_the_new_one() {
    let (elector, leadership) = leading(200 * MILLISECOND);
    let started = Instant::now();
    let waiter = tokio::spawn({
        let leadership = leadership.clone();
        async move { leadership.lost().await }
    });
    sleep(100 * MILLISECOND).await;
    elector.send_replace(Standing::Leading(Fence::from(Moment::now(), 400 * MILLISECOND)));
    waiter.await.unwrap();
    assert!(started.elapsed() >= 500 * MILLISECOND, "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_elector_that_vanished_still_ends_at_its_fence() {
    let (elector, leadership) = leading(100 * MILLISECOND);
    let started = Instant::now();
    drop(elector);
    assert!(leadership.still_leads());
    leadership.lost().await;
    assert!(started.elapsed() >= 99 * MILLISECOND, "{:?}", started.elapsed());
}

#[test]
fn a_machine_that_was_suspended_does_not_trust_its_monotonic_clock() {
    let sent = Moment::now();
    let fence = Fence::from(sent, 10 * SECOND);
    assert!(fence.holds(Moment { wall: sent.wall + 9 * SECOND, ..sent }));
    assert!(!fence.holds(Moment { wall: sent.wall + 10 * SECOND, ..sent }));
    assert!(fence.holds(Moment { wall: SystemTime::UNIX_EPOCH, ..sent }), "a clock set back proves nothing");
}

#[tokio::test]
async fn without_election_one_always_leads() {
    let leadership = Leadership::always();
    assert!(leadership.still_leads());
    assert!(leadership.acquired().await);
    assert!(timeout(Duration::from_millis(20), leadership.lost()).await.is_err());
}

#[tokio::test]
async fn an_election_that_ended_without_us_says_so() {
    let (elector, receiver) = watch::channel(Standing::Waiting);
    let leadership = Leadership::of(receiver);
    assert!(!leadership.still_leads());
    elector.send_replace(Standing::Ended);
    assert!(!leadership.acquired().await);
    leadership.lost().await;
}

#[test]
fn a_record_is_stale_only_after_it_stood_still_before_our_own_eyes() {
    let mut watched = Watched::default();
    let start = Instant::now();
    let mut record = held_by("other", 15);
    assert!(watched.is_free(start, SECOND), "there is no lease");
    watched.see(Some(&record), start);
    assert!(!watched.is_free(start, SECOND), "its renew time is years ago, but we only just saw it");
    record = record::renewed(&record, Timestamp::from_second(1_700_000_014).unwrap());
    watched.see(Some(&record), start + 14 * SECOND);
    watched.see(Some(&record), start + 28 * SECOND);
    assert!(!watched.is_free(start + 28 * SECOND, SECOND));
    assert!(watched.is_free(start + 29 * SECOND, SECOND));
}

#[test]
fn deleting_the_lease_does_not_free_it_while_its_holder_may_go_on() {
    let mut watched = Watched::default();
    let start = Instant::now();
    watched.see(Some(&held_by("other", 15)), start);
    watched.see(None, start + SECOND);
    assert!(!watched.is_free(start + 14 * SECOND, SECOND));
    assert!(watched.is_free(start + 15 * SECOND, SECOND));
}

#[test]
fn a_released_lease_is_free_at_once() {
    let now = Timestamp::from_second(1_700_000_001).unwrap();
    for holder in [None, Some(String::new())] {
        let mut watched = Watched::default();
        let released = LeaseSpec { holder_identity: holder, ..record::released(&held_by("other", 15), now) };
        watched.see(Some(&released), Instant::now());
        assert!(watched.is_free(Instant::now(), SECOND));
    }
}

#[test]
fn a_process_with_the_same_name_is_another_process() {
    let first = Claim::new("pod", Timestamp::from_microsecond(1_700_000_000_000_001).unwrap());
    let second = Claim::new("pod", Timestamp::from_microsecond(1_700_000_000_000_002).unwrap());
    let record = first.record(None, SECOND);
    assert!(first.stands_in(&record));
    assert!(!second.stands_in(&record));
    assert!(!first.stands_in(&record::released(&record, Timestamp::UNIX_EPOCH)));
}

#[test]
fn taking_over_counts_a_transition_and_never_promises_less_than_configured() {
    let claim = Claim::new("me", Timestamp::UNIX_EPOCH);
    let first = claim.record(None, Duration::from_millis(2_500));
    assert_eq!((first.lease_transitions, first.lease_duration_seconds), (Some(0), Some(3)));
    let second = claim.record(Some(&held_by("other", 15)), 15 * SECOND);
    assert_eq!((second.lease_transitions, second.lease_duration_seconds), (Some(1), Some(15)));
    assert_eq!(record::holder(&second), Some("me"));
}

#[test]
fn durations_that_would_let_two_lead_are_refused() {
    let good = ElectorConfig::new("ns", "lease", "pod");
    assert_eq!(good.check(), Ok(()));
    let refused = [
        ElectorConfig { renew_deadline: good.lease_duration, ..good.clone() },
        ElectorConfig { retry_period: good.renew_deadline, ..good.clone() },
        ElectorConfig { retry_period: Duration::ZERO, ..good.clone() },
        ElectorConfig { identity: String::new(), ..good },
    ];
    for config in refused {
        assert!(config.check().is_err(), "{config:?}");
    }
}

#[tokio::test]
async fn leadership_that_can_be_revoked_holds_until_it_is() {
    let (leadership, revocation) = Leadership::revocable();
    assert!(leadership.acquired().await && leadership.still_leads());
    assert!(timeout(50 * MILLISECOND, leadership.lost()).await.is_err());
    revocation.revoke();
    assert!(!leadership.still_leads());
    timeout(SECOND * 5, leadership.lost()).await.expect("told of the loss");
}

#[tokio::test]
async fn leadership_that_nobody_can_revoke_any_more_stays() {
    let (leadership, revocation) = Leadership::revocable();
    drop(revocation);
    assert!(timeout(50 * MILLISECOND, leadership.lost()).await.is_err());
    assert!(leadership.still_leads());
}
