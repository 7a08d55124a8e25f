//! Changing what an object depends on or how it is handled: Secret, connection, interval, suspend,
//! deletion policy.

use crate::support::links::{Cluster, asked_for_objects, connection_is};
use crate::support::world::{World, common, condition, ncloud_policy, spaceone_policy, upstream_id};
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
async fn a_rotated_key_is_picked_up_without_a_restart() {
    let world = World::new("rotated").await;
    world.apply(ncloud_policy("steady")).await;
    world.ready::<Policy>("steady").await;
    let before = world.get::<Connection>("ncloud").await.status.unwrap().secret_resource_version;
    world.ncloud.set_options(|o| o.secret_key = "AnotherSecret/0000000000000000000000002".to_owned());
    let (access, secret) = (world.ncloud.access_key(), world.ncloud.secret_key());
    world.secret("ncloud", &[("accessKey", &access), ("secretKey", &secret)]).await;
    world
        .until("ncloud", "ready with the new key", |connection: &Connection| {
            let status = connection.status.clone().unwrap();
            let ready = status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
            anyhow::ensure!(ready && status.secret_resource_version != before, "{status:?}");
            Ok(())
        })
        .await;
    world.patch::<Policy>("steady", describe("with the new key")).await;
    world.ready::<Policy>("steady").await;
    assert_eq!(world.ncloud.policy_named("steady").unwrap().description.unwrap(), "with the new key");
    let journal = world.ncloud.journal();
    assert_eq!((journal.effects(Operation::Create), journal.effects(Operation::Update)), (1, 1));
}

#[tokio::test]
async fn a_wrong_new_key_is_reported_and_nothing_is_touched_until_it_is_mended() {
    let world = World::with("wrong-key", |settings| settings.slow_retry = Duration::from_mins(10)).await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    let (access, good) = (world.ncloud.access_key(), world.ncloud.secret_key());
    let wrong = "WrongSecret/000000000000000000000000003";
    world.secret("ncloud", &[("accessKey", &access), ("secretKey", wrong)]).await;
    let message = connection_is(&world, "ncloud", "Unauthorized").await;
    assert!(message.contains("Check the keys in the Secret") && !message.contains(wrong), "{message}");
    let seen: Policy = world.reason("waiting", "ConnectionNotReady").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("Connection ncloud is not ready (Unauthorized)"), "{told}");

    world.ncloud.journal().clear();
    let events = world.events("waiting").await;
    world.patch::<Policy>("waiting", describe("changed meanwhile")).await;
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    sleep(A_WHILE).await;
    assert_eq!(asked_for_objects(world.ncloud.journal()), Vec::<String>::new(), "it waits and makes no calls");
    assert_eq!(world.events("waiting").await, events, "the connection has said it");

    world.secret("ncloud", &[("accessKey", &access), ("secretKey", &good)]).await;
    connection_is(&world, "ncloud", "Authenticated").await;
    world.ready::<Policy>("waiting").await;
    assert_eq!(world.ncloud.policy_named("waiting").unwrap().description.unwrap(), "changed meanwhile");
}

#[tokio::test]
async fn a_changed_connection_is_used_for_the_next_call() {
    let world = World::new("restyled").await;
    world.apply(spaceone_policy("restyled")).await;
    world.ready::<Policy>("restyled").await;
    world.patch::<Connection>("spaceone", json!({ "spec": { "spaceone": { "apiStyle": "Verb" } } })).await;
    connection_is(&world, "spaceone", "Authenticated").await;
    world.patch::<Policy>("restyled", json!({ "spec": { "spaceone": { "name": "Editor" } } })).await;
    world.ready::<Policy>("restyled").await;
    let writes = world.spaceone.journal().writes();
    let targets: Vec<&str> = writes.iter().map(|entry| entry.target.as_str()).collect();
    assert_eq!(targets, ["/repository/v1/policies", "/repository/v1/policy/update"]);
}

#[tokio::test]
async fn the_interval_says_how_soon_drift_is_found() {
    let world = World::new("interval").await;
    let mut object = ncloud_policy("seldom");
    object["spec"]["interval"] = json!("24h");
    world.apply(object).await;
    let id = upstream_id(&world.ready::<Policy>("seldom").await);
    // What its creation has woken is done with.
    world.look_again::<Policy>("seldom").await;
    world.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    sleep(A_WHILE).await;
    assert_eq!(world.ncloud.journal().effects(Operation::Update), 0, "nobody looked");
    world.patch::<Policy>("seldom", json!({ "spec": { "interval": "5m" } })).await;
    world.eventually("a correction", || world.ncloud.journal().effects(Operation::Update) == 1).await;
    world.ncloud.edit_policy(&id, |p| p.description = Some("by hand again".to_owned()));
    world.eventually("another correction", || world.ncloud.journal().effects(Operation::Update) == 2).await;
}

#[tokio::test]
async fn a_suspended_policy_is_not_touched_and_goes_on_when_resumed() {
    let world = World::new("suspended").await;
    world.apply(ncloud_policy("resting")).await;
    let id = upstream_id(&world.ready::<Policy>("resting").await);
    world.patch::<Policy>("resting", json!({ "spec": { "suspend": true } })).await;
    world.reason::<Policy>("resting", "Suspended").await;
    world.ncloud.journal().clear();
    world.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    world.patch::<Policy>("resting", describe("changed meanwhile")).await;
    world.reason::<Policy>("resting", "Suspended").await;
    sleep(A_WHILE).await;
    assert_eq!(asked_for_objects(world.ncloud.journal()), Vec::<String>::new());
    world.patch::<Policy>("resting", json!({ "spec": { "suspend": false } })).await;
    world.ready::<Policy>("resting").await;
    assert_eq!(world.ncloud.policy_named("resting").unwrap().description.unwrap(), "changed meanwhile");

    world.patch::<Policy>("resting", json!({ "spec": { "suspend": true } })).await;
    world.reason::<Policy>("resting", "Suspended").await;
    world.delete::<Policy>("resting").await;
    world.gone::<Policy>("resting").await;
    assert!(world.ncloud.policies().is_empty(), "a suspended policy can be deleted");
}

#[tokio::test]
async fn the_deletion_policy_counts_as_it_stands_at_deletion() {
    let world = World::new("deletion-policy").await;
    for (name, at_first, at_last) in [("goes", "Orphan", "Delete"), ("stays", "Delete", "Orphan")] {
        let mut object = ncloud_policy(name);
        object["spec"]["deletionPolicy"] = json!(at_first);
        world.apply(object).await;
        world.ready::<Policy>(name).await;
        world.patch::<Policy>(name, json!({ "spec": { "deletionPolicy": at_last } })).await;
        world.delete::<Policy>(name).await;
        world.gone::<Policy>(name).await;
    }
    let left: Vec<String> = world.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(left, ["stays"]);
}

#[tokio::test]
async fn a_connection_in_use_stays_until_its_last_dependant_is_gone() {
    let mut world = World::new("in-use").await;
    world.apply(ncloud_policy("dependant")).await;
    world.ready::<Policy>("dependant").await;
    world.delete::<Connection>("ncloud").await;
    world.crash();
    world.start(|_| {});
    sleep(A_WHILE).await;
    let held: Connection = world.get("ncloud").await;
    assert!(held.metadata.deletion_timestamp.is_some(), "it is on its way out");
    assert_eq!(held.status.unwrap().dependants, Some(1));
    let user = format!("Policy {}/dependant", world.namespace());
    let told = format!("Deletion waits for what uses this connection: {user}. Delete that first.");
    let says_so = |connection: &Connection| {
        let status = connection.status.clone().unwrap_or_default();
        anyhow::ensure!(status.conditions.iter().any(|c| c.message == told), "{status:?}");
        Ok(())
    };
    world.until("ncloud", "held, and to say so", says_so).await;
    assert_eq!(connection_is(&world, "ncloud", "InUse").await, told);
    let events = world.events("ncloud").await;
    assert!(events.iter().any(|(reason, note)| reason == "InUse" && *note == told), "{events:?}");
    world.patch::<Policy>("dependant", describe("served to the end")).await;
    world.ready::<Policy>("dependant").await;
    world.delete::<Policy>("dependant").await;
    world.gone::<Policy>("dependant").await;
    assert!(world.ncloud.policies().is_empty());
    world.gone::<Connection>("ncloud").await;
}

#[tokio::test]
async fn a_cluster_connection_serves_the_namespaces_it_lists_and_sees_its_secret_change() {
    // Checked so seldom that only the watch on the Secret can explain that a change is seen.
    let world = World::with("cluster", |settings| {
        settings.cluster_connections = true;
        settings.connection_interval = Duration::from_mins(10);
        settings.slow_retry = Duration::from_mins(10);
    })
    .await;
    let cluster = Cluster::connect(&world, json!({ "names": [world.namespace()] })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("guest");
    object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
    world.apply(object).await;
    world.ready::<Policy>("guest").await;

    cluster.allow(json!({ "names": ["somebody-else"] })).await;
    let seen: Policy = world.reason("guest", "NamespaceNotAllowed").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("spec.allowedNamespaces") && told.contains(world.namespace()), "{told}");
    world.ncloud.journal().clear();
    world.patch::<Policy>("guest", describe("not yet")).await;
    world.reason::<Policy>("guest", "NamespaceNotAllowed").await;
    sleep(A_WHILE).await;
    assert_eq!(asked_for_objects(world.ncloud.journal()), Vec::<String>::new());
    cluster.allow(json!({ "all": true, "names": null })).await;
    world.ready::<Policy>("guest").await;

    let access = world.ncloud.access_key();
    world.secret(&cluster.name, &[("accessKey", &access), ("secretKey", "wrong-wrong-wrong")]).await;
    cluster.is("Unauthorized").await;
    world.reason::<Policy>("guest", "ConnectionNotReady").await;
    let secret = world.ncloud.secret_key();
    world.secret(&cluster.name, &[("accessKey", &access), ("secretKey", &secret)]).await;
    world.ready::<Policy>("guest").await;
    world.delete::<Policy>("guest").await;
    world.gone::<Policy>("guest").await;
    cluster.remove().await;
}

#[tokio::test]
async fn who_may_not_use_a_cluster_connection_does_not_hold_up_its_deletion() {
    let world = World::with("no-say", |settings| settings.cluster_connections = true).await;
    let cluster = Cluster::connect(&world, json!({ "names": ["somebody-else"] })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("outsider");
    object["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": cluster.name });
    world.apply(object).await;
    world.reason::<Policy>("outsider", "NamespaceNotAllowed").await;
    cluster.remove().await;
    let seen: Policy = world.reason("outsider", "ConnectionNotFound").await;
    assert!(common(&seen).upstream.is_none());
}

#[tokio::test]
async fn a_connection_without_its_kind_is_told_from_one_that_does_not_exist() {
    let world = World::with("namesake", |settings| settings.cluster_connections = true).await;
    let cluster = Cluster::connect(&world, json!({ "all": true })).await;
    cluster.is("Authenticated").await;
    let mut object = ncloud_policy("kindless");
    object["spec"]["connectionRef"] = json!({ "name": cluster.name });
    world.apply(object).await;
    let seen: Policy = world.reason("kindless", "ConnectionNotFound").await;
    let told = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(told.contains("A ClusterConnection of this name exists: spec.connectionRef.kind"), "{told}");
    world.delete::<Policy>("kindless").await;
    world.gone::<Policy>("kindless").await;
    cluster.remove().await;
}

#[tokio::test]
async fn the_dependants_of_a_connection_are_counted_again_when_they_come_and_go() {
    let world = World::with("counted", |settings| settings.connection_interval = Duration::from_hours(1)).await;
    let counts = |expected: i64| {
        move |connection: &Connection| {
            let dependants = connection.status.clone().unwrap_or_default().dependants;
            anyhow::ensure!(dependants == Some(expected), "{dependants:?}");
            Ok(())
        }
    };
    world.until("ncloud", "looked at", counts(0)).await;
    // So long that the first checks of a new connection are over.
    sleep(A_WHILE).await;
    world.apply(ncloud_policy("comes")).await;
    world.until("ncloud", "counted with it", counts(1)).await;
    world.ready::<Policy>("comes").await;
    sleep(A_WHILE).await;
    world.delete::<Policy>("comes").await;
    world.gone::<Policy>("comes").await;
    world.until("ncloud", "counted without it", counts(0)).await;
}
