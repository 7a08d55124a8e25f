//! Changes of the dependencies of an object, and of the fields that control it: Secret, connection, interval, suspend,
//! deletion policy.

use crate::support::connection_helpers::{SharedConnection, connection_is, requests_for_objects};
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{Connection, Policy};
use cloud_policy_simulator::Operation;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// Long enough for two intervals of every object and one check of every connection.
const A_WHILE: Duration = Duration::from_millis(2500);

fn describe(text: &str) -> serde_json::Value {
    json!({ "spec": { "ncloud": { "description": text } } })
}

#[tokio::test]
async fn rotated_key_is_used_without_restart() {
    let env = TestEnv::new("rotated").await;
    env.apply(ncloud_policy("steady")).await;
    env.ready::<Policy>("steady").await;
    let before = env.get::<Connection>("ncloud").await.status.unwrap().secret_resource_version;
    env.ncloud.set_options(|o| o.secret_key = "AnotherSecret/0000000000000000000000002".to_owned());
    let (access, secret) = (env.ncloud.access_key(), env.ncloud.secret_key());
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", &secret)]).await;
    env.until("ncloud", "ready with the new key", |connection: &Connection| {
        let status = connection.status.clone().unwrap();
        let ready = status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
        anyhow::ensure!(ready && status.secret_resource_version != before, "{status:?}");
        Ok(())
    })
    .await;
    env.patch::<Policy>("steady", describe("with the new key")).await;
    env.ready::<Policy>("steady").await;
    assert_eq!(env.ncloud.policy_named("steady").unwrap().description.unwrap(), "with the new key");
    let journal = env.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Update)), (1, 1));
}

#[tokio::test]
async fn wrong_key_stops_requests_until_it_is_corrected() {
    let env = TestEnv::with("wrong-key", |settings| settings.slow_retry = Duration::from_mins(10)).await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    let access = env.ncloud.access_key();
    let wrong = "WrongSecret/000000000000000000000000003";
    // The former key would stay in use while it works.
    let next = "NextSecret/0000000000000000000000000004";
    env.ncloud.set_options(|options| options.secret_key = next.to_owned());
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", wrong)]).await;
    let message = connection_is(&env, "ncloud", "Unauthorized").await;
    assert!(message.contains("Check the keys in the Secret") && !message.contains(wrong), "{message}");
    let seen: Policy = env.reason("waiting", "ConnectionNotReady").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("Connection ncloud, which is not ready (Unauthorized)"), "{told}");

    env.ncloud.journal().clear();
    let events = env.events("waiting").await;
    env.patch::<Policy>("waiting", describe("changed meanwhile")).await;
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    sleep(A_WHILE).await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new(), "it waits and makes no requests");
    assert_eq!(env.events("waiting").await, events, "the connection reports it, not the object");

    env.secret("ncloud", &[("accessKey", &access), ("secretKey", next)]).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.ncloud.policy_named("waiting").unwrap().description.unwrap(), "changed meanwhile");
}

#[tokio::test]
async fn changed_connection_is_used_for_next_request() {
    let env = TestEnv::new("restyled").await;
    env.apply(spaceone_policy("restyled")).await;
    env.ready::<Policy>("restyled").await;
    env.patch::<Connection>("spaceone", json!({ "spec": { "spaceone": { "apiStyle": "Verb" } } })).await;
    connection_is(&env, "spaceone", "Authenticated").await;
    env.patch::<Policy>("restyled", json!({ "spec": { "spaceone": { "name": "Editor" } } })).await;
    env.ready::<Policy>("restyled").await;
    let writes = env.spaceone.journal().writes();
    let targets: Vec<&str> = writes.iter().map(|entry| entry.target.as_str()).collect();
    assert_eq!(targets, ["/repository/v1/policies", "/repository/v1/policy/update"]);
}

#[tokio::test]
async fn interval_determines_when_drift_is_found() {
    let env = TestEnv::new("interval").await;
    let mut object = ncloud_policy("seldom");
    object["spec"]["interval"] = json!("24h");
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("seldom").await);
    // No reconcile that its creation triggered is left.
    env.reconcile_now::<Policy>("seldom").await;
    env.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    sleep(A_WHILE).await;
    assert_eq!(env.ncloud.journal().effects(Operation::Update), 0, "the operator has not read the object");
    env.patch::<Policy>("seldom", json!({ "spec": { "interval": "5m" } })).await;
    env.eventually("a correction", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    env.ncloud.edit_policy(&id, |p| p.description = Some("by hand again".to_owned()));
    env.eventually("another correction", || env.ncloud.journal().effects(Operation::Update) == 2).await;
}

#[tokio::test]
async fn suspended_policy_is_not_changed_until_resumed() {
    let env = TestEnv::new("suspended").await;
    env.apply(ncloud_policy("resting")).await;
    let id = upstream_id(&env.ready::<Policy>("resting").await);
    env.patch::<Policy>("resting", json!({ "spec": { "suspend": true } })).await;
    env.reason::<Policy>("resting", "Suspended").await;
    env.ncloud.journal().clear();
    env.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    env.patch::<Policy>("resting", describe("changed meanwhile")).await;
    env.reason::<Policy>("resting", "Suspended").await;
    sleep(A_WHILE).await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new());
    env.patch::<Policy>("resting", json!({ "spec": { "suspend": false } })).await;
    env.ready::<Policy>("resting").await;
    assert_eq!(env.ncloud.policy_named("resting").unwrap().description.unwrap(), "changed meanwhile");

    env.patch::<Policy>("resting", json!({ "spec": { "suspend": true } })).await;
    env.reason::<Policy>("resting", "Suspended").await;
    env.delete::<Policy>("resting").await;
    env.gone::<Policy>("resting").await;
    assert!(env.ncloud.policies().is_empty(), "a suspended policy can be deleted");
}

#[tokio::test]
async fn deletion_policy_is_read_at_deletion() {
    let env = TestEnv::new("deletion-policy").await;
    for (name, at_first, at_last) in [("goes", "Orphan", "Delete"), ("stays", "Delete", "Orphan")] {
        let mut object = ncloud_policy(name);
        object["spec"]["deletionPolicy"] = json!(at_first);
        env.apply(object).await;
        env.ready::<Policy>(name).await;
        env.patch::<Policy>(name, json!({ "spec": { "deletionPolicy": at_last } })).await;
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    let left: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(left, ["stays"]);
}

#[tokio::test]
async fn connection_in_use_stays_until_last_dependant_is_gone() {
    let mut env = TestEnv::new("in-use").await;
    env.apply(ncloud_policy("dependant")).await;
    env.ready::<Policy>("dependant").await;
    env.delete::<Connection>("ncloud").await;
    env.crash();
    env.start(|_| {});
    sleep(A_WHILE).await;
    let deleted: Connection = env.get("ncloud").await;
    assert!(deleted.metadata.deletion_timestamp.is_some(), "it is being deleted");
    assert_eq!(deleted.status.unwrap().dependants, Some(1));
    let user = format!("Policy {}/dependant", env.namespace());
    let told = format!("Deletion waits for the objects that use this connection: {user}. Delete them first.");
    let reports_use = |connection: &Connection| {
        let status = connection.status.clone().unwrap_or_default();
        anyhow::ensure!(status.conditions.iter().any(|c| c.message == told), "{status:?}");
        Ok(())
    };
    env.until("ncloud", "kept, with the reason in a condition", reports_use).await;
    assert_eq!(connection_is(&env, "ncloud", "InUse").await, told);
    let events = env.events("ncloud").await;
    assert!(events.iter().any(|(reason, note)| reason == "InUse" && *note == told), "{events:?}");
    env.patch::<Policy>("dependant", describe("served to the end")).await;
    env.ready::<Policy>("dependant").await;
    env.delete::<Policy>("dependant").await;
    env.gone::<Policy>("dependant").await;
    assert!(env.ncloud.policies().is_empty());
    env.gone::<Connection>("ncloud").await;
}

#[tokio::test]
async fn cluster_connection_follows_namespace_list_and_secret() {
    // The checks are so rare that only the watch on the Secret can explain that the operator sees a change.
    let env = TestEnv::with("cluster", |settings| {
        settings.cluster_connections = true;
        settings.connection_interval = Duration::from_mins(10);
        settings.slow_retry = Duration::from_mins(10);
    })
    .await;
    let cluster = SharedConnection::connect(&env, json!({ "names": [env.namespace()] })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("guest");
    object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
    env.apply(object).await;
    env.ready::<Policy>("guest").await;

    cluster.allow(json!({ "names": ["another-namespace"] })).await;
    let seen: Policy = env.reason("guest", "NamespaceNotAllowed").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("spec.allowedNamespaces") && told.contains(env.namespace()), "{told}");
    env.ncloud.journal().clear();
    env.patch::<Policy>("guest", describe("not yet")).await;
    env.reason::<Policy>("guest", "NamespaceNotAllowed").await;
    sleep(A_WHILE).await;
    assert_eq!(requests_for_objects(env.ncloud.journal()), Vec::<String>::new());
    cluster.allow(json!({ "all": true, "names": null })).await;
    env.ready::<Policy>("guest").await;

    let access = env.ncloud.access_key();
    env.ncloud.set_options(|options| options.secret_key = "NextSecret/0000000000000000000000000004".to_owned());
    env.secret(&cluster.name, &[("accessKey", &access), ("secretKey", "wrong-wrong-wrong")]).await;
    cluster.is("Unauthorized").await;
    env.reason::<Policy>("guest", "ConnectionNotReady").await;
    let secret = env.ncloud.secret_key();
    env.secret(&cluster.name, &[("accessKey", &access), ("secretKey", &secret)]).await;
    env.ready::<Policy>("guest").await;
    env.delete::<Policy>("guest").await;
    env.gone::<Policy>("guest").await;
    cluster.remove().await;
}

#[tokio::test]
async fn cluster_connection_says_that_no_namespace_may_use_it() {
    let env = TestEnv::with("for-nobody", |settings| settings.cluster_connections = true).await;
    let hint = "No namespace may use it: list namespaces in spec.allowedNamespaces.";
    let cluster = SharedConnection::connect(&env, json!({ "names": [] })).await;
    cluster.says(|message| message.ends_with(hint)).await;
    let status = cluster.is("Authenticated").await.status.unwrap();
    assert!(status.conditions.iter().all(|condition| condition.status == "True" && condition.type_ == "Ready"));
    for allowed in [json!({ "names": ["team"] }), json!({ "all": true, "names": null })] {
        cluster.allow(allowed).await;
        cluster.says(|message| !message.is_empty() && !message.contains("namespace")).await;
        cluster.allow(json!(null)).await;
        cluster.says(|message| message.ends_with(hint)).await;
    }
    cluster.remove().await;
}

#[tokio::test]
async fn cluster_connection_deletion_ignores_unlisted_namespaces() {
    let env = TestEnv::with("no-say", |settings| settings.cluster_connections = true).await;
    let cluster = SharedConnection::connect(&env, json!({ "names": ["another-namespace"] })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("outsider");
    object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
    env.apply(object).await;
    env.reason::<Policy>("outsider", "NamespaceNotAllowed").await;
    cluster.remove().await;
    let seen: Policy = env.reason("outsider", "ConnectionNotFound").await;
    assert!(common(&seen).upstream.is_none());
}

#[tokio::test]
async fn connection_not_found_message_suggests_missing_kind() {
    let env = TestEnv::with("namesake", |settings| settings.cluster_connections = true).await;
    let cluster = SharedConnection::connect(&env, json!({ "all": true })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("kindless");
    object["spec"]["connectionRef"] = json!({ "name": cluster.name });
    env.apply(object).await;
    let seen: Policy = env.reason("kindless", "ConnectionNotFound").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("A ClusterConnection of this name exists: spec.connectionRef.kind"), "{told}");
    env.delete::<Policy>("kindless").await;
    env.gone::<Policy>("kindless").await;
    cluster.remove().await;
}

#[tokio::test]
async fn connection_recounts_dependants_on_create_and_delete() {
    let env = TestEnv::with("counted", |settings| settings.connection_interval = Duration::from_hours(1)).await;
    let counts = |expected: i64| {
        move |connection: &Connection| {
            let dependants = connection.status.clone().unwrap_or_default().dependants;
            anyhow::ensure!(dependants == Some(expected), "{dependants:?}");
            Ok(())
        }
    };
    env.until("ncloud", "checked", counts(0)).await;
    // Long enough for the first checks of a new connection to be over.
    sleep(A_WHILE).await;
    env.apply(ncloud_policy("comes")).await;
    env.until("ncloud", "counted with it", counts(1)).await;
    env.ready::<Policy>("comes").await;
    sleep(A_WHILE).await;
    env.delete::<Policy>("comes").await;
    env.gone::<Policy>("comes").await;
    env.until("ncloud", "counted without it", counts(0)).await;
}
