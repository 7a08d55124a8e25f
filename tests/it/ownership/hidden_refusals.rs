//! Creates that the upstream refuses although they take effect, while reads lag: the one search at once shows nothing. A
//! later search finds the object before it is left behind or doubled.

use super::lost_finalizers::only_triggers;
use crate::support::test_env::{
    Kind, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Collection, Fault, Lag, Operation};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

pub fn patient(settings: &mut Settings) {
    only_triggers(settings);
    settings.create_grace = SECOND * 4;
}

/// Starts an operator, and upstreams that show objects late and refuse one create of each collection with this status,
/// although they take effect.
pub async fn refusing(prefix: &str, code: u16) -> TestEnv {
    refusing_within(prefix, code, patient).await
}

/// Does the same with other settings of the operator.
pub async fn refusing_within(prefix: &str, code: u16, settings: fn(&mut Settings)) -> TestEnv {
    let env = TestEnv::with(prefix, settings).await;
    let lag = Lag { reads: SECOND * 3, lists: SECOND * 3, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
    let refused = || Fault::on(Operation::Create).after(Action::status(code, "{}"));
    env.ncloud.faults().add(refused());
    env.spaceone.faults().add(refused().of(Collection::Policy));
    env.spaceone.faults().add(refused().of(Collection::NetworkPolicy));
    env
}

/// Waits until the operator has recorded that the create of an object was refused.
pub async fn is_refused<K: Managed + Kind>(env: &TestEnv, name: &str) {
    env.until(name, "refused", |object: &K| {
        let common = common(object);
        anyhow::ensure!(common.operation.is_none() && common.upstream.is_none() && !common.conditions.is_empty());
        Ok(())
    })
    .await;
}

/// Applies one object of each collection, and waits until its create is refused.
pub async fn three_refused(env: &TestEnv) {
    for object in [ncloud_policy("one"), spaceone_policy("two"), network_policy("net", &env.spaceone.zone_ids()[0])] {
        env.apply(object).await;
    }
    is_refused::<Policy>(env, "one").await;
    is_refused::<Policy>(env, "two").await;
    is_refused::<NetworkPolicy>(env, "net").await;
}

/// Returns how many objects each collection holds.
pub fn counts(env: &TestEnv) -> [usize; 3] {
    [env.ncloud.policies().len(), env.spaceone.policies().len(), env.spaceone.network_policies().len()]
}

pub async fn delete_all(env: &TestEnv) {
    for name in ["one", "two"] {
        env.delete::<Policy>(name).await;
    }
    env.delete::<NetworkPolicy>("net").await;
}

pub async fn delete_three(env: &TestEnv) {
    delete_all(env).await;
    for name in ["one", "two"] {
        env.gone::<Policy>(name).await;
    }
    env.gone::<NetworkPolicy>("net").await;
}

#[tokio::test]
async fn deletion_leaves_nothing_after_refused_create_in_lag() {
    for code in [400, 403] {
        let env = refusing("hidden-deleted", code).await;
        three_refused(&env).await;
        delete_three(&env).await;
        tokio::time::sleep(SECOND).await;
        assert_eq!(counts(&env), [0, 0, 0], "leak after {code}");
    }
}

#[tokio::test]
async fn deletion_leaves_nothing_after_refusal_and_crash() {
    let mut env = refusing("hidden-crash", 400).await;
    three_refused(&env).await;
    env.crash();
    env.start(patient);
    delete_three(&env).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(counts(&env), [0, 0, 0]);
}

#[tokio::test]
async fn release_untags_what_a_refused_create_made_in_lag() {
    let env = refusing("hidden-released", 400).await;
    let mut object = network_policy("net", &env.spaceone.zone_ids()[0]);
    object["spec"]["deletionPolicy"] = json!("Orphan");
    env.apply(object).await;
    is_refused::<NetworkPolicy>(&env, "net").await;
    env.delete::<NetworkPolicy>("net").await;
    env.gone::<NetworkPolicy>("net").await;
    let all = env.spaceone.network_policies();
    assert!(all.len() == 1 && !all[0].tags.contains_key("cloudpolicy_owner"), "{all:?}");
}

#[tokio::test]
async fn edit_makes_no_copy_after_refused_create_in_lag() {
    let env = refusing("hidden-edited", 400).await;
    three_refused(&env).await;
    env.patch::<Policy>("one", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.patch::<Policy>("two", json!({ "spec": { "spaceone": { "permissions": ["inventory.Server.list"] } } })).await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "spaceone": { "dns": ["10.0.0.2"] } } })).await;
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    env.ready::<NetworkPolicy>("net").await;
    assert_eq!(counts(&env), [1, 1, 1]);
    assert_eq!(env.spaceone.network_policies()[0].dns, ["10.0.0.2"]);
    assert_eq!(env.spaceone.journal().effects(Operation::Create), 2);
}

/// A request to reconcile is answered by a create only after the search.
#[tokio::test]
async fn retry_makes_no_copy_after_refused_create_in_lag() {
    let env = refusing("hidden-retried", 400).await;
    three_refused(&env).await;
    let now = json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "now" } } });
    env.patch::<NetworkPolicy>("net", now).await;
    env.ready::<NetworkPolicy>("net").await;
    assert_eq!(env.spaceone.network_policies().len(), 1);
}

#[tokio::test]
async fn annotation_goes_with_the_search_after_the_grace() {
    let env = TestEnv::with("hidden-annotation", patient).await;
    env.spaceone
        .faults()
        .add(Fault::on(Operation::Create).of(Collection::Policy).before(Action::status(400, "{}")).forever());
    env.apply(spaceone_policy("two")).await;
    is_refused::<Policy>(&env, "two").await;
    env.until("two", "without its place", |object: &Policy| {
        anyhow::ensure!(!object.annotations().contains_key("cloudpolicy.dev/recorded-upstream"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn resting_object_records_what_a_refused_create_made() {
    let env = refusing("hidden-resting", 400).await;
    three_refused(&env).await;
    assert!(!upstream_id(&env.ready::<Policy>("one").await).is_empty());
    assert!(!upstream_id(&env.ready::<Policy>("two").await).is_empty());
    assert!(!upstream_id(&env.ready::<NetworkPolicy>("net").await).is_empty());
    assert_eq!(counts(&env), [1, 1, 1]);
    let creates = env.spaceone.journal().entries().into_iter().filter(|entry| entry.operation == Operation::Create);
    let creates = creates.filter(|entry| entry.collection == Collection::NetworkPolicy).count();
    assert_eq!(creates, 1, "no create is repeated where names are not unique");
}

/// Another name or connection does not hide what the refused create made under the first one.
#[tokio::test]
async fn corrected_place_leaves_nothing_after_refused_create() {
    let env = refusing("hidden-place", 400).await;
    three_refused(&env).await;
    env.connect_spaceone("other", &env.spaceone.url(), "Rest", &env.spaceone.domain_id(), &env.spaceone.token()).await;
    env.patch::<Policy>("one", json!({ "spec": { "ncloud": { "policyName": "other" } } })).await;
    env.patch::<Policy>("two", json!({ "spec": { "spaceone": { "policyId": "other" } } })).await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "connectionRef": { "name": "other" } } })).await;
    for name in ["one", "two"] {
        let told = env.reason::<Policy>(name, "InvalidSpec").await;
        let message = condition(&common(&told), "Ready").unwrap().message.clone();
        assert!(message.contains(&format!("back to {name}")), "{message}");
    }
    env.reason::<NetworkPolicy>("net", "AccountChanged").await;
    assert_eq!(counts(&env), [1, 1, 1]);
    delete_three(&env).await;
    assert_eq!(counts(&env), [0, 0, 0]);
}

/// The place of a create that was refused and had no effect cannot be seen any more: the corrected spec does not wait for it.
#[tokio::test]
async fn corrected_connection_does_not_wait_for_one_that_is_gone() {
    let env = TestEnv::with("hidden-unseen", only_triggers).await;
    env.connect_spaceone("other", &env.spaceone.url(), "Rest", &env.spaceone.domain_id(), &env.spaceone.token()).await;
    env.spaceone.faults().add(Fault::on(Operation::Create).before(Action::status(400, "{}")));
    let mut object = network_policy("net", &env.spaceone.zone_ids()[0]);
    object["spec"]["connectionRef"]["name"] = json!("other");
    env.apply(object).await;
    is_refused::<NetworkPolicy>(&env, "net").await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "connectionRef": { "name": "spaceone" } } })).await;
    env.api::<cloud_policy::api::Connection>().delete("other", &kube::api::DeleteParams::default()).await.unwrap();
    env.ready::<NetworkPolicy>("net").await;
    assert_eq!(env.spaceone.network_policies().len(), 1);
}

#[tokio::test]
async fn ordinary_refusal_costs_one_search_after_the_grace() {
    let env = TestEnv::with("hidden-cost", patient).await;
    env.spaceone.faults().add(Fault::on(Operation::Create).before(Action::status(400, "{}")).forever());
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let refused = env.reason::<NetworkPolicy>("net", "ValidationFailed").await;
    // The connection that becomes ready may have the object created once more, after the grace.
    tokio::time::sleep(SECOND * 11).await;
    let entries = env.spaceone.journal().entries();
    let of_kind = |entry: &&cloud_policy_simulator::Entry| entry.collection == Collection::NetworkPolicy;
    let all: Vec<_> = entries.iter().filter(of_kind).map(|entry| entry.operation).collect();
    let after = all.rsplit(|operation| *operation == Operation::Create).next().unwrap();
    assert_eq!(after, [Operation::List, Operation::List], "one at once, one after the grace: {all:?}");
    assert_eq!(common(&env.get::<NetworkPolicy>("net").await).conditions, common(&refused).conditions);
}

#[tokio::test]
async fn object_gone_without_finalizer_is_reported_when_refused() {
    let env = refusing("hidden-gone", 400).await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    is_refused::<NetworkPolicy>(&env, "net").await;
    env.delete::<NetworkPolicy>("net").await;
    let bare = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    env.api::<NetworkPolicy>().patch("net", &PatchParams::default(), &bare).await.unwrap();
    env.gone::<NetworkPolicy>("net").await;
    let id = env.spaceone.network_policies()[0].network_policy_id.clone();
    tokio::time::sleep(SECOND * 6).await;
    let events = env.events("net").await;
    assert!(events.iter().any(|(reason, note)| reason == "Orphaned" && note.contains(&id)), "{events:?}");
}

/// Renames both policies, and moves the network policy to another connection.
async fn change_places(env: &TestEnv) {
    env.patch::<Policy>("one", json!({ "spec": { "ncloud": { "policyName": "other" } } })).await;
    env.patch::<Policy>("two", json!({ "spec": { "spaceone": { "policyId": "other" } } })).await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "connectionRef": { "name": "other" } } })).await;
}

async fn with_other_connection(prefix: &str) -> TestEnv {
    let env = refusing(prefix, 400).await;
    env.connect_spaceone("other", &env.spaceone.url(), "Rest", &env.spaceone.domain_id(), &env.spaceone.token()).await;
    three_refused(&env).await;
    env
}

#[tokio::test]
async fn changed_place_leaves_nothing_after_refusal_and_crash() {
    let mut env = with_other_connection("hidden-moved").await;
    env.crash();
    change_places(&env).await;
    env.start(patient);
    tokio::time::sleep(SECOND * 9).await;
    delete_three(&env).await;
    assert_eq!(counts(&env), [0, 0, 0], "leak");
}

#[tokio::test]
async fn changed_place_makes_no_second_object_when_looks_fail() {
    let env = with_other_connection("hidden-busy").await;
    let busy = |operation| Fault::on(operation).before(Action::status(503, "{}")).times(3);
    env.ncloud.faults().add(busy(Operation::List));
    for collection in [Collection::Policy, Collection::NetworkPolicy] {
        env.spaceone.faults().add(busy(Operation::List).of(collection));
        env.spaceone.faults().add(busy(Operation::Get).of(collection));
    }
    change_places(&env).await;
    tokio::time::sleep(SECOND * 15).await;
    assert_eq!(counts(&env), [1, 1, 1]);
    delete_three(&env).await;
    assert_eq!(counts(&env), [0, 0, 0], "leak");
}

#[tokio::test]
async fn replaced_object_gets_no_copy_beside_a_crowd() {
    let env = refusing("hidden-crowd", 400).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    env.apply(network_policy("net", &zone)).await;
    is_refused::<NetworkPolicy>(&env, "net").await;
    // As `kubectl replace` does: the manifest has neither finalizer nor annotation.
    let bare = json!({
        "metadata": { "finalizers": null, "annotations": null },
        "spec": { "spaceone": { "dns": ["10.0.0.9"] } },
    });
    env.patch::<NetworkPolicy>("net", bare).await;
    for number in 0..12 {
        env.apply(network_policy(&format!("crowd-{number}"), &zone)).await;
    }
    env.ready::<NetworkPolicy>("net").await;
    let named = env.spaceone.network_policies().iter().filter(|policy| policy.name == "net").count();
    assert_eq!(named, 1, "copy");
}
