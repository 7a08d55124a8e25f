//! The fence: a process that is no longer the leader sends no write, neither the second request of a write that takes
//! several, nor a write that waits in the queue.

use crate::support::upstream::{account, owner_tag, refusal, short_timeouts};
use crate::upstream::ncloud;
use cloud_policy::api::PolicySpec;
use cloud_policy::engine::{BoundExternal, ErrorKind, UpstreamError};
use cloud_policy::upstream::registry;
use cloud_policy::upstream::{Credentials, Priority, RequestContext, WritePermission};
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::{Ncloud, NewPolicy};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many writes the fence still allows.
type Allowed = Arc<AtomicUsize>;

/// Adds a policy of another owner, and binds an object that may send this many writes to tag it as its own.
async fn line(rate: Value, allowed: usize) -> (Ncloud, String, Box<dyn BoundExternal>, Allowed) {
    let (simulator, _) = ncloud::simulator(|_| {}).await;
    let tags = [("cloudpolicy-owner".to_owned(), "another/uid".to_owned())].into();
    let id = simulator.add_policy(NewPolicy { policy_name: "claimed".to_owned(), tags, ..NewPolicy::default() });
    let keys =
        Credentials::Ncloud { access_key: simulator.access_key().into(), secret_key: simulator.secret_key().into() };
    let connection = json!({
        "ncloud": { "endpoint": simulator.url(), "credentialsSecretRef": { "name": "s" } }, "rateLimit": rate,
    });
    let (account, _) = account(connection, keys, &short_timeouts());
    let allowed = Arc::new(AtomicUsize::new(allowed));
    let left = Arc::clone(&allowed);
    let less = |left: usize| left.checked_sub(1);
    let may_write: WritePermission =
        Arc::new(move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok());
    let context = RequestContext { write_permission: Some(may_write), ..Priority::Change.into() };
    let mut block = ncloud::block();
    block["tags"] = json!({ "team": "network" });
    let spec: PolicySpec =
        serde_json::from_value(json!({ "connectionRef": { "name": "c" }, "ncloud": block })).unwrap();
    let subject = registry::bind(&account, &spec, &owner_tag("uid-1"), context).unwrap();
    (simulator, id, subject, allowed)
}

fn writes(simulator: &Ncloud) -> Vec<Operation> {
    simulator.journal().writes().into_iter().map(|entry| entry.operation).collect()
}

fn is_fenced(error: &UpstreamError) {
    assert!(error.message.contains("no longer the leader"), "{error}");
    assert_eq!(error.kind, ErrorKind::Unavailable, "the write had no effect");
}

#[tokio::test]
async fn fence_is_checked_before_each_request_of_a_write() {
    let (simulator, id, subject, _) = line(Value::Null, 3).await;
    update(subject.as_ref(), &id).await.unwrap();
    assert_eq!(
        writes(&simulator),
        [Operation::Update, Operation::TagsAdd, Operation::TagsAdd],
        "one write, three requests"
    );

    for (allowed, sent) in [(0, vec![]), (1, vec![Operation::Update]), (2, vec![Operation::Update, Operation::TagsAdd])]
    {
        let (simulator, id, subject, _) = line(Value::Null, allowed).await;
        is_fenced(&refusal(update(subject.as_ref(), &id).await, &[]));
        assert_eq!(writes(&simulator), sent);
        assert!(subject.observe(&id).await.unwrap().is_some(), "the fence does not block reads");
    }
}

/// Updates each field that differs from the spec.
async fn update(subject: &dyn BoundExternal, id: &str) -> Result<(), UpstreamError> {
    let observed = subject.observe(id).await.unwrap().unwrap();
    subject.update(id, &observed.diff).await.map(drop)
}

#[tokio::test]
async fn queued_write_is_not_sent_when_leadership_is_lost() {
    let (simulator, id, subject, allowed) = line(json!({ "requestsPerSecond": 1, "burst": 1 }), 2).await;
    // The read before the first write takes the only token.
    let (claimed, ()) = tokio::join!(subject.tag_owner(&id), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(allowed.swap(0, Ordering::SeqCst), 2, "the write waits in the queue, before the fence is checked");
    });
    is_fenced(&refusal(claimed, &[]));
    assert_eq!(writes(&simulator), []);
}
