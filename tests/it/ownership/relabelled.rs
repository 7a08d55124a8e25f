//! Objects that pass from one operator to another by their labels while a create is on its way: for the operator that
//! takes over, the grace of the create begins when it sees the object.

use crate::security::tenants::write_status;
use crate::support::rbac;
use crate::support::test_env::{Operator, TestEnv, network_policy};
use cloud_policy::api::{Connection, NetworkPolicy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Fault, Operation};
use serde_json::{Value, json};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn of_shard(selector: &'static str, grace: Duration) -> impl Fn(&mut Settings) {
    move |settings| {
        settings.selector = selector.parse().unwrap();
        settings.interval_divisor = 1;
        settings.create_grace = grace;
        settings.http.request_timeout = grace;
        settings.connection_interval = Duration::from_mins(10);
    }
}

/// Starts an operator for objects without a shard and one for shard `b`; both run longer than a grace.
async fn two_operators(prefix: &str, grace: Duration) -> (TestEnv, [Operator; 2]) {
    let env = TestEnv::without_operator(prefix).await;
    let client = rbac::client().await;
    let start = |selector| Operator::start(&client, &[env.namespace()], of_shard(selector, grace));
    let operators = ["!shard", "shard in (b)"].map(start);
    let zone = env.spaceone.zone_ids()[0].clone();
    let mut other = network_policy("other", &zone);
    other["metadata"]["labels"] = json!({ "shard": "b" });
    env.apply(other).await;
    env.apply(network_policy("first", &zone)).await;
    env.ready::<NetworkPolicy>("first").await;
    env.ready::<NetworkPolicy>("other").await;
    tokio::time::sleep(grace).await;
    (env, operators)
}

async fn relabel(env: &TestEnv, shard: &str) {
    env.patch::<NetworkPolicy>("moving", json!({ "metadata": { "labels": { "shard": shard } } })).await;
}

/// Lets a create wait for the rate limit after its intent, and then be on its way for nearly a grace.
async fn slow_create(env: &TestEnv) {
    let slow = json!({ "spec": { "rateLimit": { "requestsPerSecond": 1, "burst": 1 } } });
    env.patch::<Connection>("spaceone", slow).await;
    tokio::time::sleep(SECOND * 4).await;
    env.spaceone.faults().add(Fault::on(Operation::Create).latency(SECOND * 18 / 10));
    env.apply(network_policy("moving", &env.spaceone.zone_ids()[0])).await;
    env.eventually("the create to be on its way", || env.spaceone.faults().waiting().is_empty()).await;
}

fn copies(env: &TestEnv) -> usize {
    env.spaceone.network_policies().iter().filter(|policy| policy.name == "moving").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relabelled_object_gets_no_copy_when_its_create_is_slow() {
    let (env, _operators) = two_operators("relabelled", SECOND * 2).await;
    slow_create(&env).await;
    relabel(&env, "b").await;
    env.ready::<NetworkPolicy>("moving").await;
    assert_eq!(copies(&env), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relabelled_object_is_deleted_when_its_create_is_slow() {
    let (env, _operators) = two_operators("relabelled-gone", SECOND * 2).await;
    slow_create(&env).await;
    relabel(&env, "b").await;
    env.delete::<NetworkPolicy>("moving").await;
    env.gone::<NetworkPolicy>("moving").await;
    assert_eq!((copies(&env), env.spaceone.journal().effects(Operation::Create)), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relabelled_object_gets_no_copy_when_status_is_wiped() {
    let (env, _operators) = two_operators("relabelled-wiped", SECOND * 3).await;
    env.spaceone.faults().add(Fault::on(Operation::Create).latency(SECOND * 2));
    env.apply(network_policy("moving", &env.spaceone.zone_ids()[0])).await;
    env.eventually("the create to be on its way", || env.spaceone.faults().waiting().is_empty()).await;
    // The former operator is not concerned any more when status is wiped.
    relabel(&env, "c").await;
    write_status::<NetworkPolicy>(&env, "moving", Value::Null).await;
    relabel(&env, "b").await;
    env.ready::<NetworkPolicy>("moving").await;
    assert_eq!(copies(&env), 1);
}

/// The operator that takes over runs for long. A forged record agrees with the spec, and where the annotation says that the
/// object is, nothing is to be seen yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relabelled_object_is_awaited_at_its_former_place() {
    let (env, _operators) = two_operators("relabelled-place", SECOND * 3).await;
    let other = Spaceone::start(spaceone::Options { seed: 7, ..spaceone::Options::default() }).await.unwrap();
    env.connect_spaceone("other", &other.url(), "Rest", &other.domain_id(), &other.token()).await;
    env.spaceone.faults().add(Fault::on(Operation::Create).latency(SECOND * 2));
    env.apply(network_policy("moving", &env.spaceone.zone_ids()[0])).await;
    env.eventually("the create to be on its way", || env.spaceone.faults().waiting().is_empty()).await;
    relabel(&env, "c").await;
    write_status::<NetworkPolicy>(&env, "moving", Value::Null).await;
    let spec = json!({ "connectionRef": { "name": "other" }, "spaceone": { "zoneId": other.zone_ids()[0] } });
    env.patch::<NetworkPolicy>("moving", json!({ "spec": spec })).await;
    let forged = json!({
        "system": "spaceone/networkpolicy", "connection": { "name": "other" }, "endpoint": other.url(),
        "id": "npolicy-000000000000", "key": "moving",
    });
    write_status::<NetworkPolicy>(&env, "moving", json!({ "upstream": forged })).await;
    relabel(&env, "b").await;
    env.reason::<NetworkPolicy>("moving", "AccountChanged").await;
    assert_eq!((copies(&env), other.network_policies().len()), (1, 0));
}
