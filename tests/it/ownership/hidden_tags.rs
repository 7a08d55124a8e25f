//! Deletions where NAVER Cloud shows no owner tags: status is the only record, and a tenant may write it.

use crate::deletion::from_status::blocked;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, common, ncloud_policy, upstream_id};
use cloud_policy::api::{FINALIZER, Policy};
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};
use std::time::Duration;

/// Starts with a ready policy in an account that shows no tags.
async fn untagged(prefix: &str) -> (TestEnv, String) {
    let env = TestEnv::new(prefix).await;
    env.ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(400, "{}")).forever());
    env.apply(ncloud_policy("one")).await;
    let id = upstream_id(&env.ready::<Policy>("one").await);
    (env, id)
}

/// An adoption in flight that no process began.
fn adoption() -> Value {
    json!({ "operation": { "id": "1-1", "kind": "Adopt", "startedAt": "2026-01-01T00:00:00Z", "requestHash": "x" } })
}

fn bogus_id() -> Value {
    json!({ "upstream": { "id": "00000000-0000-0000-0000-000000000000" } })
}

#[tokio::test]
async fn deletion_needs_no_human_where_tags_are_hidden() {
    for restarted in [false, true] {
        let (mut env, _) = untagged("hidden-honest").await;
        if restarted {
            env.stop().await;
            env.start(|_| {});
        }
        env.delete::<Policy>("one").await;
        env.gone::<Policy>("one").await;
        assert!(env.ncloud.policies().is_empty());
    }
}

#[tokio::test]
async fn deletion_waits_when_forged_record_hides_the_object() {
    for forged in [bogus_id(), adoption(), json!({ "upstream": null })] {
        let (mut env, id) = untagged("hidden-forged").await;
        env.stop().await;
        write_status::<Policy>(&env, "one", forged.clone()).await;
        env.delete::<Policy>("one").await;
        env.start(|_| {});
        let message = blocked::<Policy>(&env, "one", "Conflict").await;
        assert!(message.contains(&id) && message.contains("force-orphan=true"), "{forged}: {message}");
        assert!(env.ncloud.remove_policy(&id));
        env.gone::<Policy>("one").await;
    }
}

#[tokio::test]
async fn deletion_trusts_what_this_process_created() {
    for forged in [bogus_id(), adoption()] {
        let (env, _) = untagged("hidden-known").await;
        write_status::<Policy>(&env, "one", forged).await;
        env.delete::<Policy>("one").await;
        env.gone::<Policy>("one").await;
        assert!(env.ncloud.policies().is_empty(), "leak");
    }
}

#[tokio::test]
async fn deletion_takes_no_foreign_object_when_id_is_forged() {
    for restarted in [false, true] {
        let (mut env, id) = untagged("hidden-foreign").await;
        let foreign = NewPolicy { policy_name: "foreign".to_owned(), ..NewPolicy::default() };
        let foreign = env.ncloud.add_policy(foreign);
        env.stop().await;
        write_status::<Policy>(&env, "one", json!({ "upstream": { "id": foreign, "key": "foreign" } })).await;
        if restarted {
            env.start(|_| {});
            env.wait_for_reconciles(2).await;
            env.stop().await;
        }
        env.delete::<Policy>("one").await;
        env.start(|_| {});
        blocked::<Policy>(&env, "one", "Conflict").await;
        let left: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_id).collect();
        assert!(left.contains(&foreign) && left.contains(&id), "{left:?}");
    }
}

/// Returns a suspended object that names the policy of another one.
fn forger() -> Value {
    let mut forger = ncloud_policy("forger");
    forger["metadata"]["finalizers"] = json!([FINALIZER]);
    forger["spec"]["suspend"] = json!(true);
    forger["spec"]["ncloud"]["policyName"] = json!("one");
    forger["spec"]["ncloud"]["description"] = json!("forged");
    forger
}

/// Adds a suspended object of another tenant that names the ready policy as well, with the record of its owner in status.
async fn with_forger(prefix: &str) -> TestEnv {
    let (env, _) = untagged(prefix).await;
    let record = common(&env.get::<Policy>("one").await).upstream;
    // The API server counts the age in seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    env.apply(forger()).await;
    env.reason::<Policy>("forger", "Suspended").await;
    write_status::<Policy>(&env, "forger", json!({ "upstream": record })).await;
    env
}

#[tokio::test]
async fn forged_record_changes_no_object_of_an_older_one() {
    for restarted in [false, true] {
        let mut env = with_forger("hidden-taken").await;
        if restarted {
            env.stop().await;
            env.start(|_| {});
        }
        env.patch::<Policy>("forger", json!({ "spec": { "suspend": false } })).await;
        env.reason::<Policy>("forger", "Conflict").await;
        assert_eq!(env.ncloud.policies()[0].description.as_deref(), Some("first"));
    }
}

/// Deletes the forger, whose deletion waits, and then the object whose record it forged, which deletes the policy.
async fn forger_deletes_nothing(env: &TestEnv) {
    env.delete::<Policy>("forger").await;
    let message = blocked::<Policy>(env, "forger", "Conflict").await;
    assert!(message.contains("force-orphan=true") && env.ncloud.policies().len() == 1, "{message}");
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty(), "its owner deletes it");
    env.gone::<Policy>("forger").await;
}

#[tokio::test]
async fn forged_record_deletes_no_object_of_an_older_one() {
    for restarted in [false, true] {
        let mut env = with_forger("hidden-gone").await;
        if restarted {
            env.stop().await;
            env.start(|_| {});
        }
        forger_deletes_nothing(&env).await;
    }
}

/// Adds a forger that is older than the ready policy, or of the same age and first by its uid.
async fn with_older_forger(prefix: &str, pause: Duration) -> (TestEnv, String) {
    let env = TestEnv::new(prefix).await;
    env.ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(400, "{}")).forever());
    env.apply(forger()).await;
    tokio::time::sleep(pause).await;
    env.apply(ncloud_policy("one")).await;
    let id = upstream_id(&env.ready::<Policy>("one").await);
    let record = common(&env.get::<Policy>("one").await).upstream;
    write_status::<Policy>(&env, "forger", json!({ "upstream": record })).await;
    (env, id)
}

const OLDER: [Duration; 2] = [Duration::ZERO, Duration::from_millis(1100)];

#[tokio::test]
async fn forged_record_of_an_older_object_changes_nothing() {
    for pause in OLDER {
        let (mut env, id) = with_older_forger("hidden-older", pause).await;
        env.stop().await;
        env.start(|_| {});
        env.patch::<Policy>("forger", json!({ "spec": { "suspend": false } })).await;
        env.reason::<Policy>("forger", "Conflict").await;
        env.wait_for_reconciles(4).await;
        assert_eq!(env.ncloud.policies()[0].description.as_deref(), Some("first"));
        env.patch::<Policy>("forger", json!({ "spec": { "suspend": true } })).await;
        env.reason::<Policy>("forger", "Suspended").await;
        assert_eq!(upstream_id(&env.ready::<Policy>("one").await), id);
        assert_eq!(env.ncloud.policies().len(), 1);
    }
}

#[tokio::test]
async fn forged_record_of_an_older_object_deletes_nothing() {
    for pause in OLDER {
        let (mut env, _) = with_older_forger("hidden-older-gone", pause).await;
        env.stop().await;
        env.start(|_| {});
        forger_deletes_nothing(&env).await;
    }
}

/// Another object names the recorded policy by its id, and may adopt it.
#[tokio::test]
async fn recorded_object_is_not_adopted_by_its_id() {
    for (restarted, name) in [(false, "one"), (false, "other"), (true, "one"), (true, "other")] {
        let (mut env, id) = untagged("hidden-named").await;
        if restarted {
            env.stop().await;
            env.start(|_| {});
        }
        let mut taker = ncloud_policy("taker");
        taker["spec"]["ncloud"]["policyName"] = json!(name);
        taker["spec"]["ncloud"]["description"] = json!("taken");
        taker["spec"]["externalId"] = json!(id);
        taker["spec"]["adoptionPolicy"] = json!("Always");
        env.apply(taker).await;
        env.reason::<Policy>("taker", "Conflict").await;
        env.delete::<Policy>("taker").await;
        env.gone::<Policy>("taker").await;
        let left = env.ncloud.policies();
        assert_eq!(left[0].description.as_deref(), Some("first"), "restarted {restarted}, named {name}");
        assert_eq!(upstream_id(&env.ready::<Policy>("one").await), id);
    }
}
