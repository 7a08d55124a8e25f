//! Records in status that others remove or change: the operator finds its upstream object again, and a deletion leaves
//! none behind.

use super::lost_finalizers::{only_triggers, three_gone, three_ready};
use crate::deletion::from_status::blocked;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, common, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};
use std::time::Duration;

/// What others may leave of a status.
fn losses() -> [Value; 5] {
    [
        Value::Null,
        json!({ "upstream": null }),
        json!({ "upstream": { "id": null } }),
        json!({ "upstream": null, "policyId": null, "networkPolicyId": null, "conditions": null }),
        json!({ "upstream": { "key": "another", "system": "spaceone/networkpolicy" } }),
    ]
}

/// Waits until status records this id again.
async fn is_recorded<K: Managed>(env: &TestEnv, name: &str, id: &str) {
    env.until(name, "recorded", |object: &K| {
        let upstream = common(object).upstream;
        anyhow::ensure!(upstream.as_ref().and_then(|u| u.id.as_deref()) == Some(id), "{upstream:?}");
        Ok(())
    })
    .await;
    env.ready::<K>(name).await;
}

#[tokio::test]
async fn lost_record_is_restored_at_once() {
    let env = TestEnv::with("record-back", only_triggers).await;
    three_ready(&env).await;
    let policies = [upstream_id(&env.get::<Policy>("one").await), upstream_id(&env.get::<Policy>("two").await)];
    let network = upstream_id(&env.get::<NetworkPolicy>("net").await);
    for loss in losses() {
        for (name, id) in ["one", "two"].into_iter().zip(&policies) {
            write_status::<Policy>(&env, name, loss.clone()).await;
            is_recorded::<Policy>(&env, name, id).await;
        }
        write_status::<NetworkPolicy>(&env, "net", loss.clone()).await;
        is_recorded::<NetworkPolicy>(&env, "net", &network).await;
    }
    assert_eq!(env.ncloud.journal().count(Operation::Create), 1);
    assert_eq!(env.spaceone.journal().count(Operation::Create), 2);
    for name in ["one", "two", "net"] {
        let events = env.events(name).await;
        assert!(!events.iter().any(|(_, note)| note.contains("lost") || note.contains("deleted")), "{events:?}");
        assert!(events.iter().any(|(reason, _)| reason == "Restored"), "{events:?}");
    }
}

#[tokio::test]
async fn record_lost_while_stopped_is_found_by_owner_tag() {
    let mut env = TestEnv::with("record-restart", only_triggers).await;
    three_ready(&env).await;
    let ids = [upstream_id(&env.get::<Policy>("one").await), upstream_id(&env.get::<Policy>("two").await)];
    let network = upstream_id(&env.get::<NetworkPolicy>("net").await);
    env.stop().await;
    for name in ["one", "two"] {
        write_status::<Policy>(&env, name, Value::Null).await;
    }
    write_status::<NetworkPolicy>(&env, "net", Value::Null).await;
    env.start(only_triggers);
    is_recorded::<Policy>(&env, "one", &ids[0]).await;
    is_recorded::<Policy>(&env, "two", &ids[1]).await;
    is_recorded::<NetworkPolicy>(&env, "net", &network).await;
    for name in ["one", "two", "net"] {
        let events = env.events(name).await;
        let told = events.iter().any(|(reason, note)| reason == "Recovered" && note.contains("owner tag"));
        assert!(told && !events.iter().any(|(_, note)| note.contains("response was lost")), "{events:?}");
    }
}

#[tokio::test]
async fn deletion_leaves_nothing_when_record_is_lost() {
    for running in [true, false] {
        for loss in losses() {
            let mut env = TestEnv::with("record-deleted", only_triggers).await;
            three_ready(&env).await;
            if !running {
                env.stop().await;
            }
            write_status::<Policy>(&env, "one", loss.clone()).await;
            write_status::<Policy>(&env, "two", loss.clone()).await;
            write_status::<NetworkPolicy>(&env, "net", loss.clone()).await;
            env.delete::<Policy>("one").await;
            env.delete::<Policy>("two").await;
            env.delete::<NetworkPolicy>("net").await;
            if !running {
                env.start(only_triggers);
            }
            three_gone(&env).await;
        }
    }
}

#[tokio::test]
async fn unrecorded_deletion_waits_for_its_connection() {
    let mut env = TestEnv::new("record-unreachable").await;
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    env.stop().await;
    write_status::<Policy>(&env, "one", Value::Null).await;
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    env.delete::<Policy>("one").await;
    env.start(|_| {});
    blocked::<Policy>(&env, "one", "ConnectionNotReady").await;
    env.ncloud.faults().clear();
    env.gone::<Policy>("one").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn unrecorded_object_let_go_is_reported() {
    // The annotation tells where the upstream object is, unless another writer removed it, too.
    for (annotated, words) in [(true, "Orphaned ncloud/policy"), (false, "searched for none")] {
        let mut env = TestEnv::new("record-forced").await;
        env.apply(ncloud_policy("one")).await;
        env.ready::<Policy>("one").await;
        env.stop().await;
        write_status::<Policy>(&env, "one", Value::Null).await;
        let mut annotations = json!({ "cloudpolicy.dev/force-orphan": "true" });
        if !annotated {
            annotations["cloudpolicy.dev/recorded-upstream"] = Value::Null;
        }
        env.patch::<Policy>("one", json!({ "metadata": { "annotations": annotations } })).await;
        env.delete::<Policy>("one").await;
        env.start(|_| {});
        env.gone::<Policy>("one").await;
        let events = env.events("one").await;
        assert!(events.iter().any(|(reason, note)| reason == "Orphaned" && note.contains(words)), "{events:?}");
    }
}

#[tokio::test]
async fn refused_object_is_deleted_after_a_search() {
    let env = TestEnv::with("record-refused", only_triggers).await;
    let mut object = spaceone_policy("refused");
    object["spec"]["spaceone"]["projectId"] = json!("project-of-nobody");
    env.spaceone.faults().add(
        Fault::on(Operation::Create)
            .before(Action::status(400, r#"{"detail":{"code":"ERROR_INVALID_PARAMETER","message":"no"}}"#))
            .forever(),
    );
    env.apply(object).await;
    env.reason::<Policy>("refused", "ValidationFailed").await;
    env.delete::<Policy>("refused").await;
    env.gone::<Policy>("refused").await;
    assert_eq!(env.spaceone.journal().count(Operation::Delete), 0);
    let events = env.events("refused").await;
    assert!(events.iter().any(|(reason, _)| reason == "NothingToDelete"), "{events:?}");
}

#[tokio::test]
async fn swallowed_read_error_is_no_absence() {
    let env = TestEnv::with("swallowed", only_triggers).await;
    env.apply(spaceone_policy("kept")).await;
    env.ready::<Policy>("kept").await;
    let absent = r#"{"detail":{"code":"ERROR_NO_POLICY","message":"Policy not found."}}"#;
    env.spaceone.faults().add(Fault::on(Operation::Get).before(Action::status(404, absent)).times(2));
    env.delete::<Policy>("kept").await;
    env.gone::<Policy>("kept").await;
    assert!(env.spaceone.policies().is_empty(), "{:?}", env.spaceone.policies());
}

/// Gives the policy a status that claims a create in flight.
pub async fn forge_create(env: &TestEnv, name: &str) {
    let operation = json!({ "id": "1-1", "kind": "Create", "startedAt": "2026-01-01T00:00:00Z", "requestHash": "x" });
    write_status::<Policy>(env, name, json!({ "operation": operation })).await;
}

#[tokio::test]
async fn forged_create_in_flight_takes_no_foreign_object() {
    let env = TestEnv::new("forged-create").await;
    // Another tool makes the same object; its tag is not ours.
    env.apply(ncloud_policy("same")).await;
    env.ready::<Policy>("same").await;
    let twin = env.ncloud.policy_named("same").unwrap();
    env.delete::<Policy>("same").await;
    env.gone::<Policy>("same").await;
    let id = env.ncloud.add_policy(NewPolicy {
        policy_name: "same".to_owned(),
        description: twin.description.clone(),
        permissions: twin.permissions.clone(),
        ..NewPolicy::default()
    });
    env.apply(ncloud_policy("same")).await;
    env.reason::<Policy>("same", "Conflict").await;
    let writes = env.ncloud.journal().writes().len();
    forge_create(&env, "same").await;
    let seen: Policy = env.reconcile_now("same").await;
    let message = &crate::support::test_env::condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(message.contains(&id) && message.contains("spec.adoptionPolicy"), "{message}");
    env.wait_for_reconciles(2).await;
    env.reason::<Policy>("same", "Conflict").await;
    assert_eq!(env.ncloud.journal().writes().len(), writes, "{:?}", env.ncloud.journal().writes());
    env.patch::<Policy>("same", json!({ "spec": { "adoptionPolicy": "IfIdentical" } })).await;
    assert_eq!(upstream_id(&env.ready::<Policy>("same").await), id);
}

#[tokio::test]
async fn create_in_flight_is_remembered_when_status_is_wiped() {
    let env = TestEnv::with("wiped-create", |settings| {
        only_triggers(settings);
        settings.create_grace = Duration::from_secs(8);
    })
    .await;
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    // The list does not show the new policy for a while.
    env.ncloud.faults().add(Fault::on(Operation::List).before(Action::status(503, "")).times(0));
    env.apply(ncloud_policy("one")).await;
    env.eventually("the policy to exist", || env.ncloud.policies().len() == 1).await;
    write_status::<Policy>(&env, "one", Value::Null).await;
    env.ready::<Policy>("one").await;
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}
