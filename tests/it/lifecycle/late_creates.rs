//! Creates whose object the upstream shows later than the operator waits: no second copy where that can be helped, and
//! none is left after the deletion.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Action, Fault, Lag, Operation};
use serde_json::Value;
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(1);

fn lag(env: &TestEnv, reads: Duration, lists: Duration) {
    let lag = Lag { reads, lists, deletions: Duration::ZERO };
    env.ncloud.set_options(|options| {
        options.switches.lag = lag;
        options.switches.unique_names = false;
    });
    env.spaceone.set_options(|switches| switches.lag = lag);
}

fn creates(env: &TestEnv) -> usize {
    env.ncloud.journal().effects(Operation::Create) + env.spaceone.journal().effects(Operation::Create)
}

fn upstream_objects(env: &TestEnv) -> usize {
    env.ncloud.policies().len() + env.spaceone.policies().len() + env.spaceone.network_policies().len()
}

/// Loses the response to a create whose object lists show only after the grace: a second one is made.
async fn doubled<K: Managed>(env: &TestEnv, object: Value) {
    let (name, before) = (object["metadata"]["name"].as_str().unwrap().to_owned(), creates(env));
    let lost = || Fault::on(Operation::Create).after(Action::Reset);
    let faults = if object["spec"]["ncloud"].is_null() { env.spaceone.faults() } else { env.ncloud.faults() };
    faults.add(lost());
    env.apply(object).await;
    env.eventually("two copies", || creates(env) == before + 2).await;
    assert_eq!(env.get::<K>(&name).await.meta().name.as_deref(), Some(name.as_str()));
}

async fn tells_duplicate<K: Managed>(env: &TestEnv, object: Value) {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    doubled::<K>(env, object).await;
    let seen: K = env.reason(&name, "Duplicate").await;
    let message = condition(&common(&seen), "Ready").unwrap().message.clone();
    assert!(message.contains("delete all but one"), "{message}");
    env.delete::<K>(&name).await;
    env.gone::<K>(&name).await;
    assert_eq!(upstream_objects(env), 0);
}

#[tokio::test]
async fn second_copy_is_told_when_lists_show_the_first_late() {
    let env = TestEnv::new("late-copies").await;
    lag(&env, Duration::ZERO, GRACE * 2);
    tells_duplicate::<Policy>(&env, ncloud_policy("told")).await;
    tells_duplicate::<NetworkPolicy>(&env, network_policy("told", &env.spaceone.zone_ids()[0])).await;
}

async fn leaves_no_copy<K: Managed>(env: &TestEnv, object: Value) {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    doubled::<K>(env, object).await;
    env.delete::<K>(&name).await;
    env.gone::<K>(&name).await;
    assert_eq!(upstream_objects(env), 0, "{:?} {:?}", env.ncloud.policies(), env.spaceone.network_policies());
}

#[tokio::test]
async fn deletion_removes_copy_that_lists_show_late() {
    let env = TestEnv::new("late-deletions").await;
    lag(&env, Duration::ZERO, GRACE * 2);
    leaves_no_copy::<Policy>(&env, ncloud_policy("left")).await;
    leaves_no_copy::<NetworkPolicy>(&env, network_policy("left", &env.spaceone.zone_ids()[0])).await;
}

fn slow(settings: &mut Settings) {
    settings.create_grace = GRACE;
    settings.http.request_timeout = GRACE * 2;
}

/// Starts an operator whose requests time out when their grace, counted from their start, is over, and upstreams that
/// show a new object later still. Creates an object whose request times out.
async fn timed_out(object: &Value) -> TestEnv {
    let env = TestEnv::with("late-timeout", slow).await;
    lag(&env, GRACE * 5 / 2, GRACE * 5 / 2);
    let silent = || Fault::on(Operation::Create).after(Action::Timeout(GRACE * 4));
    env.ncloud.faults().add(silent());
    env.spaceone.faults().add(silent());
    let mut object = object.clone();
    if object["kind"] == "NetworkPolicy" {
        object["spec"]["spaceone"]["zoneId"] = env.spaceone.zone_ids()[0].clone().into();
    }
    env.apply(object).await;
    env.eventually("the create", || creates(&env) == 1).await;
    // The operator may leave status as it is when its request times out, so nothing shows that.
    tokio::time::sleep(GRACE * 2 + Duration::from_millis(100)).await;
    env
}

async fn creates_one<K: Managed>(object: Value) {
    let env = timed_out(&object).await;
    env.reconcile_now::<K>("silent").await;
    env.ready::<K>("silent").await;
    assert_eq!((creates(&env), upstream_objects(&env)), (1, 1));
}

#[tokio::test]
async fn grace_begins_when_response_is_lost() {
    creates_one::<Policy>(ncloud_policy("silent")).await;
    creates_one::<Policy>(spaceone_policy("silent")).await;
    creates_one::<NetworkPolicy>(network_policy("silent", "")).await;
}

async fn leaves_nothing<K: Managed>(object: Value) {
    let env = timed_out(&object).await;
    env.delete::<K>("silent").await;
    env.gone::<K>("silent").await;
    assert_eq!((creates(&env), upstream_objects(&env)), (1, 0));
}

#[tokio::test]
async fn deletion_waits_for_create_that_timed_out() {
    leaves_nothing::<Policy>(ncloud_policy("silent")).await;
    leaves_nothing::<Policy>(spaceone_policy("silent")).await;
    leaves_nothing::<NetworkPolicy>(network_policy("silent", "")).await;
}
