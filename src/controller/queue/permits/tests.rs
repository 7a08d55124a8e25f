use super::*;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const MOMENT: Duration = Duration::from_millis(50);

/// The namespace of tests that need only one.
const TEAM: &str = "team";

fn key(name: &str) -> ConnectionKey {
    ConnectionKey { namespace: None, name: name.to_owned() }
}

async fn acquire(permits: &Arc<Permits>, connection: &str, uid: &str, priority: Priority) -> Permit {
    permits.acquire(Applicant { connection: &key(connection), namespace: TEAM, uid }, priority).await.unwrap()
}

/// Starts a task that waits for a permit of connection `a`, and returns once it is in the queue.
async fn waiter_in(permits: &Arc<Permits>, namespace: &str, uid: &str, priority: Priority) -> JoinHandle<Permit> {
    let before = permits.lock().arrivals;
    let task = tokio::spawn({
        let (permits, namespace, uid) = (Arc::clone(permits), namespace.to_owned(), uid.to_owned());
        async move {
            let applicant = Applicant { connection: &key("a"), namespace: &namespace, uid: &uid };
            permits.acquire(applicant, priority).await.unwrap()
        }
    });
    while permits.lock().arrivals == before {
        tokio::task::yield_now().await;
    }
    task
}

async fn waiter(permits: &Arc<Permits>, uid: &str, priority: Priority) -> JoinHandle<Permit> {
    waiter_in(permits, TEAM, uid, priority).await
}

async fn granted(task: &mut JoinHandle<Permit>) -> Option<Permit> {
    timeout(MOMENT, task).await.ok().map(Result::unwrap)
}

/// Starts waiters in this order, and returns the names of those that get the only permit, in order.
async fn order(waiters: &[(&'static str, Priority)]) -> Vec<&'static str> {
    let permits = Permits::new(1);
    let in_use = [acquire(&permits, "a", "1", Priority::Creation).await, acquire(&permits, "a", "2", CHANGE).await];
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (number, (namespace, priority)) in waiters.iter().enumerate() {
        let task = waiter_in(&permits, namespace, &number.to_string(), *priority).await;
        let (order, namespace) = (Arc::clone(&order), *namespace);
        tasks.push(tokio::spawn(async move {
            let permit = task.await.unwrap();
            order.lock().unwrap().push(namespace);
            drop(permit);
        }));
    }
    drop(in_use);
    for task in tasks {
        task.await.unwrap();
    }
    let order = order.lock().unwrap();
    order.clone()
}

const CHANGE: Priority = Priority::Change;

#[tokio::test]
async fn permit_goes_to_highest_priority_then_first_waiter() {
    let permits = Permits::new(1);
    let in_use = acquire(&permits, "a", "first-user", Priority::Change).await;
    let mut background = waiter(&permits, "background", Priority::Background).await;
    let mut creation = waiter(&permits, "creation", Priority::Creation).await;
    let mut first = waiter(&permits, "first", Priority::Change).await;
    let mut second = waiter(&permits, "second", Priority::Change).await;
    let mut deletion = waiter(&permits, "deletion", Priority::Deletion).await;
    drop(in_use);
    let mut permit = None;
    for next in [&mut deletion, &mut first, &mut second, &mut creation, &mut background] {
        drop(permit);
        permit = Some(granted(next).await.expect("a permit"));
    }
    drop(permit);
    assert!(permits.lock().by_connection.is_empty(), "the entry of an unused connection is removed");
}

#[tokio::test]
async fn namespaces_take_turns_at_equal_priority() {
    let crowd = [("crowd", Priority::Creation); 20];
    let waiters = [&crowd[..], &[("single", Priority::Creation), ("other", Priority::Creation)]].concat();
    let order = order(&waiters).await;
    assert!(order[..3].contains(&"single") && order[..3].contains(&"other"), "{order:?}");
    assert_eq!(order.len(), 22);
}

#[tokio::test]
async fn changes_of_one_namespace_do_not_starve_creations() {
    let crowd = [("crowd", Priority::Change); 20];
    let waiters = [&crowd[..], &[("single", Priority::Creation), ("slow", Priority::Background)]].concat();
    let order = order(&waiters).await;
    assert!(order[..5].contains(&"single"), "{order:?}");
    assert!(order[..9].contains(&"slow"), "{order:?}");
    assert_eq!(order[0], "crowd", "{order:?}");
}

#[tokio::test]
async fn change_gets_a_permit_while_creations_use_all() {
    for limit in [1, 8] {
        let permits = Permits::new(limit);
        let mut in_use = Vec::new();
        for uid in 0..limit {
            in_use.push(acquire(&permits, "a", &uid.to_string(), Priority::Creation).await);
        }
        let mut creation = waiter_in(&permits, "third", "creation", Priority::Creation).await;
        let mut change = waiter(&permits, "change", Priority::Change).await;
        let permit = granted(&mut change).await.expect("a permit of its own");
        let mut next = waiter(&permits, "next", Priority::Change).await;
        assert!(granted(&mut next).await.is_none(), "one at a time above the limit");
        assert!(granted(&mut creation).await.is_none());
        drop(permit);
        assert!(granted(&mut next).await.is_some());
    }
}

#[tokio::test]
async fn busy_connection_does_not_block_other_connections() {
    let permits = Permits::new(2);
    let _in_use =
        (acquire(&permits, "a", "1", Priority::Change).await, acquire(&permits, "a", "2", Priority::Change).await);
    let mut third = waiter(&permits, "3", Priority::Change).await;
    assert!(granted(&mut third).await.is_none());
    timeout(MOMENT, acquire(&permits, "b", "4", Priority::Background)).await.expect("a permit of its own connection");
}

#[tokio::test]
async fn background_work_leaves_a_quarter_of_the_permits() {
    let permits = Permits::new(8);
    let mut in_use = Vec::new();
    for uid in 0..6 {
        in_use.push(acquire(&permits, "a", &uid.to_string(), Priority::Background).await);
    }
    let mut seventh = waiter(&permits, "7", Priority::Background).await;
    assert!(granted(&mut seventh).await.is_none());
    for uid in ["8", "9"] {
        in_use.push(timeout(MOMENT, acquire(&permits, "a", uid, Priority::Change)).await.expect("a permit"));
    }
    in_use.truncate(5);
    assert!(granted(&mut seventh).await.is_some());
}

#[tokio::test]
async fn waiter_moves_up_when_priority_is_raised() {
    let permits = Permits::new(1);
    let in_use = acquire(&permits, "a", "first-user", Priority::Change).await;
    let mut early = waiter(&permits, "early", Priority::Background).await;
    let mut edited = waiter(&permits, "edited", Priority::Background).await;
    for priority in [Priority::Change, Priority::Background] {
        permits.raise_priority(Applicant { connection: &key("a"), namespace: TEAM, uid: "edited" }, priority);
    }
    drop(in_use);
    assert!(granted(&mut early).await.is_none());
    drop(granted(&mut edited).await.expect("a permit"));
    assert!(granted(&mut early).await.is_some());
}

#[tokio::test]
async fn raised_waiter_gets_a_permit_above_the_limit() {
    let permits = Permits::new(1);
    let _in_use = acquire(&permits, "a", "first-user", Priority::Creation).await;
    let mut edited = waiter(&permits, "edited", Priority::Background).await;
    assert!(granted(&mut edited).await.is_none());
    permits.raise_priority(Applicant { connection: &key("a"), namespace: TEAM, uid: "edited" }, Priority::Change);
    assert!(granted(&mut edited).await.is_some());
}

#[tokio::test]
async fn cancelled_waiter_leaks_no_permit() {
    let permits = Permits::new(1);
    let in_use = acquire(&permits, "a", "first-user", Priority::Change).await;
    let gone = waiter(&permits, "gone", Priority::Deletion).await;
    let mut next = waiter(&permits, "next", Priority::Change).await;
    gone.abort();
    assert!(gone.await.is_err());
    drop(in_use);
    assert!(granted(&mut next).await.is_some());
    // A waiter that is cancelled after the grant, before it runs again.
    let in_use = acquire(&permits, "a", "first-user", Priority::Change).await;
    let late = waiter(&permits, "late", Priority::Change).await;
    drop(in_use);
    late.abort();
    let _ = late.await;
    timeout(MOMENT, acquire(&permits, "a", "last", Priority::Change)).await.expect("a permit");
    assert!(permits.lock().by_connection.is_empty());
}

#[tokio::test]
async fn object_stops_waiting_when_it_names_another_connection() {
    let permits = Permits::new(1);
    let _in_use = [acquire(&permits, "a", "1", Priority::Creation).await, acquire(&permits, "a", "2", CHANGE).await];
    let waiting = tokio::spawn({
        let permits = Arc::clone(&permits);
        async move {
            let applicant = Applicant { connection: &key("a"), namespace: TEAM, uid: "3" };
            permits.acquire(applicant, Priority::Creation).await.is_none()
        }
    });
    while permits.lock().arrivals < 3 {
        tokio::task::yield_now().await;
    }
    let applicant = Applicant { connection: &key("b"), namespace: TEAM, uid: "3" };
    permits.raise_priority(applicant, Priority::Creation);
    assert!(timeout(MOMENT, waiting).await.unwrap().unwrap());
    drop(acquire(&permits, "b", "3", Priority::Creation).await);
}
