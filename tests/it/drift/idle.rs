//! Quiet when nothing changes: an hour of steady state, pressed into seconds, with 50 objects.

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
async fn an_hour_with_fifty_objects_writes_nothing_anywhere() {
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
    // The connections count their dependants and the upstream's objects once more.
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
    // Every object may ask for a list of its own age; together they need one in half an interval.
    assert!(lists <= 2 * 3 * ROUNDS && gets == 0, "{lists} lists and {gets} gets of SpaceONE serve all objects");
    assert_eq!(versions(&env).await, before, "writes to Kubernetes");
}

#[tokio::test]
async fn a_new_object_costs_one_look_and_no_more() {
    let env = TestEnv::new("new").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    // One after the other, so that a second look at the first would long have happened.
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
    let looks: Vec<usize> = env.ncloud.policies().iter().map(|policy| gets(&policy.policy_id)).collect();
    assert_eq!(looks, [1; 5], "each is read back once after its create");
}

fn counted(connection: &Connection, dependants: i64) -> anyhow::Result<()> {
    let status = connection.status.clone().unwrap_or_default();
    let usage = status.usage.clone().unwrap_or_default();
    let upstream = usage.count("policies").unwrap_or_default() + usage.count("networkPolicies").unwrap_or_default();
    let done = status.dependants == Some(dependants) && upstream == dependants;
    done.then_some(()).ok_or_else(|| anyhow::anyhow!("{status:?}"))
}

/// The resourceVersion of everything in the namespace, events included.
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
