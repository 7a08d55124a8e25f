//! A mass deletion is held until a human confirms; housekeeping is not.

use crate::deletion::from_status::held;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::wait_for;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use std::time::Duration;

fn at_most(limit: u32) -> impl Fn(&mut Settings) {
    move |settings| {
        settings.delete_limit = limit;
        settings.delete_window = Duration::from_hours(1);
    }
}

fn name(i: usize) -> String {
    format!("mass-{i}")
}

/// A test environment with this many ready policies.
async fn crowd(prefix: &str, limit: u32, count: usize) -> TestEnv {
    let env = TestEnv::with(prefix, at_most(limit)).await;
    for i in 0..count {
        env.apply(ncloud_policy(&name(i))).await;
    }
    for i in 0..count {
        env.ready::<Policy>(&name(i)).await;
    }
    env
}

async fn delete_all(env: &TestEnv, count: usize) {
    for i in 0..count {
        env.delete::<Policy>(&name(i)).await;
    }
}

async fn annotate(env: &TestEnv, name: &str, annotation: &str) {
    let key = format!("cloudpolicy.dev/{annotation}");
    env.patch::<Policy>(name, json!({ "metadata": { "annotations": { key: "true" } } })).await;
}

/// The names of the policies that still exist.
async fn left(env: &TestEnv) -> Vec<String> {
    env.api::<Policy>().list(&ListParams::default()).await.unwrap().iter().map(ResourceExt::name_any).collect()
}

async fn told(env: &TestEnv, about: &str) -> usize {
    env.events(about).await.iter().filter(|(reason, _)| reason == "DeleteHeld").count()
}

/// Waits until the operator has looked at so many objects since its start.
async fn looked_at(env: &TestEnv, count: u64) {
    let line = "cloud_policy_reconciles_total{kind=\"Policy\",result=\"ok\"} ";
    let done = || {
        let metrics = env.metrics();
        let line = metrics.lines().find_map(|found| found.strip_prefix(line));
        line.is_some_and(|done| done.parse::<u64>().unwrap() >= count)
    };
    env.eventually("every object to be looked at", done).await;
}

#[tokio::test]
async fn a_mass_that_is_visible_is_held_as_a_whole_over_a_restart_and_until_it_is_confirmed() {
    let mut env = crowd("mass", 5, 12).await;
    env.stop().await;
    delete_all(&env, 12).await;
    env.start(at_most(5));
    for i in 0..12 {
        let message = held::<Policy>(&env, &name(i), "DeleteHeld").await;
        let advice = format!(
            "kubectl -n {} annotate policies.cloudpolicy.dev {} cloudpolicy.dev/confirm-delete=true",
            env.namespace(),
            name(i)
        );
        assert!(message.contains(&advice), "{message}");
    }
    env.crash();
    env.start(at_most(5));
    looked_at(&env, 12).await;
    assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().count(Operation::Delete)), (12, 0));
    assert!(told(&env, &name(3)).await <= 1 && told(&env, "ncloud").await == 1, "said once");

    annotate(&env, &name(0), "force-orphan").await;
    env.gone::<Policy>(&name(0)).await;
    for i in 1..9 {
        annotate(&env, &name(i), "confirm-delete").await;
        env.gone::<Policy>(&name(i)).await;
    }
    env.crash();
    env.start(at_most(5));
    looked_at(&env, 3).await;
    assert_eq!((left(&env).await.len(), env.ncloud.policies().len()), (3, 4), "held, although few are left");
    for i in 9..12 {
        annotate(&env, &name(i), "confirm-delete").await;
        env.gone::<Policy>(&name(i)).await;
    }
    let kept: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(kept, [name(0)], "what was orphaned, and no other");
}

#[tokio::test]
async fn of_a_mass_that_comes_one_by_one_no_more_than_the_limit_slips_through() {
    let env = crowd("mass-live", 5, 12).await;
    delete_all(&env, 12).await;
    let settled = || async {
        let objects = env.api::<Policy>().list(&ListParams::default()).await?;
        let held = |object: &Policy| {
            let status = object.status.clone().unwrap_or_default();
            status.common.conditions.iter().any(|c| c.type_ == "Ready" && c.reason == "DeleteHeld")
        };
        let free: Vec<_> = objects.iter().filter(|object| !held(object)).collect();
        anyhow::ensure!(free.is_empty(), "not held: {}", serde_json::to_string_pretty(&free)?);
        Ok(objects.items.len())
    };
    let held = wait_for("the rest to be held", SOON, settled).await.unwrap();
    assert!(held >= 7, "{held} are held");
    assert_eq!(env.ncloud.policies().len(), held, "what is held is there, and nothing else");
    for name in left(&env).await {
        assert!(told(&env, &name).await <= 1);
        annotate(&env, &name, "confirm-delete").await;
        env.gone::<Policy>(&name).await;
    }
    assert!(env.ncloud.policies().is_empty());
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 12);
}

#[tokio::test]
async fn as_many_as_the_limit_go_by_themselves_and_the_next_one_is_held() {
    let env = crowd("mass-few", 5, 6).await;
    delete_all(&env, 5).await;
    for i in 0..5 {
        env.gone::<Policy>(&name(i)).await;
        assert_eq!(told(&env, &name(i)).await, 0);
    }
    env.delete::<Policy>(&name(5)).await;
    held::<Policy>(&env, &name(5), "DeleteHeld").await;
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn what_is_not_deleted_upstream_and_what_was_confirmed_before_is_not_counted() {
    let env = TestEnv::with("mass-uncounted", at_most(1)).await;
    let (mut orphaned, mut confirmed) = (ncloud_policy("mass-0"), ncloud_policy("mass-1"));
    orphaned["spec"]["deletionPolicy"] = json!("Orphan");
    confirmed["metadata"]["annotations"] = json!({ "cloudpolicy.dev/confirm-delete": "true" });
    let mut refused = ncloud_policy("mass-2");
    refused["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    for object in [orphaned, confirmed, refused, ncloud_policy("mass-3"), spaceone_policy("elsewhere")] {
        env.apply(object).await;
    }
    for name in ["mass-0", "mass-1", "mass-3", "elsewhere"] {
        env.ready::<Policy>(name).await;
    }
    env.reason::<Policy>("mass-2", "ValidationFailed").await;
    delete_all(&env, 4).await;
    env.delete::<Policy>("elsewhere").await;
    for name in ["mass-0", "mass-1", "mass-2", "mass-3", "elsewhere"] {
        env.gone::<Policy>(name).await;
    }
}

#[tokio::test]
async fn a_deleted_namespace_is_a_mass_too_and_goes_once_it_is_confirmed() {
    let env = TestEnv::with("mass-namespace", at_most(2)).await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for i in 0..5 {
        env.apply(network_policy(&name(i), &zone)).await;
    }
    for i in 0..5 {
        env.ready::<NetworkPolicy>(&name(i)).await;
    }
    env.delete_namespace().await;
    let api = env.api::<NetworkPolicy>();
    let settled = || async {
        let objects = api.list(&ListParams::default()).await?;
        let held = |object: &NetworkPolicy| {
            let status = object.status.clone().unwrap_or_default();
            status.common.conditions.iter().any(|c| c.type_ == "Ready" && c.reason == "DeleteHeld")
        };
        let free: Vec<_> = objects.iter().filter(|object| !held(object)).collect();
        anyhow::ensure!(free.is_empty(), "not held: {}", serde_json::to_string_pretty(&free)?);
        Ok(objects.iter().map(ResourceExt::name_any).collect::<Vec<_>>())
    };
    let names = wait_for("the rest to be held", SOON, settled).await.unwrap();
    assert!(names.len() >= 3 && env.spaceone.network_policies().len() == names.len(), "{names:?}");
    let confirm = json!({ "metadata": { "annotations": { "cloudpolicy.dev/confirm-delete": "true" } } });
    for name in &names {
        env.patch::<NetworkPolicy>(name, confirm.clone()).await;
    }
    for name in &names {
        env.gone::<NetworkPolicy>(name).await;
    }
    assert!(env.spaceone.network_policies().is_empty());
}
