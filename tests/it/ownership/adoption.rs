//! Objects that already exist upstream: the operator never changes them, except as the policies of the spec allow.

use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::kinds::managed::Managed;
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

/// Adds a NAVER Cloud policy that the operator did not create, with this owner tag or none; returns its id.
pub fn by_hand(env: &TestEnv, name: &str, tag: Option<&str>) -> String {
    let tags = tag.map(|tag| ("cloudpolicy-owner".to_owned(), tag.to_owned())).into_iter().collect();
    let description = Some("by hand".to_owned());
    env.ncloud.add_policy(NewPolicy { policy_name: name.to_owned(), description, permissions: targets(), tags })
}

/// Returns a `Policy` whose spec is identical to that policy.
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

/// Adds a SpaceONE policy that the operator did not create, with this owner tag or none.
fn spaceone_by_hand(env: &TestEnv, id: &str, tag: Option<&str>) {
    let tags = tag.map(|tag| ("cloudpolicy_owner".to_owned(), json!(tag))).into_iter().collect();
    env.spaceone.add_policy(StoredPolicy {
        policy_id: id.to_owned(),
        name: "By hand".to_owned(),
        permissions: vec!["x.*".to_owned()],
        tags,
        ..StoredPolicy::default()
    });
}

/// Waits for four more reconciles and asserts that the operator wrote nothing.
async fn writes_nothing(env: &TestEnv, journal: &Journal) {
    env.wait_for_reconciles(4).await;
    assert_eq!(journal.writes(), vec![], "nothing is written");
}

#[tokio::test]
async fn foreign_object_causes_conflict_and_is_never_changed() {
    let env = TestEnv::new("conflict").await;
    let foreign = "another-cluster/another-object";
    by_hand(&env, "unmarked", None);
    by_hand(&env, "claimed", Some(foreign));
    spaceone_by_hand(&env, "unmarked-s", None);
    spaceone_by_hand(&env, "claimed-s", Some(foreign));
    let mut stubborn = alike("claimed");
    stubborn["spec"]["adoptionPolicy"] = json!("Always");
    let mut stubborn_s = spaceone_policy("claimed-s");
    stubborn_s["spec"]["adoptionPolicy"] = json!("Always");
    for object in [alike("unmarked"), stubborn, spaceone_policy("unmarked-s"), stubborn_s] {
        env.apply(object).await;
    }
    for name in ["unmarked", "unmarked-s"] {
        let told = message(&env.reason::<Policy>(name, "Conflict").await);
        assert!(told.contains("spec.adoptionPolicy"), "{told}");
    }
    for name in ["claimed", "claimed-s"] {
        let told = message(&env.reason::<Policy>(name, "Conflict").await);
        assert!(told.contains(foreign), "{told}");
    }
    writes_nothing(&env, env.ncloud.journal()).await;
    writes_nothing(&env, env.spaceone.journal()).await;
}

#[tokio::test]
async fn network_policy_ignores_foreign_object_with_same_name() {
    let env = TestEnv::new("namesake").await;
    let namesake = StoredNetworkPolicy { name: "namesake".to_owned(), ..StoredNetworkPolicy::default() };
    let theirs = env.spaceone.add_network_policy(namesake);
    let before = env.spaceone.network_policies()[0].clone();
    env.apply(network_policy("namesake", &env.spaceone.zone_ids()[0])).await;
    assert_ne!(upstream_id(&env.ready::<NetworkPolicy>("namesake").await), theirs);
    assert_eq!(env.spaceone.network_policies()[0], before);
}

#[tokio::test]
async fn identical_object_is_adopted_by_adding_only_the_owner_tag() {
    let env = TestEnv::new("identical").await;
    let id = by_hand(&env, "same", None);
    let mut object = alike("same");
    object["spec"]["adoptionPolicy"] = json!("IfIdentical");
    object["spec"]["ncloud"]["description"] = json!("not quite");
    env.apply(object).await;
    let told = message(&env.reason::<Policy>("same", "Conflict").await);
    assert!(told.contains("differs at spec.ncloud.description"), "{told}");
    assert_eq!(env.ncloud.journal().writes(), vec![]);
    env.patch::<Policy>("same", json!({ "spec": { "ncloud": { "description": "by hand" } } })).await;
    let seen: Policy = env.ready("same").await;
    assert_eq!(upstream_id(&seen), id);
    assert!(common(&seen).upstream.unwrap().adopted);
    let writes: Vec<Operation> = env.ncloud.journal().writes().iter().map(|w| w.operation).collect();
    assert_eq!(writes, [Operation::TagsAdd], "the operator writes only the owner tag");
    let events = env.events("same").await;
    assert!(events.iter().any(|(reason, _)| reason == "Adopted"), "{events:?}");
}

#[tokio::test]
async fn adoption_policy_always_corrects_and_later_deletes_object() {
    let env = TestEnv::new("always").await;
    by_hand(&env, "always-n", None);
    spaceone_by_hand(&env, "always-s", None);
    for mut object in [ncloud_policy("always-n"), spaceone_policy("always-s")] {
        object["spec"]["adoptionPolicy"] = json!("Always");
        env.apply(object).await;
    }
    env.ready::<Policy>("always-n").await;
    env.ready::<Policy>("always-s").await;
    assert_eq!(env.ncloud.policy_named("always-n").unwrap().description.unwrap(), "first");
    assert_eq!(env.spaceone.policies()[0].name, "Viewer");
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);
    for name in ["always-n", "always-s"] {
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn external_id_selects_object_to_adopt() {
    let env = TestEnv::new("external").await;
    let network = StoredNetworkPolicy { name: "by hand".to_owned(), ..StoredNetworkPolicy::default() };
    let network = env.spaceone.add_network_policy(network);
    let mut object = network_policy("external", &env.spaceone.zone_ids()[0]);
    object["spec"]["externalId"] = json!(network);
    env.apply(object.clone()).await;
    env.reason::<NetworkPolicy>("external", "Conflict").await;
    assert_eq!(env.spaceone.journal().writes(), vec![]);
    env.patch::<NetworkPolicy>("external", json!({ "spec": { "adoptionPolicy": "Always" } })).await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("external").await), network);
    assert_eq!(env.spaceone.network_policies()[0].name, "external");

    object["metadata"]["name"] = json!("absent");
    object["spec"]["externalId"] = json!("npolicy-000000000000");
    env.apply(object).await;
    let told = message(&env.reason::<NetworkPolicy>("absent", "InvalidSpec").await);
    assert!(
        told.contains("npolicy-000000000000")
            && told.contains("does not exist upstream. Correct spec.externalId, or remove it"),
        "{told}"
    );
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 0);
}

#[tokio::test]
async fn untagged_object_is_not_written_until_external_id_names_it() {
    let env = TestEnv::new("stripped").await;
    env.apply(network_policy("stripped", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("stripped").await);
    env.spaceone.edit_network_policy(&id, |p| {
        p.tags = Map::new();
        p.name = "changed by another writer".to_owned();
    });
    let told = message(&env.reason::<NetworkPolicy>("stripped", "Conflict").await);
    assert!(told.contains(&format!("spec.externalId: {id}")), "{told}");
    env.spaceone.journal().clear();
    writes_nothing(&env, env.spaceone.journal()).await;
    let named = json!({ "spec": { "externalId": id, "adoptionPolicy": "Always" } });
    env.patch::<NetworkPolicy>("stripped", named).await;
    assert_eq!(upstream_id(&env.ready::<NetworkPolicy>("stripped").await), id);
    assert_eq!(env.spaceone.network_policies()[0].name, "stripped");
}

#[tokio::test]
async fn owner_tag_is_added_after_create_when_upstream_drops_it() {
    let env = TestEnv::new("dropped").await;
    env.ncloud.set_options(|o| o.switches.create_tags = CreateTags::Dropped);
    env.apply(ncloud_policy("bare")).await;
    let uid = env.ready::<Policy>("bare").await.metadata.uid.unwrap();
    let tag = env.ncloud.policy_named("bare").unwrap().tags["cloudpolicy-owner"].clone();
    assert!(tag.ends_with(&uid), "owner tag {tag} does not name {uid}");
    env.reconcile_now::<Policy>("bare").await;
    env.ready::<Policy>("bare").await;
}

#[tokio::test]
async fn observed_object_is_never_written() {
    let env = TestEnv::new("observe").await;
    by_hand(&env, "there", None);
    for mut object in [alike("there"), ncloud_policy("missing")] {
        object["spec"]["managementPolicy"] = json!("Observe");
        env.apply(object).await;
    }
    let seen: Policy = env.reason("there", "Observed").await;
    assert_eq!(condition(&common(&seen), "Ready").unwrap().status, "True");
    assert!(seen.status.clone().unwrap().policy_id.is_some(), "status shows its id");
    assert!(seen.metadata.finalizers.is_none(), "an observed object needs no finalizer");
    let told = message(&env.reason::<Policy>("missing", "Observed").await);
    assert!(told.contains("The upstream object does not exist"), "{told}");
    env.patch::<Policy>("there", json!({ "spec": { "ncloud": { "description": "wished" } } })).await;
    env.until("there", "seen to differ", |object: &Policy| {
        let drift = common(object).drift;
        anyhow::ensure!(drift.is_some_and(|d| d.fields[0].path == "spec.ncloud.description"), "no drift");
        Ok(())
    })
    .await;
    for name in ["there", "missing"] {
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    assert_eq!(env.ncloud.journal().writes(), vec![]);
}

#[tokio::test]
async fn create_only_object_is_never_updated() {
    let env = TestEnv::new("create-only").await;
    let adopted = by_hand(&env, "adopted", None);
    for name in ["created", "adopted"] {
        let mut object = ncloud_policy(name);
        object["spec"]["managementPolicy"] = json!("CreateOnly");
        object["spec"]["adoptionPolicy"] = json!("Always");
        env.apply(object).await;
    }
    env.ready::<Policy>("created").await;
    let seen: Policy = env.reason("adopted", "Observed").await;
    assert_eq!(upstream_id(&seen), adopted);
    assert_eq!(condition(&common(&seen), "Synced").unwrap().status, "False", "it differs from the start");
    env.patch::<Policy>("created", json!({ "spec": { "ncloud": { "description": "wished" } } })).await;
    let told = message(&env.reason::<Policy>("created", "Observed").await);
    assert!(told.contains("managementPolicy is CreateOnly"), "{told}");
    assert_eq!(env.ncloud.journal().effects(Operation::Update), 0);
    assert_eq!(env.ncloud.policy_named("created").unwrap().description.unwrap(), "first");
    env.delete::<Policy>("created").await;
    env.gone::<Policy>("created").await;
    assert!(env.ncloud.policy_named("created").is_none());
}

#[tokio::test]
async fn reported_drift_is_not_corrected_while_edits_are_written() {
    let env = TestEnv::new("report").await;
    let mut object = ncloud_policy("report");
    object["spec"]["driftPolicy"] = json!("Report");
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("report").await);
    env.ncloud.edit_policy(&id, |p| p.description = Some("by hand".to_owned()));
    let seen: Policy = env.reason("report", "DriftReported").await;
    let status = common(&seen);
    assert_eq!(condition(&status, "Drifted").unwrap().status, "True");
    let field = status.drift.unwrap().fields.remove(0);
    assert_eq!((field.path.as_str(), field.observed.as_str()), ("spec.ncloud.description", "\"by hand\""));
    env.ncloud.journal().clear();
    writes_nothing(&env, env.ncloud.journal()).await;

    env.patch::<Policy>("report", json!({ "spec": { "ncloud": { "description": "edited" } } })).await;
    let seen: Policy = env.ready("report").await;
    assert!(condition(&common(&seen), "Drifted").is_none() && common(&seen).drift.is_none());
    assert!(env.ncloud.remove_policy(&id));
    let told = message(&env.reason::<Policy>("report", "DriftReported").await);
    assert!(told.contains("deleted upstream"), "{told}");
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);
}

/// Changes a policy by hand between the operator's write and its next read, and returns the policy once the operator
/// has corrected it.
async fn corrected_meanwhile(prefix: &str, by_hand: impl FnOnce(&mut ncloud::StoredPolicy)) -> ncloud::StoredPolicy {
    let env = TestEnv::new(prefix).await;
    env.apply(ncloud_policy("meanwhile")).await;
    let id = upstream_id(&env.ready::<Policy>("meanwhile").await);
    // The upstream applies the write at once and responds late, so that another change precedes the next read.
    let late = Fault::on(Operation::Update).after(Action::Pass).latency(Duration::from_secs(1));
    env.ncloud.faults().add(late);
    env.patch::<Policy>("meanwhile", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.eventually("the write", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    env.ncloud.edit_policy(&id, by_hand);
    env.eventually("a correction", || env.ncloud.journal().effects(Operation::Update) == 2).await;
    env.ready::<Policy>("meanwhile").await;
    env.ncloud.policy_named("meanwhile").unwrap()
}

#[tokio::test]
async fn concurrent_change_of_same_field_is_corrected_as_drift() {
    let policy = corrected_meanwhile("meanwhile", |p| p.description = Some("by hand".to_owned())).await;
    assert_eq!(policy.description.unwrap(), "second");
}

#[tokio::test]
async fn concurrent_change_of_other_field_is_corrected() {
    let policy = corrected_meanwhile("meanwhile-other", |p| p.permissions[0].effect = "Deny".to_owned()).await;
    assert_eq!(policy.permissions[0].effect, "Allow");
}
