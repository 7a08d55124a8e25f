//! Objects that change their owner on purpose or by accident: released for another cluster, and restored from a backup
//! under a new uid.

use super::lost_finalizers::{only_triggers, three_ready};
use crate::security::tenants::write_status;
use crate::support;
use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Fault, Journal, Operation};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

fn orphaned(mut object: Value) -> Value {
    object["spec"]["deletionPolicy"] = json!("Orphan");
    object
}

fn adopting(mut object: Value, policy: &str) -> Value {
    object["spec"]["adoptionPolicy"] = json!(policy);
    object
}

/// Returns the object as Velero restores it: without status, uid and versions, and with its finalizers.
pub(super) async fn backup<K: Managed + crate::support::test_env::Kind>(env: &TestEnv, name: &str) -> Value {
    let mut object = serde_json::to_value(env.get::<K>(name).await).unwrap();
    object.as_object_mut().unwrap().remove("status");
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| ["name", "labels", "annotations", "finalizers"].contains(&key.as_str()));
    object
}

/// Returns the backups of an object of each collection.
async fn restorable(env: &TestEnv) -> [Value; 3] {
    [
        backup::<Policy>(env, "first").await,
        backup::<Policy>(env, "one").await,
        backup::<NetworkPolicy>(env, "net").await,
    ]
}

async fn lose_all(env: &TestEnv) {
    lose::<Policy>(env, "first").await;
    lose::<Policy>(env, "one").await;
    lose::<NetworkPolicy>(env, "net").await;
}

/// Takes an object away from Kubernetes without the operator, as a lost cluster does.
pub(super) async fn lose<K: Managed + crate::support::test_env::Kind>(env: &TestEnv, name: &str) {
    env.delete::<K>(name).await;
    let bare = json!({ "metadata": { "finalizers": null } });
    let _ = env.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(bare)).await;
    env.gone::<K>(name).await;
}

pub(super) fn owner_tags(env: &TestEnv) -> Vec<String> {
    let ncloud = env.ncloud.policies().into_iter().filter_map(|p| p.tags.get("cloudpolicy-owner").cloned());
    let policies = env.spaceone.policies().into_iter().filter_map(|p| p.tags.get("cloudpolicy_owner").cloned());
    let networks = env.spaceone.network_policies().into_iter().filter_map(|p| p.tags.get("cloudpolicy_owner").cloned());
    ncloud.chain(policies.chain(networks).map(|tag| tag.to_string())).collect()
}

#[tokio::test]
async fn released_object_can_be_adopted_by_other_cluster() {
    let mut env = TestEnv::with("hand-over", |settings| settings.cluster_id = Some("old".to_owned())).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let mut tagged = spaceone_policy("one");
    tagged["spec"]["spaceone"]["tags"] = json!({ "team": "a" });
    env.apply(orphaned(ncloud_policy("first"))).await;
    env.apply(orphaned(tagged.clone())).await;
    env.apply(orphaned(network_policy("net", &zone))).await;
    let first = upstream_id(&env.ready::<Policy>("first").await);
    env.ready::<Policy>("one").await;
    let net = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    env.delete::<Policy>("first").await;
    env.delete::<Policy>("one").await;
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<Policy>("first").await;
    env.gone::<Policy>("one").await;
    env.gone::<NetworkPolicy>("net").await;
    assert_eq!(owner_tags(&env), Vec::<String>::new());
    assert_eq!(json!(env.spaceone.policies()[0].tags), json!({ "team": "a" }));
    let events = env.events("first").await;
    assert!(events.iter().any(|(_, note)| note.contains("The operator removed its owner tag")), "{events:?}");

    env.crash();
    env.start(|settings| settings.cluster_id = Some("new".to_owned()));
    let mut again = adopting(network_policy("net", &zone), "IfIdentical");
    again["spec"]["externalId"] = json!(net);
    env.apply(adopting(ncloud_policy("first"), "IfIdentical")).await;
    env.apply(adopting(tagged, "IfIdentical")).await;
    env.apply(again).await;
    assert_eq!(upstream_id(&env.ready::<Policy>("first").await), first);
    env.ready::<Policy>("one").await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("net").await), net);
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
}

#[tokio::test]
async fn release_survives_a_lost_answer() {
    let env = TestEnv::new("release-lost").await;
    env.apply(orphaned(network_policy("net", &env.spaceone.zone_ids()[0]))).await;
    env.ready::<NetworkPolicy>("net").await;
    env.spaceone.faults().add(Fault::on(Operation::Update).after(Action::Reset));
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<NetworkPolicy>("net").await;
    assert_eq!(owner_tags(&env), Vec::<String>::new());
}

#[tokio::test]
async fn event_says_that_owner_tag_stays_without_connection() {
    let env = TestEnv::new("release-not").await;
    env.apply(ncloud_policy("kept")).await;
    env.ready::<Policy>("kept").await;
    env.ncloud.set_options(|options| options.secret_key = "NextSecret/0000000000000000000000000004".to_owned());
    env.reason::<Policy>("kept", "ConnectionNotReady").await;
    env.patch::<Policy>("kept", json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } }))
        .await;
    env.delete::<Policy>("kept").await;
    env.gone::<Policy>("kept").await;
    let events = env.events("kept").await;
    assert!(events.iter().any(|(_, note)| note.contains("Its owner tag stays: ")), "{events:?}");
    assert_eq!(owner_tags(&env).len(), 1);
}

/// What status names after a restart may be forged.
#[tokio::test]
async fn event_of_release_names_the_object_when_status_is_forged() {
    let mut env = TestEnv::with("release-forged", only_triggers).await;
    three_ready(&env).await;
    let ids = [
        upstream_id(&env.get::<Policy>("one").await),
        upstream_id(&env.get::<Policy>("two").await),
        upstream_id(&env.get::<NetworkPolicy>("net").await),
    ];
    env.stop().await;
    let forged = json!({ "id": "4711" });
    forge_and_delete(&env, &forged, &json!({ "spec": { "deletionPolicy": "Orphan" } })).await;
    env.start(only_triggers);
    for (name, id) in ["one", "two", "net"].into_iter().zip(ids) {
        let note = orphaned_note(&env, name).await;
        assert!(note.contains(&format!(" {id} at http://127.0.0.1")) && !note.contains("4711"), "{note}");
    }
    assert_eq!(owner_tags(&env), Vec::<String>::new());
}

/// Without a look upstream, nothing proves the id.
#[tokio::test]
async fn event_of_release_names_no_id_when_upstream_is_unseen() {
    let mut env = TestEnv::with("release-unseen", only_triggers).await;
    three_ready(&env).await;
    env.stop().await;
    for name in ["ncloud", "spaceone"] {
        env.api::<Secret>().delete(name, &DeleteParams::default()).await.unwrap();
    }
    let release = json!({ "metadata": { "annotations": { "cloudpolicy.dev/force-orphan": "true" } } });
    let forged = json!({ "id": "4711", "endpoint": "https://forged.example" });
    forge_and_delete(&env, &forged, &release).await;
    env.start(only_triggers);
    for name in ["one", "two", "net"] {
        let note = orphaned_note(&env, name).await;
        assert!(note.contains(&format!(" named {name} at http://127.0.0.1")), "{note}");
        assert!(!note.contains("4711") && !note.contains("forged.example"), "{note}");
    }
}

/// Forges the records in status, changes the objects, and deletes them.
async fn forge_and_delete(env: &TestEnv, record: &Value, change: &Value) {
    let forged = json!({ "upstream": record });
    for name in ["one", "two"] {
        write_status::<Policy>(env, name, forged.clone()).await;
        env.patch::<Policy>(name, change.clone()).await;
        env.delete::<Policy>(name).await;
    }
    write_status::<NetworkPolicy>(env, "net", forged).await;
    env.patch::<NetworkPolicy>("net", change.clone()).await;
    env.delete::<NetworkPolicy>("net").await;
}

/// Waits until the object is gone, and returns the event that tells what was left.
pub async fn orphaned_note(env: &TestEnv, name: &str) -> String {
    env.gone::<Policy>(name).await;
    env.gone::<NetworkPolicy>(name).await;
    let events = env.events(name).await;
    events.iter().find(|(reason, _)| reason == "Orphaned").unwrap_or_else(|| panic!("{events:?}")).1.clone()
}

#[tokio::test]
async fn restored_network_policy_gets_no_second_upstream_object() {
    // Only an operator that may list the whole cluster knows that the owner is gone.
    let mut env = TestEnv::without_operator_on(support::client().await, "restored").await;
    env.start(|_| {});
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    let saved = backup::<NetworkPolicy>(&env, "net").await;
    env.crash();
    lose::<NetworkPolicy>(&env, "net").await;
    env.apply(saved).await;
    env.start(|_| {});
    let seen: NetworkPolicy = env.reason("net", "Conflict").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains(&id) && told.contains("spec.externalId"), "{told}");
    assert_eq!(env.spaceone.network_policies().len(), 1);
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "adoptionPolicy": "IfIdentical" } })).await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("net").await), id);
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn object_restored_in_other_cluster_is_not_doubled() {
    let mut env = TestEnv::with("restored-else", |settings| settings.cluster_id = Some("old".to_owned())).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(ncloud_policy("first")).await;
    env.apply(spaceone_policy("one")).await;
    env.apply(network_policy("net", &zone)).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    env.ready::<Policy>("first").await;
    env.ready::<Policy>("one").await;
    let saved = restorable(&env).await;
    env.crash();
    lose_all(&env).await;
    for object in saved {
        env.apply(object).await;
    }
    env.start(|settings| settings.cluster_id = Some("new".to_owned()));
    env.reason::<Policy>("first", "Conflict").await;
    env.reason::<Policy>("one", "Conflict").await;
    let seen: NetworkPolicy = env.reason("net", "Conflict").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains(&id) && told.contains("old_"), "{told}");
    env.reconcile_now::<NetworkPolicy>("net").await;
    assert_eq!(env.spaceone.network_policies().len(), 1);

    // An object that this cluster made itself is no copy: names are not unique.
    let mut own = network_policy("own", &zone);
    own["spec"]["spaceone"]["name"] = json!(env.spaceone.network_policies()[0].name);
    env.apply(own).await;
    env.ready::<NetworkPolicy>("own").await;
    assert_eq!(env.spaceone.network_policies().len(), 2);
}

#[tokio::test]
async fn restored_object_deleted_before_adoption_takes_nothing() {
    let mut env = TestEnv::without_operator_on(support::client().await, "restored-gone").await;
    env.start(|_| {});
    for policy in [ncloud_policy("first"), spaceone_policy("one")] {
        env.apply(policy).await;
    }
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<Policy>("first").await;
    env.ready::<Policy>("one").await;
    env.ready::<NetworkPolicy>("net").await;
    let saved = restorable(&env).await;
    env.crash();
    lose_all(&env).await;
    for object in saved {
        env.apply(object).await;
    }
    env.start(|_| {});
    for name in ["first", "one"] {
        env.reason::<Policy>(name, "Conflict").await;
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    env.reason::<NetworkPolicy>("net", "Conflict").await;
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<NetworkPolicy>("net").await;
    assert_eq!(owner_tags(&env).len(), 3);
    let deleted = |journal: &Journal| journal.effects(Operation::Delete);
    assert_eq!(deleted(env.ncloud.journal()) + deleted(env.spaceone.journal()), 0);
}

#[tokio::test]
async fn namesake_of_living_object_or_stranger_is_no_leftover() {
    let env = TestEnv::new("namesakes").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for name in ["one", "two"] {
        let mut object = network_policy(name, &zone);
        object["spec"]["spaceone"]["name"] = json!("shared-name");
        env.apply(object).await;
        env.ready::<NetworkPolicy>(name).await;
    }
    assert_eq!(env.spaceone.network_policies().len(), 2, "each object has its own");
}

#[tokio::test]
async fn lost_repository_is_looked_up_again() {
    let env = TestEnv::new("repository").await;
    env.apply(spaceone_policy("served")).await;
    env.ready::<Policy>("served").await;
    env.spaceone.replace_repository();
    env.until("spaceone", "ready with the new repository", |connection: &Connection| {
        let status = connection.status.clone().unwrap_or_default();
        anyhow::ensure!(status.conditions.iter().any(|c| c.status == "True"), "{status:?}");
        Ok(())
    })
    .await;
    let lists = |env: &TestEnv| env.spaceone.journal().entries().iter().filter(|e| e.status == Some(200)).count();
    let before = lists(&env);
    env.eventually("later calls to succeed", || lists(&env) > before + 2).await;
    env.patch::<Policy>("served", json!({ "spec": { "spaceone": { "name": "Renamed" } } })).await;
    env.ready::<Policy>("served").await;
}
