use super::*;

const MINUTE: Duration = Duration::from_mins(1);

/// A clock that a test moves.
#[derive(Clone)]
struct FakeClock(Arc<Mutex<Instant>>);

impl FakeClock {
    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

fn start() -> (Arc<Heartbeats>, FakeClock) {
    let clock = FakeClock(Arc::new(Mutex::new(Instant::now())));
    let read = clock.clone();
    (Arc::new(Heartbeats::new(Patience::default(), Box::new(move || *read.0.lock().unwrap()))), clock)
}

fn key(name: &str) -> ConnectionKey {
    ConnectionKey { namespace: Some("n".to_owned()), name: name.to_owned() }
}

fn stalls(heartbeats: &Heartbeats) -> Vec<(Controller, &'static str, u64)> {
    heartbeats.stalls().into_iter().map(|stall| (stall.controller, stall.what, stall.elapsed.as_secs() / 60)).collect()
}

#[test]
fn process_without_controllers_is_never_stalled() {
    let (heartbeats, clock) = start();
    clock.pass(MINUTE * 60 * 24 * 365);
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn loop_is_stalled_until_it_runs_again() {
    let (heartbeats, clock) = start();
    heartbeats.ran();
    clock.pass(MINUTE * 10);
    assert_eq!(stalls(&heartbeats), []);
    clock.pass(MINUTE);
    assert_eq!(stalls(&heartbeats), [("all controllers", "their loop does not run", 11)]);
    heartbeats.ran();
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn report_names_the_controller_and_since_when() {
    let (heartbeats, clock) = start();
    heartbeats.watch("Policy");
    clock.pass(MINUTE * 11);
    let now = "2026-11-21T10:11:00.5Z".parse().unwrap();
    assert_eq!(heartbeats.report(now), ["Policy: its watch is silent since 2026-11-21T10:00:00Z"]);
}

#[test]
fn silent_watch_is_named_and_others_are_not() {
    let (heartbeats, clock) = start();
    let (policies, connections) = (heartbeats.watch("Policy"), heartbeats.watch("Connection"));
    clock.pass(MINUTE * 8);
    heartbeats.heard(connections);
    clock.pass(MINUTE * 3);
    assert_eq!(stalls(&heartbeats), [("Policy", "its watch is silent", 11)]);
    heartbeats.heard(policies);
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn object_is_stalled_when_due_for_long() {
    let (heartbeats, clock) = start();
    heartbeats.schedule("Policy", "a", Some(MINUTE * 60));
    heartbeats.schedule("Policy", "b", None);
    clock.pass(MINUTE * 69);
    assert_eq!(stalls(&heartbeats), []);
    clock.pass(MINUTE * 2);
    assert_eq!(stalls(&heartbeats), [("Policy", "an object that is due is not reconciled", 11)]);
    drop(heartbeats.arrived("Policy", "a", None));
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn object_that_is_gone_is_not_due() {
    let (heartbeats, clock) = start();
    heartbeats.schedule("Policy", "gone", Some(MINUTE));
    heartbeats.schedule("Policy", "here", Some(MINUTE));
    assert!(!heartbeats.has_late("Policy"));
    clock.pass(MINUTE * 7);
    assert!(heartbeats.has_late("Policy") && !heartbeats.has_late("Connection"));
    heartbeats.forget_late("Connection", |_| false);
    heartbeats.forget_late("Policy", |uid| uid == "here");
    clock.pass(MINUTE * 7);
    assert_eq!(stalls(&heartbeats).len(), 1);
    drop(heartbeats.arrived("Policy", "here", None));
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn reconcile_that_never_ends_is_stalled() {
    let (heartbeats, clock) = start();
    let attempt = heartbeats.arrived("Connection", "a", None);
    clock.pass(MINUTE * 12);
    assert_eq!(stalls(&heartbeats), [("Connection", "a reconcile does not end", 12)]);
    drop(attempt);
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn long_queue_is_not_stalled_while_it_moves() {
    let (heartbeats, clock) = start();
    let mut attempts: Vec<_> =
        (0..500).map(|n| heartbeats.arrived("Policy", &n.to_string(), Some(&key("slow")))).collect();
    // Every reconcile ends by its timeout, because the upstream does not answer.
    while let Some(mut attempt) = attempts.pop() {
        attempt.begin();
        clock.pass(MINUTE * 2);
        assert_eq!(stalls(&heartbeats), [], "{} wait", attempts.len());
    }
    clock.pass(MINUTE * 60);
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn queue_is_stalled_when_no_object_gets_a_permit() {
    let (heartbeats, clock) = start();
    let waits = heartbeats.arrived("Policy", "a", Some(&key("stuck")));
    clock.pass(MINUTE * 11);
    // Another connection moves, and more objects arrive: neither helps the first.
    heartbeats.arrived("Policy", "b", Some(&key("fine"))).begin();
    let more = heartbeats.arrived("Policy", "c", Some(&key("stuck")));
    assert_eq!(stalls(&heartbeats), [("Policy", "no object gets a permit", 11)]);
    drop(waits);
    assert_eq!(stalls(&heartbeats), []);
    drop(more);
    clock.pass(MINUTE * 60);
    assert_eq!(stalls(&heartbeats), []);
}

#[test]
fn stopped_controllers_are_never_stalled() {
    let (heartbeats, clock) = start();
    heartbeats.ran();
    let watch = heartbeats.watch("Policy");
    let attempt = heartbeats.arrived("Policy", "a", Some(&key("c")));
    heartbeats.stop();
    heartbeats.heard(watch);
    clock.pass(MINUTE * 60);
    assert_eq!(stalls(&heartbeats), []);
    drop(attempt);
    assert_eq!(stalls(&heartbeats), []);
}
