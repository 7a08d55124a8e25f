//! Two operators beside each other, each with a selector: each manages its own objects, both use all connections.

use crate::ownership::lost_finalizers::vanish;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{
    Kind, Operator, SOON, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use crate::support::{install_crypto, rbac};
use cloud_policy::api::{Connection, NetworkPolicy, Policy, crds};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Fault, Operation};
use cloud_policy_testbed::{ControlPlane, install_crds, wait_for};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

/// The selector of the operator that maintains the connections: they have no labels.
const MAIN: &str = "!shard";

/// The selector of the other operator.
const SHARD: &str = "shard in (b)";

/// Two operators of one namespace.
struct Shards {
    env: TestEnv,
    main: Operator,
    shard: Operator,
}

impl Shards {
    async fn start(prefix: &str) -> Self {
        let env = TestEnv::without_operator(prefix).await;
        let client = rbac::client().await;
        Self { main: operator(&env, &client, MAIN), shard: operator(&env, &client, SHARD), env }
    }

    /// Applies one object of each collection with this label, and waits until they are ready.
    async fn three(&self, suffix: &str, labels: &Value) {
        let names = ["n", "s", "w"].map(|name| format!("{name}-{suffix}"));
        let zone = &self.env.spaceone.zone_ids()[0];
        for mut object in [ncloud_policy(&names[0]), spaceone_policy(&names[1]), network_policy(&names[2], zone)] {
            object["metadata"]["labels"] = labels.clone();
            self.env.apply(object).await;
        }
        self.env.ready::<Policy>(&names[0]).await;
        self.env.ready::<Policy>(&names[1]).await;
        self.env.ready::<NetworkPolicy>(&names[2]).await;
    }

    async fn relabel<K: Kind>(&self, name: &str, shard: Option<&str>) {
        self.env.patch::<K>(name, json!({ "metadata": { "labels": { "shard": shard } } })).await;
    }

    /// Waits until both operators have checked connections so many times more.
    async fn checks(&self, more: usize) {
        for operator in [&self.main, &self.shard] {
            let before = reconciles(operator, "Connection");
            let enough = || reconciles(operator, "Connection") >= before + more;
            self.env.eventually("checks of connections", enough).await;
        }
    }
}

fn operator(env: &TestEnv, client: &Client, selector: &str) -> Operator {
    Operator::start(client, &[env.namespace()], |settings| select(settings, selector))
}

/// Nothing but changes starts a reconcile.
fn select(settings: &mut Settings, selector: &str) {
    settings.selector = selector.parse().unwrap();
    settings.interval_divisor = 1;
}

fn reconciles(operator: &Operator, kind: &str) -> usize {
    let metrics = operator.metrics.encode().unwrap();
    let ours = format!("_reconciles_total{{kind=\"{kind}\"");
    let counts = metrics.lines().filter(|line| line.contains(&ours));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

fn orphans(operator: &Operator) -> usize {
    let metrics = operator.metrics.encode().unwrap();
    let told = metrics.lines().filter(|line| line.contains("_orphans_total{") && line.contains("finalizer_removed"));
    told.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

#[tokio::test]
async fn each_shard_manages_its_own_objects() {
    let (env, client) = (TestEnv::without_operator("shards").await, rbac::client().await);
    let main = operator(&env, &client, MAIN);
    let mut other = ncloud_policy("other");
    other["metadata"]["labels"] = json!({ "shard": "b" });
    env.apply(other).await;
    env.apply(ncloud_policy("own")).await;
    env.ready::<Policy>("own").await;
    let untouched: Policy = env.get("other").await;
    assert!(common(&untouched).observed_generation < 1 && untouched.finalizers().is_empty(), "{untouched:?}");
    let _shard = operator(&env, &client, SHARD);
    env.ready::<Policy>("other").await;
    main.stop().await;
    for name in ["own", "other"] {
        env.patch::<Policy>(name, json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    }
    env.ready::<Policy>("other").await;
    assert_ne!(env.ncloud.policy_named("own").unwrap().description.as_deref(), Some("second"));
    assert_eq!(env.ncloud.policies().len(), 2);
}

#[tokio::test]
async fn one_shard_writes_a_connection_that_both_use() {
    let shards = Shards::start("shards-conn").await;
    let env = &shards.env;
    shards.three("main", &json!({})).await;
    shards.three("shard", &json!({ "shard": "b" })).await;
    shards.checks(3).await;
    let settled: Connection = env.get("ncloud").await;
    assert_eq!(settled.status.as_ref().unwrap().dependants, None, "no operator knows all of them");
    shards.checks(3).await;
    let later: Connection = env.get("ncloud").await;
    assert_eq!(settled.resource_version(), later.resource_version(), "two operators write in turn: {later:?}");

    env.delete::<Policy>("n-main").await;
    env.gone::<Policy>("n-main").await;
    env.delete::<Connection>("ncloud").await;
    let message = connection_is(env, "ncloud", "InUse").await;
    assert!(message.contains("Policy") && message.contains("/n-shard"), "{message}");
    // The next probe counts the policies again.
    let is_counted = |connection: &Connection| {
        let usage = connection.status.as_ref().and_then(|status| status.usage.clone());
        anyhow::ensure!(
            usage == Some(serde_json::from_value(json!({ "policies": 1, "policiesLimit": 500 }))?),
            "{usage:?}"
        );
        Ok(())
    };
    env.until::<Connection>("ncloud", "its policies to be counted", is_counted).await;
    let waiting = env.get::<Connection>("ncloud").await.resource_version();
    shards.checks(3).await;
    let later: Connection = env.get("ncloud").await;
    assert_eq!(waiting, later.resource_version(), "two operators write in turn: {later:?}");
    env.delete::<Policy>("n-shard").await;
    env.gone::<Policy>("n-shard").await;
    env.gone::<Connection>("ncloud").await;
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn relabelled_connection_is_maintained_by_other_shard() {
    let shards = Shards::start("shards-move-conn").await;
    let env = &shards.env;
    connection_is(env, "ncloud", "Authenticated").await;
    shards.relabel::<Connection>("ncloud", Some("b")).await;
    let Shards { env, main, shard: _shard } = shards;
    main.stop().await;
    env.patch::<Connection>("ncloud", json!({ "spec": { "rateLimit": { "requestsPerSecond": 50 } } })).await;
    connection_is(&env, "ncloud", "Authenticated").await;
}

#[tokio::test]
async fn relabelled_object_is_taken_over() {
    let shards = Shards::start("shards-move").await;
    let Shards { env, shard, .. } = &shards;
    shards.three("x", &json!({})).await;
    let ids = [upstream_id(&env.get::<Policy>("n-x").await), upstream_id(&env.get::<NetworkPolicy>("w-x").await)];
    for name in ["n-x", "s-x"] {
        shards.relabel::<Policy>(name, Some("b")).await;
    }
    shards.relabel::<NetworkPolicy>("w-x", Some("b")).await;
    env.eventually("the shard to see them", || reconciles(shard, "Policy") >= 2).await;
    env.eventually("the shard to see it", || reconciles(shard, "NetworkPolicy") >= 1).await;
    env.patch::<Policy>("n-x", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("n-x").await;
    assert_eq!(env.ncloud.policy_named("n-x").unwrap().description.as_deref(), Some("second"));
    let after = [upstream_id(&env.get::<Policy>("n-x").await), upstream_id(&env.get::<NetworkPolicy>("w-x").await)];
    assert_eq!(ids, after);
    env.delete::<Policy>("n-x").await;
    env.delete::<Policy>("s-x").await;
    env.delete::<NetworkPolicy>("w-x").await;
    env.gone::<Policy>("n-x").await;
    env.gone::<Policy>("s-x").await;
    env.gone::<NetworkPolicy>("w-x").await;
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().is_empty());
    assert!(env.spaceone.network_policies().is_empty());
}

#[tokio::test]
async fn relabelled_object_is_not_reported_as_lost() {
    let shards = Shards::start("shards-lost").await;
    let Shards { env, main, shard } = &shards;
    shards.three("moved", &json!({})).await;
    shards.three("lost", &json!({})).await;
    shards.relabel::<Policy>("n-moved", Some("b")).await;
    shards.relabel::<Policy>("s-moved", Some("b")).await;
    shards.relabel::<NetworkPolicy>("w-moved", Some("b")).await;
    env.eventually("the shard to see them", || reconciles(shard, "Policy") >= 2).await;
    env.eventually("the shard to see it", || reconciles(shard, "NetworkPolicy") >= 1).await;
    // The other operator is forced to let one go, with its upstream object, before the first may report it.
    vanish::<Policy>(env, "n-moved").await;
    vanish::<Policy>(env, "n-lost").await;
    env.eventually("the report of each operator", || orphans(main) >= 1 && orphans(shard) >= 1).await;
    assert_eq!([orphans(main), orphans(shard)], [1, 1]);
    for name in ["n-moved", "n-lost"] {
        let told = env.events(name).await.into_iter().filter(|(reason, _)| reason == "Orphaned").count();
        assert_eq!(told, 1, "{name}: each operator reports what it lost");
    }
    assert!(env.events("s-moved").await.iter().chain(&env.events("w-moved").await).all(|(r, _)| r != "Orphaned"));
}

#[tokio::test]
async fn relabelled_object_is_not_written_any_more() {
    let env = TestEnv::without_operator("shards-fence").await;
    let main = operator(&env, &rbac::client().await, MAIN);
    env.apply(ncloud_policy("moved")).await;
    env.ready::<Policy>("moved").await;
    let slow = Fault::on(Operation::Get).latency(Duration::from_secs(2));
    env.ncloud.faults().add(slow);
    env.patch::<Policy>("moved", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.eventually("the operator to read", || env.ncloud.faults().waiting().is_empty()).await;
    let before = reconciles(&main, "Policy");
    env.patch::<Policy>("moved", json!({ "metadata": { "labels": { "shard": "b" } } })).await;
    env.eventually("the reconcile to end", || reconciles(&main, "Policy") > before).await;
    assert_eq!(env.ncloud.journal().count(Operation::Update), 0, "the other operator may write by now");
    env.patch::<Policy>("moved", json!({ "metadata": { "labels": { "shard": null } } })).await;
    env.ready::<Policy>("moved").await;
    assert_eq!(env.ncloud.policy_named("moved").unwrap().description.as_deref(), Some("second"));
}

#[tokio::test]
async fn upstream_object_of_another_shard_is_a_conflict() {
    install_crypto();
    let control_plane = ControlPlane::start().unwrap();
    let client = control_plane.client().unwrap();
    install_crds(&client, &crds::all()).await.unwrap();
    let env = TestEnv::without_operator_on(client.clone(), "shards-conflict").await;
    let whole_cluster = |selector| {
        Operator::start(&client, &[env.namespace()], |settings| {
            select(settings, selector);
            settings.scope.clear();
        })
    };
    let _operators = [MAIN, SHARD].map(whole_cluster);
    env.apply(ncloud_policy("target")).await;
    let id = upstream_id(&env.ready::<Policy>("target").await);
    let mut other = ncloud_policy("target");
    other["metadata"] = json!({ "name": "other", "labels": { "shard": "b" } });
    other["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(other).await;
    let message = message(&env.reason::<Policy>("other", "Conflict").await);
    assert!(message.contains("/target"), "{message}");
    assert_eq!(env.ncloud.journal().effects(Operation::TagsAdd), 0, "the owner tag stays");
    env.delete::<Policy>("other").await;
    env.gone::<Policy>("other").await;
    assert_eq!(env.ncloud.policy_named("target").unwrap().policy_id, id);
    env.delete::<Policy>("target").await;
    let empty = || async {
        anyhow::ensure!(env.ncloud.policies().is_empty(), "still there");
        Ok(())
    };
    wait_for("the policy to be deleted", SOON, empty).await.unwrap();
}

fn message<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}
