//! What exists already and is somebody else's: never touched, except as the spec says in so many
//! words.

use crate::support::world::{World, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::managed::Managed;
use cloud_policy_simulator::ncloud::{self, CreateTags, NewPolicy, Permission, Target};
use cloud_policy_simulator::spaceone::{StoredNetworkPolicy, StoredPolicy};
use cloud_policy_simulator::{Action, Fault, Journal, Operation};
use serde_json::{Map, Value, json};
use std::time::Duration;

fn message<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

fn targets() -> Vec<Permission> {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let target = Target { product: "Server".to_owned(), actions: texts(&["View*"]), resource_nrns: texts(&["*"]) };
    vec![Permission { effect: "Allow".to_owned(), targets: vec![target], condition: None }]
}

/// Somebody's NAVER Cloud policy, with somebody's stamp or none.
pub fn by_hand(world: &World, name: &str, stamp: Option<&str>) -> String {
    let tags = stamp.map(|stamp| ("cloudpolicy-owner".to_owned(), stamp.to_owned())).into_iter().collect();
    let description = Some("by hand".to_owned());
    world.ncloud.add_policy(NewPolicy { policy_name: name.to_owned(), description, permissions: targets(), tags })
}

/// The same as a spec.
pub fn alike(name: &str) -> Value {
    let mut object = ncloud_policy(name);
    object["spec"]["ncloud"] = json!({
        "policyName": name,
        "description": "by hand",
        "permissions": [{
            "effect": "Allow",
            "targets": [{ "product": "Server", "actions": ["View*"], "resourceNrns": ["*"] }],
        }],
    });
    object
}

/// A SpaceONE policy of somebody, with somebody's stamp or none.
fn spaceone_by_hand(world: &World, id: &str, stamp: Option<&str>) {
    let tags = stamp.map(|stamp| ("cloudpolicy_owner".to_owned(), json!(stamp))).into_iter().collect();
    world.spaceone.add_policy(StoredPolicy {
        policy_id: id.to_owned(),
        name: "By hand".to_owned(),
        permissions: vec!["x.*".to_owned()],
        tags,
        ..StoredPolicy::default()
    });
}

async fn quiet_looks(world: &World, journal: &Journal) {
    world.rounds_pass(4).await;
    assert_eq!(journal.writes(), vec![], "nothing is written");
}

#[tokio::test]
async fn a_strangers_object_under_our_name_is_a_conflict_and_is_never_touched() {
    let world = World::new("conflict").await;
    let foreign = "another-cluster/another-object";
    by_hand(&world, "unmarked", None);
    by_hand(&world, "claimed", Some(foreign));
    spaceone_by_hand(&world, "unmarked-s", None);
    spaceone_by_hand(&world, "claimed-s", Some(foreign));
    let mut stubborn = alike("claimed");
    stubborn["spec"]["adoptionPolicy"] = json!("Always");
    let mut stubborn_s = spaceone_policy("claimed-s");
    stubborn_s["spec"]["adoptionPolicy"] = json!("Always");
    for object in [alike("unmarked"), stubborn, spaceone_policy("unmarked-s"), stubborn_s] {
        world.apply(object).await;
    }
    for name in ["unmarked", "unmarked-s"] {
        let told = message(&world.reason::<Policy>(name, "Conflict").await);
        assert!(told.contains("spec.adoptionPolicy"), "{told}");
    }
    for name in ["claimed", "claimed-s"] {
        let told = message(&world.reason::<Policy>(name, "Conflict").await);
        assert!(told.contains(foreign), "{told}");
    }
    quiet_looks(&world, world.ncloud.journal()).await;
    quiet_looks(&world, world.spaceone.journal()).await;
}

#[tokio::test]
async fn a_network_policy_of_the_same_name_is_no_conflict_because_names_mean_nothing_there() {
    let world = World::new("namesake").await;
    let namesake = StoredNetworkPolicy { name: "namesake".to_owned(), ..StoredNetworkPolicy::default() };
    let theirs = world.spaceone.add_network_policy(namesake);
    let before = world.spaceone.network_policies()[0].clone();
    world.apply(network_policy("namesake", &world.spaceone.zone_ids()[0])).await;
    assert_ne!(upstream_id(&world.ready::<NetworkPolicy>("namesake").await), theirs);
    assert_eq!(world.spaceone.network_policies()[0], before);
}

#[tokio::test]
async fn what_is_identical_is_adopted_and_only_marked() {
    let world = World::new("identical").await;
    let id = by_hand(&world, "same", None);
    let mut object = alike("same");
    object["spec"]["adoptionPolicy"] = json!("IfIdentical");
    object["spec"]["ncloud"]["description"] = json!("not quite");
    world.apply(object).await;
    let told = message(&world.reason::<Policy>("same", "Conflict").await);
    assert!(told.contains("differs at spec.ncloud.description"), "{told}");
    assert_eq!(world.ncloud.journal().writes(), vec![]);
    world.patch::<Policy>("same", json!({ "spec": { "ncloud": { "description": "by hand" } } })).await;
    let seen: Policy = world.ready("same").await;
    assert_eq!(upstream_id(&seen), id);
    assert!(common(&seen).upstream.unwrap().adopted);
    let writes: Vec<Operation> = world.ncloud.journal().writes().iter().map(|w| w.operation).collect();
    assert_eq!(writes, [Operation::TagsAdd], "the stamp, and nothing else");
    let events = world.events("same").await;
    assert!(events.iter().any(|(reason, _)| reason == "Adopted"), "{events:?}");
}

#[tokio::test]
async fn what_is_adopted_always_is_corrected_and_deleted_with_the_object() {
    let world = World::new("always").await;
    by_hand(&world, "always-n", None);
    spaceone_by_hand(&world, "always-s", None);
    for mut object in [ncloud_policy("always-n"), spaceone_policy("always-s")] {
        object["spec"]["adoptionPolicy"] = json!("Always");
        world.apply(object).await;
    }
    world.ready::<Policy>("always-n").await;
    world.ready::<Policy>("always-s").await;
    assert_eq!(world.ncloud.policy_named("always-n").unwrap().description.unwrap(), "first");
    assert_eq!(world.spaceone.policies()[0].name, "Viewer");
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 0);
    for name in ["always-n", "always-s"] {
        world.delete::<Policy>(name).await;
        world.gone::<Policy>(name).await;
    }
    assert!(world.ncloud.policies().is_empty() && world.spaceone.policies().is_empty());
}

#[tokio::test]
async fn an_external_id_names_what_to_take_over() {
    let world = World::new("external").await;
    let network = StoredNetworkPolicy { name: "by hand".to_owned(), ..StoredNetworkPolicy::default() };
    let network = world.spaceone.add_network_policy(network);
    let mut object = network_policy("external", &world.spaceone.zone_ids()[0]);
    object["spec"]["externalId"] = json!(network);
    world.apply(object.clone()).await;
    world.reason::<NetworkPolicy>("external", "Conflict").await;
    assert_eq!(world.spaceone.journal().writes(), vec![]);
    world.patch::<NetworkPolicy>("external", json!({ "spec": { "adoptionPolicy": "Always" } })).await;
    assert_eq!(upstream_id(&world.ready::<NetworkPolicy>("external").await), network);
    assert_eq!(world.spaceone.network_policies()[0].name, "external");

    object["metadata"]["name"] = json!("nobody");
    object["spec"]["externalId"] = json!("npolicy-000000000000");
    world.apply(object).await;
    let told = message(&world.reason::<NetworkPolicy>("nobody", "InvalidSpec").await);
    assert!(told.contains("npolicy-000000000000") && told.contains("does not exist upstream"), "{told}");
    assert_eq!(world.spaceone.journal().effects(Operation::Create), 0);
}

#[tokio::test]
async fn an_object_whose_stamp_was_taken_off_is_let_be_until_the_spec_names_it() {
    let world = World::new("stripped").await;
    world.apply(network_policy("stripped", &world.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&world.ready::<NetworkPolicy>("stripped").await);
    world.spaceone.edit_network_policy(&id, |p| {
        p.tags = Map::new();
        p.name = "somebody else's now".to_owned();
    });
    let told = message(&world.reason::<NetworkPolicy>("stripped", "Conflict").await);
    assert!(told.contains(&format!("spec.externalId: {id}")), "{told}");
    world.spaceone.journal().clear();
    quiet_looks(&world, world.spaceone.journal()).await;
    let named = json!({ "spec": { "externalId": id, "adoptionPolicy": "Always" } });
    world.patch::<NetworkPolicy>("stripped", named).await;
    assert_eq!(upstream_id(&world.ready::<NetworkPolicy>("stripped").await), id);
    assert_eq!(world.spaceone.network_policies()[0].name, "stripped");
}

#[tokio::test]
async fn a_stamp_that_the_upstream_drops_at_creation_is_put_on_afterwards() {
    let world = World::new("dropped").await;
    world.ncloud.set_options(|o| o.switches.create_tags = CreateTags::Dropped);
    world.apply(ncloud_policy("bare")).await;
    let uid = world.ready::<Policy>("bare").await.metadata.uid.unwrap();
    let stamp = world.ncloud.policy_named("bare").unwrap().tags["cloudpolicy-owner"].clone();
    assert!(stamp.ends_with(&uid), "{stamp} is not of {uid}");
    world.look_again::<Policy>("bare").await;
    world.ready::<Policy>("bare").await;
}

#[tokio::test]
async fn what_is_only_observed_is_never_written() {
    let world = World::new("observe").await;
    by_hand(&world, "there", None);
    for mut object in [alike("there"), ncloud_policy("missing")] {
        object["spec"]["managementPolicy"] = json!("Observe");
        world.apply(object).await;
    }
    let seen: Policy = world.reason("there", "Observed").await;
    assert_eq!(condition(&common(&seen), "Ready").unwrap().status, "True");
    assert!(seen.status.clone().unwrap().policy_id.is_some(), "its id is shown");
    assert!(seen.metadata.finalizers.is_none(), "what is only observed needs no finalizer");
    let told = message(&world.reason::<Policy>("missing", "Observed").await);
    assert!(told.contains("No such object exists upstream"), "{told}");
    world.patch::<Policy>("there", json!({ "spec": { "ncloud": { "description": "wished" } } })).await;
    world
        .until("there", "seen to differ", |object: &Policy| {
            let drift = common(object).drift;
            anyhow::ensure!(drift.is_some_and(|d| d.fields[0].path == "spec.ncloud.description"), "no drift");
            Ok(())
        })
        .await;
    for name in ["there", "missing"] {
        world.delete::<Policy>(name).await;
        world.gone::<Policy>(name).await;
    }
    assert_eq!(world.ncloud.journal().writes(), vec![]);
}

#[tokio::test]
async fn what_is_only_created_is_never_updated() {
    let world = World::new("create-only").await;
    let adopted = by_hand(&world, "adopted", None);
    for name in ["created", "adopted"] {
        let mut object = ncloud_policy(name);
        object["spec"]["managementPolicy"] = json!("CreateOnly");
        object["spec"]["adoptionPolicy"] = json!("Always");
        world.apply(object).await;
    }
    world.ready::<Policy>("created").await;
    let seen: Policy = world.reason("adopted", "Observed").await;
    assert_eq!(upstream_id(&seen), adopted);
    assert_eq!(condition(&common(&seen), "Synced").unwrap().status, "False", "it differs from the start");
    world.patch::<Policy>("created", json!({ "spec": { "ncloud": { "description": "wished" } } })).await;
    let told = message(&world.reason::<Policy>("created", "Observed").await);
    assert!(told.contains("managementPolicy is CreateOnly"), "{told}");
    assert_eq!(world.ncloud.journal().effects(Operation::Update), 0);
    assert_eq!(world.ncloud.policy_named("created").unwrap().description.unwrap(), "first");
    world.delete::<Policy>("created").await;
    world.gone::<Policy>("created").await;
    assert!(world.ncloud.policy_named("created").is_none());
}

#[tokio::test]
async fn drift_that_is_only_reported_is_not_corrected_while_edits_are_written() {
    let world = World::new("report").await;
    let mut object = ncloud_policy("report");
    object["spec"]["driftPolicy"] = json!("Report");
    world.apply(object).await;
    let id = upstream_id(&world.ready::<Policy>("report").await);
    world.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    let seen: Policy = world.reason("report", "DriftReported").await;
    let status = common(&seen);
    assert_eq!(condition(&status, "Drifted").unwrap().status, "True");
    let field = status.drift.unwrap().fields.remove(0);
    assert_eq!((field.path.as_str(), field.observed.as_str()), ("spec.ncloud.description", "\"by hand\""));
    world.ncloud.journal().clear();
    quiet_looks(&world, world.ncloud.journal()).await;

    world.patch::<Policy>("report", json!({ "spec": { "ncloud": { "description": "edited" } } })).await;
    let seen: Policy = world.ready("report").await;
    assert!(condition(&common(&seen), "Drifted").is_none() && common(&seen).drift.is_none());
    assert!(world.ncloud.remove_policy(&id));
    let told = message(&world.reason::<Policy>("report", "DriftReported").await);
    assert!(told.contains("deleted upstream"), "{told}");
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 0);
}

/// A policy that somebody changed by hand between the operator's write and its look, once that is corrected.
async fn corrected_meanwhile(prefix: &str, by_hand: impl FnOnce(&mut ncloud::StoredPolicy)) -> ncloud::StoredPolicy {
    let world = World::new(prefix).await;
    world.apply(ncloud_policy("meanwhile")).await;
    let id = upstream_id(&world.ready::<Policy>("meanwhile").await);
    // The write is done at once and answered late, so that somebody comes between it and the look.
    let late = Fault::on(Operation::Update).after(Action::Pass).latency(Duration::from_secs(1));
    world.ncloud.faults().add(late);
    world.patch::<Policy>("meanwhile", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    world.eventually("the write", || world.ncloud.journal().effects(Operation::Update) == 1).await;
    world.ncloud.edit_policy(&id, by_hand);
    world.eventually("a correction", || world.ncloud.journal().effects(Operation::Update) == 2).await;
    world.ready::<Policy>("meanwhile").await;
    world.ncloud.policy_named("meanwhile").unwrap()
}

#[tokio::test]
async fn what_somebody_writes_while_the_operator_writes_is_drift_and_not_a_value_that_did_not_stick() {
    let policy = corrected_meanwhile("meanwhile", |p| p.description = Some("by hand".to_owned())).await;
    assert_eq!(policy.description.unwrap(), "second");
}

#[tokio::test]
async fn another_field_that_somebody_writes_while_the_operator_writes_is_corrected_too() {
    let policy = corrected_meanwhile("meanwhile-other", |p| p.permissions[0].effect = "Deny".to_owned()).await;
    assert_eq!(policy.permissions[0].effect, "Allow");
}
