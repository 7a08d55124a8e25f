//! What other clusters, backups, lagging replicas, clocks and editors of status do to an object at unlucky moments.

use super::mended::other_ncloud;
use super::released::lose;
use crate::faults::clock::Offset;
use crate::security::tenants::write_status;
use crate::support::rbac;
use crate::support::test_env::{
    Operator, TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;

use cloud_policy_simulator::ncloud::{self, CreateTags, Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Action, Decision, Fault, Lag, Operation};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const NO_LAG: Lag = Lag { reads: Duration::ZERO, lists: Duration::ZERO, deletions: Duration::ZERO };
const RECORDED: &str = "cloudpolicy.dev/recorded-upstream";

fn lag(env: &TestEnv, lag: Lag) {
    env.ncloud.set_options(|options| options.switches.lag = lag);
    env.spaceone.set_options(|switches| switches.lag = lag);
}

fn patient(settings: &mut Settings) {
    settings.interval_divisor = 1;
    settings.create_grace = Duration::from_secs(20);
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn pause(n: u64) {
    tokio::time::sleep(secs(n)).await;
}

async fn next_leader(env: &TestEnv, skew: i64) -> Operator {
    let clock = Arc::new(Offset::default());
    clock.jump(skew);
    Operator::start_with_clock(&rbac::client().await, &[env.namespace()], clock, patient)
}

async fn clock_behind_doubles(skew: i64) {
    let mut env = TestEnv::with("atk-clock", patient).await;
    lag(&env, Lag { reads: secs(10), lists: secs(10), ..NO_LAG });
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("net").await;
    env.crash();
    let _next = next_leader(&env, skew).await;
    pause(12).await;
    assert_eq!(env.spaceone.network_policies().len(), 1, "second copy");
}

#[tokio::test]
async fn next_leader_makes_no_copy_when_its_clock_is_behind() {
    clock_behind_doubles(-6).await;
}

#[tokio::test]
async fn next_leader_leaks_nothing_when_its_clock_is_behind() {
    let mut env = TestEnv::with("atk-clock-del", patient).await;
    lag(&env, Lag { reads: secs(10), lists: secs(10), ..NO_LAG });
    env.apply(ncloud_policy("one")).await;
    env.eventually("it", || env.ncloud.policies().len() == 1).await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("net").await;
    env.reason::<Policy>("one", "Updating").await;
    env.crash();
    env.delete::<NetworkPolicy>("net").await;
    env.delete::<Policy>("one").await;
    let _next = next_leader(&env, -6).await;
    env.gone::<NetworkPolicy>("net").await;
    env.gone::<Policy>("one").await;
    assert_eq!((env.spaceone.network_policies().len(), env.ncloud.policies().len()), (0, 0), "leak");
}

#[tokio::test]
async fn object_gets_no_copy_when_another_replica_lags() {
    let env = TestEnv::with("atk-seen", patient).await;
    lag(&env, Lag { deletions: secs(20), ..NO_LAG });
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("net").await;
    env.reconcile_now::<NetworkPolicy>("net").await;
    lag(&env, Lag { reads: secs(12), lists: secs(12), ..NO_LAG });
    env.patch::<NetworkPolicy>(
        "net",
        json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "x" } } }),
    )
    .await;
    pause(4).await;
    assert_eq!(env.spaceone.network_policies().len(), 1, "second copy");
}

#[tokio::test]
async fn lost_update_of_spaceone_is_reverted_when_it_lands_late() {
    let env = TestEnv::with("atk-late-update", |settings| {
        settings.interval_divisor = 1;
        settings.create_grace = secs(4);
    })
    .await;
    let mut object = spaceone_policy("s");
    object["spec"]["spaceone"]["permissions"] = json!(["a.*"]);
    env.apply(object).await;
    env.ready::<Policy>("s").await;
    env.spaceone.faults().add(Fault::on(Operation::Update).before(Action::Late(secs(2))));
    env.patch::<Policy>("s", json!({ "spec": { "spaceone": { "permissions": ["*"] } } })).await;
    env.eventually("sent", || env.spaceone.faults().waiting().is_empty()).await;
    env.patch::<Policy>("s", json!({ "spec": { "spaceone": { "permissions": ["a.*"] } } })).await;
    env.ready::<Policy>("s").await;
    pause(12).await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["a.*"], "silent grant");
}

#[tokio::test]
async fn lost_update_of_ncloud_is_reverted_when_reads_lag() {
    let env = TestEnv::with("atk-late-n", |settings| {
        settings.interval_divisor = 1;
        settings.create_grace = secs(4);
    })
    .await;
    env.apply(ncloud_policy("nnn")).await;
    env.ready::<Policy>("nnn").await;
    lag(&env, Lag { reads: secs(3), lists: secs(3), ..NO_LAG });
    env.ncloud.faults().add(Fault::on(Operation::Update).after(Action::status(504, "")));
    env.patch::<Policy>("nnn", json!({ "spec": { "ncloud": { "description": "wide" } } })).await;
    env.eventually("sent", || env.ncloud.faults().waiting().is_empty()).await;
    env.patch::<Policy>("nnn", json!({ "spec": { "ncloud": { "description": "first" } } })).await;
    env.ready::<Policy>("nnn").await;
    pause(12).await;
    assert_eq!(env.ncloud.policies()[0].description.as_deref(), Some("first"), "silent grant");
}

async fn leftover(prefix: &str) -> (TestEnv, String) {
    let mut env = TestEnv::new(prefix).await;
    env.apply(network_policy("vic", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("vic").await);
    env.crash();
    lose::<NetworkPolicy>(&env, "vic").await;
    env.start(|_| {});
    (env, id)
}

fn sparse(env: &TestEnv, adoption: &str) -> Value {
    let mut object = network_policy("fresh", &env.spaceone.zone_ids()[0]);
    object["spec"]["spaceone"] = json!({ "name": "fresh", "zoneId": env.spaceone.zone_ids()[0] });
    object["spec"]["adoptionPolicy"] = json!(adoption);
    object
}

#[tokio::test]
async fn sparse_object_takes_no_unrelated_leftover() {
    let (env, id) = leftover("atk-sparse").await;
    env.apply(sparse(&env, "Always")).await;
    let seen = env.ready::<NetworkPolicy>("fresh").await;
    assert_ne!(upstream_id(&seen), id, "took over another object with routes that no spec asks for");
}

#[tokio::test]
async fn sparse_object_is_not_blocked_by_a_leftover() {
    let (env, _) = leftover("atk-sparse2").await;
    env.apply(sparse(&env, "Never")).await;
    pause(6).await;
    let seen = env.get::<NetworkPolicy>("fresh").await;
    let ready = condition(&common(&seen), "Ready").cloned().unwrap();
    assert_eq!(ready.reason, "UpToDate", "{}", ready.message);
}

async fn hidden_tags(prefix: &str) -> TestEnv {
    let env = TestEnv::new(prefix).await;
    env.apply(ncloud_policy("before")).await;
    env.ready::<Policy>("before").await;
    let mut foreign = NewPolicy { policy_name: "shared".to_owned(), ..NewPolicy::default() };
    let twin = env.ncloud.policy_named("before").unwrap();
    foreign.permissions = twin.permissions.clone();
    foreign.description = Some("of the other cluster".to_owned());
    let id = env.ncloud.add_policy(foreign);
    env.ncloud.edit_policy(&id, |policy| {
        policy.tags.insert("cloudpolicy-owner".to_owned(), "other-cluster_0000-1111".to_owned());
    });
    let mut object = ncloud_policy("shared");
    object["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(object).await;
    env.reason::<Policy>("shared", "Conflict").await;
    env.ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(400, "{}")).forever());
    pause(5).await;
    env
}

#[tokio::test]
async fn foreign_object_is_not_overwritten_when_tags_are_hidden() {
    let env = hidden_tags("atk-hidden").await;
    assert_eq!(env.ncloud.policy_named("shared").unwrap().description.as_deref(), Some("of the other cluster"));
}

#[tokio::test]
async fn foreign_object_is_not_deleted_when_tags_are_hidden() {
    let env = hidden_tags("atk-hidden2").await;
    env.delete::<Policy>("shared").await;
    pause(5).await;
    assert!(env.ncloud.policy_named("shared").is_some(), "deleted the object of another cluster");
}

#[tokio::test]
async fn dropped_owner_tag_is_written_after_the_create() {
    let env = TestEnv::new("atk-known-tags").await;
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    env.ncloud.set_options(|options| options.switches.create_tags = CreateTags::Dropped);
    env.apply(ncloud_policy("two")).await;
    env.ready::<Policy>("two").await;
    let tags = env.ncloud.policy_named("two").unwrap().tags;
    assert!(tags.contains_key("cloudpolicy-owner"), "up to date without its owner tag: {tags:?}");
    pause(6).await;
    let seen = env.get::<Policy>("two").await;
    let ready = condition(&common(&seen), "Ready").cloned().unwrap();
    assert_eq!(ready.reason, "UpToDate", "{}", ready.message);
}

#[tokio::test]
async fn bogus_id_does_not_permit_another_connection() {
    let mut env = TestEnv::new("atk-bogus").await;
    let other = Ncloud::start(ncloud::Options { seed: 7, ..ncloud::Options::default() }).await.unwrap();
    other_ncloud(&env, "ncloud-b", &other).await;
    env.apply(ncloud_policy("one")).await;
    let one = env.ready::<Policy>("one").await;
    let mut record = serde_json::to_value(common(&one).upstream.unwrap()).unwrap();
    env.stop().await;
    write_status::<Policy>(&env, "one", Value::Null).await;
    env.patch::<Policy>("one", json!({ "spec": { "connectionRef": { "name": "ncloud-b" } } })).await;
    record["id"] = json!("00000000-0000-0000-0000-000000000000");
    write_status::<Policy>(&env, "one", json!({ "upstream": record })).await;
    env.start(|_| {});
    pause(6).await;
    assert_eq!((env.ncloud.policies().len(), other.policies().len()), (1, 0), "second copy and leak");
}

#[tokio::test]
async fn mass_deletion_is_held_when_status_is_wiped() {
    let limited = |settings: &mut Settings| settings.delete_limit = 3;
    let mut env = TestEnv::with("atk-mass", limited).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let names: Vec<String> = (0..8).map(|n| format!("n{n}")).collect();
    for name in &names {
        env.apply(network_policy(name, &zone)).await;
    }
    for name in &names {
        env.ready::<NetworkPolicy>(name).await;
    }
    env.stop().await;
    for name in &names {
        write_status::<NetworkPolicy>(&env, name, Value::Null).await;
        env.delete::<NetworkPolicy>(name).await;
    }
    env.start(limited);
    pause(8).await;
    assert_eq!(env.spaceone.network_policies().len(), 8, "a mass is held as a whole");
}

#[tokio::test]
async fn forged_future_write_time_delays_no_repair() {
    // A status writer, with the operator stopped: a time far in the future.
    let mut env = TestEnv::with("atk-future", |settings| settings.create_grace = secs(3)).await;
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    let id = upstream_id(&env.ready::<NetworkPolicy>("net").await);
    env.stop().await;
    write_status::<NetworkPolicy>(&env, "net", json!({ "lastWriteTime": "2099-01-01T00:00:00Z" })).await;
    env.spaceone.remove_network_policy(&id);
    env.start(|settings| settings.create_grace = secs(3));
    env.eventually("created again", || env.spaceone.network_policies().len() == 1).await;
}

#[tokio::test]
async fn deletion_leaks_nothing_when_another_replica_lags() {
    let env = TestEnv::with("atk-seen-del", patient).await;
    lag(&env, Lag { deletions: secs(25), ..NO_LAG });
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.apply(ncloud_policy("one")).await;
    env.apply(spaceone_policy("two")).await;
    env.ready::<NetworkPolicy>("net").await;
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    env.reconcile_now::<NetworkPolicy>("net").await;
    env.reconcile_now::<Policy>("two").await;
    lag(&env, Lag { reads: secs(14), lists: secs(14), ..NO_LAG });
    env.delete::<NetworkPolicy>("net").await;
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    env.gone::<NetworkPolicy>("net").await;
    env.gone::<Policy>("one").await;
    env.gone::<Policy>("two").await;
    let left = (env.spaceone.network_policies().len(), env.ncloud.policies().len(), env.spaceone.policies().len());
    assert_eq!(left, (0, 0, 0), "leak (network, ncloud, spaceone)");
}

/// Between the finalizer and the intent: the operator ends, and a namesake of another cluster is there.
#[tokio::test]
async fn crash_before_intent_beside_namesake_is_no_conflict() {
    let mut env = TestEnv::without_operator("atk-namesake").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let mut foreign =
        spaceone::StoredNetworkPolicy { name: "net".to_owned(), zone_id: zone.clone(), ..Default::default() };
    foreign.tags.insert("cloudpolicy_owner".to_owned(), json!("other-cluster_1-2"));
    env.spaceone.add_network_policy(foreign);
    let mut object = network_policy("net", &zone);
    // What a crash after the first patch leaves.
    object["metadata"]["finalizers"] = json!(["cloudpolicy.dev/finalizer"]);
    let applied = env.apply(object).await;
    let uid = applied.metadata.uid.unwrap();
    let place = json!({ "uid": uid, "system": "spaceone/networkpolicy", "connection": { "kind": "Connection", "name": "spaceone" },
        "endpoint": env.spaceone.url(), "account": env.spaceone.domain_id(), "key": "net", "adopted": false });
    env.patch::<NetworkPolicy>("net", json!({ "metadata": { "annotations": { RECORDED: place.to_string() } } })).await;
    env.start(|_| {});
    pause(6).await;
    let seen = env.get::<NetworkPolicy>("net").await;
    let ready = condition(&common(&seen), "Ready").cloned().unwrap();
    assert_eq!(ready.reason, "UpToDate", "{}", ready.message);
}

#[tokio::test]
async fn former_place_is_awaited_when_reads_lag() {
    let env = TestEnv::with("atk-former", |settings| {
        settings.interval_divisor = 1;
        settings.create_grace = secs(8);
    })
    .await;
    let other = Spaceone::start(spaceone::Options { seed: 7, ..spaceone::Options::default() }).await.unwrap();
    env.connect_spaceone("spaceone-b", &other.url(), "Rest", &other.domain_id(), &other.token()).await;
    pause(9).await;
    lag(&env, Lag { reads: secs(7), lists: secs(7), ..NO_LAG });
    env.apply(spaceone_policy("two")).await;
    env.ready::<Policy>("two").await;
    let change = kube::api::Patch::Merge(json!({ "spec": { "connectionRef": { "name": "spaceone-b" } } }));
    for _ in 0..20 {
        write_status::<Policy>(&env, "two", Value::Null).await;
        if env.api::<Policy>().patch("two", &kube::api::PatchParams::default(), &change).await.is_ok() {
            break;
        }
    }
    pause(10).await;
    assert_eq!((env.spaceone.policies().len(), other.policies().len()), (1, 0), "second copy and leak");
}

/// Creations of one kind keep the comparisons of another kind of the same connection and namespace waiting.
#[tokio::test]
async fn healthz_is_ok_when_another_kind_takes_all_turns() {
    use cloud_policy::controller::clock::SystemClock;
    use cloud_policy::controller::state::heartbeats::Patience;
    let env = TestEnv::without_operator("atk-healthz").await;
    let patience = Patience { work: secs(5), watch: secs(600) };
    let operator = Operator::start_with_patience(
        &rbac::client().await,
        &[env.namespace()],
        Arc::new(SystemClock),
        patience,
        |settings| settings.concurrency = 1,
    );
    env.apply(network_policy("net", &env.spaceone.zone_ids()[0])).await;
    env.ready::<NetworkPolicy>("net").await;
    env.spaceone.faults().decide_with(|request| {
        let slow = || Decision::DelayAnswer(Box::pin(tokio::time::sleep(Duration::from_millis(400))));
        (request.operation == Operation::Create).then(slow)
    });
    let names: Vec<String> = (0..40).map(|n| format!("p{n}")).collect();
    futures::future::join_all(names.iter().map(|name| env.apply(spaceone_policy(name)))).await;
    let mut all = Vec::new();
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let stalls = operator.heartbeats.stalls();
        if !stalls.is_empty() {
            all.extend(stalls);
        }
    }
    assert!(all.is_empty(), "a process that works counts as standing still");
}

#[tokio::test]
async fn deletion_is_told_once_when_reads_lag() {
    let env = TestEnv::with("atk-told", patient).await;
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    lag(&env, Lag { reads: secs(2), lists: secs(2), ..NO_LAG });
    env.delete::<Policy>("one").await;
    env.gone::<Policy>("one").await;
    let events = env.events("one").await;
    let told = |reason: &str| events.iter().any(|(found, _)| found == reason);
    assert!(!(told("Deleted") && told("NothingToDelete")), "untrue event");
}
