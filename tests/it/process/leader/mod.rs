//! Leader election against a real API server, through a connection that a test can interrupt.

mod election;
mod wire;

use cloud_policy::controller::leader::End;
use cloud_policy_testbed::wait_for;
use election::{Count, DEADLINE, Election, LEASE, LIMIT, NAME, RETRY};
use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, Patch, PatchParams};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use wire::Mode;

#[tokio::test]
async fn leader_steps_down_before_takeover_when_disconnected() {
    let election = Election::new().await;
    let first = election.join("first");
    first.leads().await;
    let (second, third) = (election.join("second"), election.join("third"));
    let count = Count::of(&[&first.leadership, &second.leadership, &third.leadership]);
    first.wire.set(Mode::Hole);
    let cut = Instant::now();
    timeout(LIMIT, first.leadership.lost()).await.unwrap();
    assert!(!first.leadership.still_leads());
    assert!(cut.elapsed() <= DEADLINE + RETRY, "led for {:?} without a renewal", cut.elapsed());
    assert!(!second.leadership.still_leads() && !third.leadership.still_leads(), "no candidate leads in the gap");
    tokio::select! {
        () = second.leads() => {}
        () = third.leads() => {}
    }
    assert!(cut.elapsed() >= DEADLINE + RETRY * 2, "taken over after {:?} already", cut.elapsed());
    assert_eq!(first.end.await.unwrap(), End::Lost);
    sleep(LEASE).await;
    assert_eq!(count.most(), 1, "at most one candidate leads at a time");
}

#[tokio::test]
async fn paused_process_has_lost_leadership_when_it_continues() {
    let election = Election::new().await;
    let (elector, _wire) = election.elector("stopped");
    let stopped = elector.leadership();
    let (stop, stopping) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let run = tokio::spawn(elector.run(CancellationToken::new()));
            while stopping.try_recv().is_err() {
                sleep(Duration::from_millis(5)).await;
            }
            // As after SIGSTOP, no task and no timer of this runtime continues.
            std::thread::sleep(LEASE * 2);
            run.await.unwrap()
        })
    });
    assert!(timeout(LIMIT, stopped.acquired()).await.unwrap());
    let heir = election.join("heir");
    let count = Count::of(&[&stopped, &heir.leadership]);
    stop.send(()).unwrap();
    heir.leads().await;
    assert!(!stopped.still_leads());
    let end = tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    assert_eq!(end, End::Lost);
    heir.goes_on_for(DEADLINE).await;
    assert_eq!(count.most(), 1, "at most one candidate leads at a time");
}

#[tokio::test]
async fn shutdown_releases_lease_immediately() {
    let election = Election::new().await;
    let first = election.join("first");
    first.leads().await;
    let second = election.join("second");
    sleep(RETRY * 2).await;
    let count = Count::of(&[&first.leadership, &second.leadership]);
    first.shutdown.cancel();
    let released = Instant::now();
    assert_eq!(first.end.await.unwrap(), End::Released);
    assert!(!first.leadership.still_leads());
    second.leads().await;
    assert!(released.elapsed() < LEASE / 2, "waited for {:?}", released.elapsed());
    assert_eq!(count.most(), 1, "at most one candidate leads at a time");
    let lease = election.lease().await;
    assert_eq!(lease.holder_identity.as_deref(), Some("second"));
    assert_eq!(lease.lease_transitions, Some(1));
    second.shutdown.cancel();
    assert_eq!(second.end.await.unwrap(), End::Released);
    assert_eq!(election.lease().await.holder_identity, None);
}

#[tokio::test]
async fn waiting_candidate_shuts_down_without_changing_lease() {
    let election = Election::new().await;
    let (first, second) = (election.join("first"), election.join("second"));
    tokio::select! {
        () = first.leads() => {}
        () = second.leads() => {}
    }
    let (leader, waiting) = if first.leadership.still_leads() { (first, second) } else { (second, first) };
    waiting.shutdown.cancel();
    assert_eq!(timeout(LIMIT, waiting.end).await.unwrap().unwrap(), End::Released);
    assert!(!waiting.leadership.acquired().await);
    leader.goes_on_for(RETRY * 4).await;
}

#[tokio::test]
async fn stale_lease_is_taken_after_its_duration_despite_clock_skew() {
    for skew in [SignedDuration::from_hours(-24 * 365), SignedDuration::from_hours(24 * 365)] {
        let election = Election::new().await;
        let time = MicroTime(Timestamp::now().checked_add(skew).unwrap());
        let ghost = LeaseSpec {
            holder_identity: Some("ghost".to_owned()),
            acquire_time: Some(time.clone()),
            renew_time: Some(time),
            lease_duration_seconds: Some(2),
            lease_transitions: Some(7),
            ..LeaseSpec::default()
        };
        election.create_lease(ghost).await;
        let started = Instant::now();
        let heir = election.join("heir");
        heir.leads().await;
        let waited = started.elapsed();
        assert!(waited >= Duration::from_secs(2), "with a clock off by {skew}: taken after {waited:?}");
        let lease = election.lease().await;
        assert_eq!(lease.holder_identity.as_deref(), Some("heir"));
        assert_eq!(lease.lease_transitions, Some(8));
    }
}

#[tokio::test]
async fn slower_candidate_loses_free_lease() {
    for left_behind in [None, Some(LeaseSpec::default())] {
        let election = Election::new().await;
        if let Some(spec) = left_behind {
            election.create_lease(spec).await;
        }
        let slow = election.join_through("slow", Mode::HoldWrites);
        wait_for("the slow candidate to write", LIMIT, || async {
            if slow.wire.writes() > 0 { Ok(()) } else { anyhow::bail!("no write yet") }
        })
        .await
        .unwrap();
        let fast = election.join("fast");
        fast.leads().await;
        slow.wire.set(Mode::Open);
        fast.goes_on_for(DEADLINE).await;
        assert!(!slow.leadership.still_leads());
        assert!(slow.wire.writes() == 1, "the loser sends no further write");
    }
}

#[tokio::test]
async fn acquired_lease_is_recognised_when_response_was_lost() {
    let election = Election::new().await;
    let only = election.join_through("only", Mode::LoseAnswers);
    wait_for("the lease to be created", LIMIT, || async { Ok(election.leases.get(NAME).await?) }).await.unwrap();
    assert!(!only.leadership.still_leads(), "the response has not arrived");
    only.wire.set(Mode::Open);
    only.leads().await;
    assert_eq!(election.lease().await.lease_transitions, Some(0), "the takeover is not counted as a transition");
}

#[tokio::test]
async fn leader_keeps_lease_when_renewal_response_is_lost() {
    let election = Election::new().await;
    let leader = election.join("leader");
    leader.leads().await;
    let before = leader.wire.writes();
    leader.wire.set(Mode::LoseAnswers);
    wait_for("a renewal to be sent", LIMIT, || async {
        if leader.wire.writes() > before { Ok(()) } else { anyhow::bail!("no write yet") }
    })
    .await
    .unwrap();
    leader.wire.set(Mode::Open);
    leader.goes_on_for(DEADLINE * 2).await;
}

#[tokio::test]
async fn leader_stops_when_lease_names_another_holder() {
    let election = Election::new().await;
    let leader = election.join("leader");
    leader.leads().await;
    let usurp = serde_json::json!({"spec": {"holderIdentity": "usurper"}});
    election.leases.patch(NAME, &PatchParams::default(), &Patch::Merge(usurp)).await.unwrap();
    assert_eq!(timeout(DEADLINE / 2, leader.end).await.expect("at the next renewal").unwrap(), End::Lost);
    assert!(!leader.leadership.still_leads());
    assert_eq!(election.lease().await.holder_identity.as_deref(), Some("usurper"));
}

#[tokio::test]
async fn leader_keeps_lease_after_manual_edit_or_deletion() {
    let election = Election::new().await;
    let leader = election.join("leader");
    leader.leads().await;
    let waiting = election.join("waiting");
    sleep(RETRY * 2).await;
    let note = serde_json::json!({"metadata": {"annotations": {"note": "by hand"}}});
    election.leases.patch(NAME, &PatchParams::default(), &Patch::Merge(note)).await.unwrap();
    leader.goes_on_for(RETRY * 3).await;
    election.leases.delete(NAME, &DeleteParams::default()).await.unwrap();
    leader.goes_on_for(DEADLINE + RETRY).await;
    assert!(!waiting.leadership.still_leads());
    assert_eq!(election.lease().await.holder_identity.as_deref(), Some("leader"));
}
