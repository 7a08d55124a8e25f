//! Deletion: the operator deletes the upstream object that status records, whatever the state of spec and upstream.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::ncloud::{Assignee, NewPolicy, PrincipalType};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::time::Duration;

/// Deletes the object and waits until it is gone from Kubernetes.
pub async fn delete_and_wait<K: Kind>(env: &TestEnv, name: &str) {
    env.delete::<K>(name).await;
    env.gone::<K>(name).await;
}

/// Waits until `Ready` of the deleted object has this reason, and returns the message.
pub async fn blocked<K: Managed>(env: &TestEnv, name: &str, reason: &str) -> String {
    let seen: K = env
        .until(name, reason, |object: &K| {
            let seen = condition(&common(object), "Ready").map(|c| c.reason.clone());
            let deleted = object.meta().deletion_timestamp.is_some();
            anyhow::ensure!(deleted && seen.as_deref() == Some(reason), "Ready is {seen:?}");
            Ok(())
        })
        .await;
    condition(&common(&seen), "Ready").unwrap().message.clone()
}

#[tokio::test]
async fn never_created_object_is_deleted_without_upstream_requests() {
    let env = TestEnv::new("never-created").await;
    let mut refused = ncloud_policy("refused");
    refused["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    let mut alone = ncloud_policy("alone");
    alone["spec"]["connectionRef"]["name"] = json!("nowhere");
    env.apply(refused).await;
    env.apply(alone).await;
    env.reason::<Policy>("refused", "ValidationFailed").await;
    env.reason::<Policy>("alone", "ConnectionNotFound").await;
    env.ncloud.journal().clear();
    env.ncloud.faults().add(Fault::any().before(Action::Reset).forever());
    delete_and_wait::<Policy>(&env, "refused").await;
    delete_and_wait::<Policy>(&env, "alone").await;
    assert_eq!(env.ncloud.journal().count(Operation::Delete), 0);
}

#[tokio::test]
async fn foreign_policy_survives_deletion_of_object_with_same_name() {
    let env = TestEnv::new("foreign").await;
    env.ncloud.add_policy(NewPolicy { policy_name: "taken".to_owned(), ..NewPolicy::default() });
    env.apply(ncloud_policy("taken")).await;
    env.reason::<Policy>("taken", "Conflict").await;
    delete_and_wait::<Policy>(&env, "taken").await;
    assert!(env.ncloud.policy_named("taken").is_some());
    assert!(env.ncloud.journal().writes().is_empty());
}

#[tokio::test]
async fn deletion_sends_no_delete_when_upstream_object_is_gone() {
    let mut env = TestEnv::new("gone").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for object in [ncloud_policy("gone-n"), spaceone_policy("gone-p"), network_policy("gone-w", &zone)] {
        env.apply(object).await;
    }
    let ncloud = upstream_id(&env.ready::<Policy>("gone-n").await);
    let policy = upstream_id(&env.ready::<Policy>("gone-p").await);
    let network = upstream_id(&env.ready::<NetworkPolicy>("gone-w").await);
    // The operator is stopped, so that it does not create them again.
    env.stop().await;
    assert!(env.ncloud.remove_policy(&ncloud));
    assert!(env.spaceone.remove_policy(&policy) && env.spaceone.remove_network_policy(&network));
    for name in ["gone-n", "gone-p"] {
        env.delete::<Policy>(name).await;
    }
    env.delete::<NetworkPolicy>("gone-w").await;
    env.start(|_| {});
    env.gone::<Policy>("gone-n").await;
    env.gone::<Policy>("gone-p").await;
    env.gone::<NetworkPolicy>("gone-w").await;
    assert_eq!(env.ncloud.journal().count(Operation::Delete), 0);
    assert_eq!(env.spaceone.journal().count(Operation::Delete), 0);
}

#[tokio::test]
async fn policy_deletion_is_blocked_until_policy_is_detached() {
    let env = TestEnv::new("assigned").await;
    env.apply(ncloud_policy("assigned")).await;
    let id = upstream_id(&env.ready::<Policy>("assigned").await);
    let holder = Assignee {
        resource_type: PrincipalType::SubAccount,
        resource_id: "sub-1".to_owned(),
        resource_name: "alice".to_owned(),
    };
    assert!(env.ncloud.assign(&id, holder));
    env.delete::<Policy>("assigned").await;
    let message = blocked::<Policy>(&env, "assigned", "InUse").await;
    assert!(message.contains("alice") && message.contains("Detach it"), "{message}");
    assert!(env.ncloud.policy_named("assigned").is_some());
    assert!(env.ncloud.unassign(&id));
    env.gone::<Policy>("assigned").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn network_policy_deletion_is_blocked_until_subnet_is_gone() {
    let env = TestEnv::new("occupied").await;
    env.apply(network_policy("occupied", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("occupied").await);
    env.spaceone.attach_subnet(&id, "subnet-1");
    env.delete::<NetworkPolicy>("occupied").await;
    let message = blocked::<NetworkPolicy>(&env, "occupied", "InUse").await;
    assert!(message.contains("subnet-1"), "{message}");
    env.spaceone.detach_subnet(&id);
    env.gone::<NetworkPolicy>("occupied").await;
    assert!(env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn deletion_finds_object_when_create_response_was_lost() {
    let env = TestEnv::new("lost-deleted").await;
    // The test deletes the objects while the create requests wait for a response that never comes.
    let silence = || Fault::on(Operation::Create).after(Action::Timeout(Duration::from_secs(1)));
    env.ncloud.faults().add(silence());
    env.spaceone.faults().add(silence().times(2));
    env.apply(ncloud_policy("lost-n")).await;
    env.apply(spaceone_policy("lost-p")).await;
    env.apply(network_policy("lost-w", &env.spaceone.zone_ids()[0])).await;
    env.eventually("all three to exist upstream", || {
        env.ncloud.journal().effects(Operation::Create) == 1 && env.spaceone.journal().effects(Operation::Create) == 2
    })
    .await;
    for name in ["lost-n", "lost-p"] {
        env.delete::<Policy>(name).await;
    }
    env.delete::<NetworkPolicy>("lost-w").await;
    env.gone::<Policy>("lost-n").await;
    env.gone::<Policy>("lost-p").await;
    env.gone::<NetworkPolicy>("lost-w").await;
    assert!(env.ncloud.policies().is_empty());
    assert!(env.spaceone.policies().is_empty() && env.spaceone.network_policies().is_empty());
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn deletion_completes_when_create_had_no_effect() {
    let env = TestEnv::new("never-landed").await;
    env.ncloud.faults().add(Fault::on(Operation::Create).before(Action::Reset));
    env.apply(ncloud_policy("phantom")).await;
    env.eventually("the create to be tried", || env.ncloud.journal().count(Operation::Create) == 1).await;
    delete_and_wait::<Policy>(&env, "phantom").await;
    assert!(env.ncloud.policies().is_empty());
    assert_eq!((env.ncloud.journal().count(Operation::Create), env.ncloud.journal().count(Operation::Delete)), (1, 0));
}

#[tokio::test]
async fn object_is_deleted_when_spec_is_invalid() {
    let env = TestEnv::new("invalid").await;
    env.apply(network_policy("invalid", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("invalid").await;
    env.patch::<NetworkPolicy>("invalid", json!({ "spec": { "spaceone": { "metadata": { "a": 1 } } } })).await;
    env.reason::<NetworkPolicy>("invalid", "InvalidSpec").await;
    delete_and_wait::<NetworkPolicy>(&env, "invalid").await;
    assert!(env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn deletion_waits_until_upstream_is_available() {
    let env = TestEnv::new("down").await;
    env.apply(ncloud_policy("patient")).await;
    env.ready::<Policy>("patient").await;
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    env.delete::<Policy>("patient").await;
    blocked::<Policy>(&env, "patient", "ConnectionNotReady").await;
    connection_is(&env, "ncloud", "Unreachable").await;
    assert_eq!(env.ncloud.policies().len(), 1);
    env.ncloud.faults().clear();
    env.gone::<Policy>("patient").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn force_orphan_releases_object_and_keeps_upstream_object() {
    let env = TestEnv::new("forced").await;
    env.apply(ncloud_policy("forced")).await;
    env.ready::<Policy>("forced").await;
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "")).forever());
    env.delete::<Policy>("forced").await;
    blocked::<Policy>(&env, "forced", "ConnectionNotReady").await;
    let annotations = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    env.patch::<Policy>("forced", annotations).await;
    env.gone::<Policy>("forced").await;
    assert!(env.ncloud.policy_named("forced").is_some());
    let events = env.events("forced").await;
    assert!(events.iter().any(|(reason, note)| reason == "Orphaned" && note.contains("force_orphan")), "{events:?}");
    assert!(env.metrics().contains("reason=\"force_orphan\""), "{}", env.metrics());
}

#[tokio::test]
async fn recreated_object_gets_new_upstream_object() {
    let env = TestEnv::new("again").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for _ in 0..2 {
        // In the second round the name was released just before.
        env.apply(ncloud_policy("again-n")).await;
        env.apply(spaceone_policy("again-p")).await;
        env.apply(network_policy("again-w", &zone)).await;
        env.ready::<Policy>("again-n").await;
        env.ready::<Policy>("again-p").await;
        let uid = env.ready::<NetworkPolicy>("again-w").await.metadata.uid.unwrap();
        let stored = env.spaceone.network_policies();
        assert_eq!(stored.len(), 1);
        let tag = stored[0].tags["cloudpolicy_owner"].as_str().unwrap().to_owned();
        assert!(tag.ends_with(&uid), "owner tag {tag} does not name {uid}");
        delete_and_wait::<Policy>(&env, "again-n").await;
        delete_and_wait::<Policy>(&env, "again-p").await;
        delete_and_wait::<NetworkPolicy>(&env, "again-w").await;
    }
    let journal = env.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Delete)), (2, 2));
    let journal = env.spaceone.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Delete)), (4, 4));
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn delete_is_sent_again_when_it_had_no_effect() {
    let env = TestEnv::new("unproven").await;
    env.apply(ncloud_policy("unproven")).await;
    env.ready::<Policy>("unproven").await;
    env.ncloud.faults().add(Fault::on(Operation::Delete).before(Action::Empty));
    delete_and_wait::<Policy>(&env, "unproven").await;
    assert!(env.ncloud.policies().is_empty());
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 1);
}
