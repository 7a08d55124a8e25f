use super::*;

const NAMESPACE: &str = "team";

const LONG: Duration = Duration::from_mins(1);

fn rate_limiter(requests_per_second: i32, burst: i32) -> Arc<RateLimiter> {
    Arc::new(RateLimiter::new(RateLimit { requests_per_second, burst }))
}

/// Queues these requests in this order while the limiter is closed, and returns the order of sending.
async fn served<const N: usize>(requests: [(Priority, Effect); N]) -> Vec<(Priority, Effect)> {
    let rate_limiter = rate_limiter(100, 1);
    rate_limiter.close(Duration::from_millis(200));
    let order = Arc::new(Lock::new(Vec::new()));
    let mut tasks = Vec::new();
    for (priority, effect) in requests {
        let (limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            limiter.take(priority, &NAMESPACE.into(), effect, LONG).await.unwrap();
            order.lock().unwrap().push((priority, effect));
        }));
        while rate_limiter.state().waiting.len() < tasks.len() {
            tokio::task::yield_now().await;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let order = order.lock().unwrap();
    order.clone()
}

#[tokio::test]
async fn queue_orders_by_priority_then_writes_before_reads() {
    use Effect::{Read, Write};
    use Priority::{Background, Change, Deletion, Probe};
    let order = served([
        (Background, Read),
        (Background, Write),
        (Change, Read),
        (Change, Write),
        (Deletion, Read),
        (Deletion, Write),
        (Probe, Read),
    ]);
    let expected = [
        (Probe, Read),
        (Deletion, Write),
        (Deletion, Read),
        (Change, Write),
        (Change, Read),
        (Background, Write),
        (Background, Read),
    ];
    assert_eq!(order.await, expected);
}

#[tokio::test]
async fn queue_keeps_order_of_arrival_at_same_priority() {
    let rate_limiter = rate_limiter(200, 1);
    let order = Arc::new(Lock::new(Vec::new()));
    let tasks: Vec<_> = (0..30)
        .map(|number| {
            let (rate_limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
            tokio::spawn(async move {
                rate_limiter.take(Priority::Background, &NAMESPACE.into(), Effect::Read, LONG).await.unwrap();
                order.lock().unwrap().push(number);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn take_fails_at_once_when_wait_exceeds_limit() {
    let rate_limiter = rate_limiter(1, 1);
    rate_limiter.close(Duration::from_secs(100));
    let begun = Instant::now();
    let wait =
        rate_limiter.take(Priority::Probe, &NAMESPACE.into(), Effect::Read, Duration::from_secs(20)).await.unwrap_err();
    assert!(wait > Duration::from_secs(90), "{wait:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn cancelled_request_leaves_the_queue() {
    let rate_limiter = rate_limiter(2, 1);
    rate_limiter.take(Priority::Probe, &NAMESPACE.into(), Effect::Read, LONG).await.unwrap();
    let first = tokio::spawn({
        let rate_limiter = Arc::clone(&rate_limiter);
        async move { rate_limiter.take(Priority::Deletion, &NAMESPACE.into(), Effect::Read, LONG).await }
    });
    while rate_limiter.state().waiting.is_empty() {
        tokio::task::yield_now().await;
    }
    let (begun, namespace) = (Instant::now(), NAMESPACE.into());
    let (second, ()) =
        tokio::join!(rate_limiter.take(Priority::Background, &namespace, Effect::Read, LONG), async { first.abort() });
    second.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(950), "the token of the first: {:?}", begun.elapsed());
    assert!(rate_limiter.state().waiting.is_empty());
}

#[tokio::test]
async fn namespaces_take_turns_at_equal_priority() {
    let rate_limiter = rate_limiter(200, 1);
    rate_limiter.close(Duration::from_millis(100));
    let order = Arc::new(Lock::new(Vec::new()));
    let mut tasks = Vec::new();
    for namespace in ["crowd"; 8].into_iter().chain(["single", "other"]) {
        let (limiter, order) = (Arc::clone(&rate_limiter), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            limiter.take(Priority::Change, &namespace.into(), Effect::Read, LONG).await.unwrap();
            order.lock().unwrap().push(namespace);
        }));
        while rate_limiter.state().waiting.len() < tasks.len() {
            tokio::task::yield_now().await;
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let order = order.lock().unwrap().clone();
    assert_eq!(order[..4], ["crowd", "single", "other", "crowd"], "{order:?}");
    assert!(rate_limiter.state().rotation.is_empty(), "nothing is remembered of requests that left");
}
