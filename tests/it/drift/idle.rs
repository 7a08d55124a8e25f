//! An idle operator writes nothing: one hour without changes, compressed into seconds, with 50 objects.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{Kind, TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::Order;
use k8s_openapi::api::core::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Five-minute intervals in an hour.
const ROUNDS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_operator_writes_nothing_for_an_hour() {
    let env = TestEnv::with("steady", |settings| settings.connection_interval = Duration::from_secs(5)).await;
    env.ncloud.set_options(|o| {
        assert!(o.switches.rewrite_wildcard, "the server rewrites * by default");
        o.switches.order = Order::Reversed;
    });
    let zone = env.spaceone.zone_ids()[0].clone();
    for i in 0..20 {
        env.apply(ncloud_policy(&format!("n-{i}"))).await;
    }
    for i in 0..15 {
        env.apply(spaceone_policy(&format!("p-{i}"))).await;
        env.apply(network_policy(&format!("w-{i}"), &zone)).await;
    }
    for i in 0..20 {
        env.ready::<Policy>(&format!("n-{i}")).await;
    }
    for i in 0..15 {
        env.ready::<Policy>(&format!("p-{i}")).await;
        env.ready::<NetworkPolicy>(&format!("w-{i}")).await;
    }
    // The connections count their dependants and the upstream objects once more.
    env.until("spaceone", "counted", |c: &Connection| counted(c, 30)).await;
    env.until("ncloud", "counted", |c: &Connection| counted(c, 20)).await;
    let before = versions(&env).await;
    env.ncloud.journal().clear();
    env.spaceone.journal().clear();

    // An hour for every object.
    env.wait_for_reconciles(50 * ROUNDS).await;

    assert_eq!(env.ncloud.journal().writes(), vec![], "writes to NAVER Cloud");
    assert_eq!(env.spaceone.journal().writes(), vec![], "writes to SpaceONE");
    assert_eq!(env.ncloud.journal().count(Operation::Validate), 0, "nothing to validate");
    let (lists, gets) = (env.spaceone.journal().count(Operation::List), env.spaceone.journal().count(Operation::Get));
    // Each object may require a list of a certain age; all objects together need one list per half interval.
    assert!(lists <= 2 * 3 * ROUNDS && gets == 0, "{lists} lists and {gets} gets of SpaceONE serve all objects");
    assert_eq!(versions(&env).await, before, "writes to Kubernetes");
}

#[tokio::test]
async fn new_object_is_read_once_after_create() {
    let env = TestEnv::new("new").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    // One after the other, so that a second read of the first object would have happened by now.
    for i in 0..5 {
        let mut object = ncloud_policy(&format!("new-{i}"));
        object["spec"]["interval"] = json!("24h");
        env.apply(object).await;
        env.ready::<Policy>(&format!("new-{i}")).await;
    }
    let gets = |id: &str| {
        let entries = env.ncloud.journal().entries();
        entries.iter().filter(|e| e.operation == Operation::Get && e.object_id.as_deref() == Some(id)).count()
    };
    let reads: Vec<usize> = env.ncloud.policies().iter().map(|policy| gets(&policy.policy_id)).collect();
    assert_eq!(reads, [1; 5], "each is read back once after its create");
}

fn counted(connection: &Connection, dependants: i64) -> anyhow::Result<()> {
    let status = connection.status.clone().unwrap_or_default();
    let usage = status.usage.clone().unwrap_or_default();
    let upstream = usage.count("policies").unwrap_or_default() + usage.count("networkPolicies").unwrap_or_default();
    let done = status.dependants == Some(dependants) && upstream == dependants;
    done.then_some(()).ok_or_else(|| anyhow::anyhow!("{status:?}"))
}

/// Returns the `resourceVersion` of every object in the namespace, including events.
async fn versions(env: &TestEnv) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    note::<Policy>(env, &mut all).await;
    note::<NetworkPolicy>(env, &mut all).await;
    note::<Connection>(env, &mut all).await;
    note::<Event>(env, &mut all).await;
    all
}

async fn note<K: Kind>(env: &TestEnv, all: &mut BTreeMap<String, String>) {
    for object in env.api::<K>().list(&ListParams::default()).await.unwrap() {
        all.insert(format!("{}/{}", K::kind(&()), object.name_any()), object.resource_version().unwrap());
    }
}
