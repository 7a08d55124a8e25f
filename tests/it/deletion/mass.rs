//! The deletion limit blocks a mass deletion until a human confirms it; fewer deletions pass.

use crate::deletion::from_status::blocked;
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

/// Creates a test environment with this many ready policies.
async fn ready_policies(prefix: &str, limit: u32, count: usize) -> TestEnv {
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

/// Returns the names of the policies that still exist.
async fn left(env: &TestEnv) -> Vec<String> {
    env.api::<Policy>().list(&ListParams::default()).await.unwrap().iter().map(ResourceExt::name_any).collect()
}

/// Counts the `DeleteHeld` events about an object.
async fn held_events(env: &TestEnv, about: &str) -> usize {
    env.events(about).await.iter().filter(|(reason, _)| reason == "DeleteHeld").count()
}

/// Waits until the operator has reconciled this many objects since its start.
async fn reconciled(env: &TestEnv, count: u64) {
    let line = "cloud_policy_reconciles_total{kind=\"Policy\",result=\"ok\"} ";
    let done = || {
        let metrics = env.metrics();
        let line = metrics.lines().find_map(|found| found.strip_prefix(line));
        line.is_some_and(|done| done.parse::<u64>().unwrap() >= count)
    };
    env.eventually("every object to be reconciled", done).await;
}

#[tokio::test]
async fn mass_deletion_is_blocked_until_confirmed() {
    let mut env = ready_policies("mass", 5, 12).await;
    env.stop().await;
    delete_all(&env, 12).await;
    env.start(at_most(5));
    for i in 0..12 {
        let message = blocked::<Policy>(&env, &name(i), "DeleteHeld").await;
        let advice = format!(
            "kubectl -n {} annotate policies.cloudpolicy.dev {} cloudpolicy.dev/confirm-delete=true",
            env.namespace(),
            name(i)
        );
        assert!(message.contains(&advice), "{message}");
    }
    env.crash();
    env.start(at_most(5));
    reconciled(&env, 12).await;
    assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().count(Operation::Delete)), (12, 0));
    assert!(
        held_events(&env, &name(3)).await <= 1 && held_events(&env, "ncloud").await == 1,
        "each object and the connection report it once"
    );

    annotate(&env, &name(0), "force-orphan").await;
    env.gone::<Policy>(&name(0)).await;
    for i in 1..9 {
        annotate(&env, &name(i), "confirm-delete").await;
        env.gone::<Policy>(&name(i)).await;
    }
    env.crash();
    env.start(at_most(5));
    reconciled(&env, 3).await;
    assert_eq!(
        (left(&env).await.len(), env.ncloud.policies().len()),
        (3, 4),
        "the rest stays blocked although it is below the limit"
    );
    for i in 9..12 {
        annotate(&env, &name(i), "confirm-delete").await;
        env.gone::<Policy>(&name(i)).await;
    }
    let kept: Vec<String> = env.ncloud.policies().into_iter().map(|policy| policy.policy_name).collect();
    assert_eq!(kept, [name(0)], "only the orphaned policy is left");
}

#[tokio::test]
async fn mass_deletion_stops_at_limit_while_operator_runs() {
    let env = ready_policies("mass-live", 5, 12).await;
    delete_all(&env, 12).await;
    let settled = || async {
        let objects = env.api::<Policy>().list(&ListParams::default()).await?;
        let blocked = |object: &Policy| {
            let status = object.status.clone().unwrap_or_default();
            status.common.conditions.iter().any(|c| c.type_ == "Ready" && c.reason == "DeleteHeld")
        };
        let free: Vec<_> = objects.iter().filter(|object| !blocked(object)).collect();
        anyhow::ensure!(free.is_empty(), "not blocked: {}", serde_json::to_string_pretty(&free)?);
        Ok(objects.items.len())
    };
    let blocked = wait_for("the rest to be blocked", SOON, settled).await.unwrap();
    assert!(blocked >= 7, "{blocked} are blocked");
    assert_eq!(env.ncloud.policies().len(), blocked, "exactly the blocked policies exist upstream");
    for name in left(&env).await {
        assert!(held_events(&env, &name).await <= 1);
        annotate(&env, &name, "confirm-delete").await;
        env.gone::<Policy>(&name).await;
    }
    assert!(env.ncloud.policies().is_empty());
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 12);
}

#[tokio::test]
async fn deletions_up_to_limit_pass_and_next_one_is_blocked() {
    let env = ready_policies("mass-few", 5, 6).await;
    delete_all(&env, 5).await;
    for i in 0..5 {
        env.gone::<Policy>(&name(i)).await;
        assert_eq!(held_events(&env, &name(i)).await, 0);
    }
    env.delete::<Policy>(&name(5)).await;
    blocked::<Policy>(&env, &name(5), "DeleteHeld").await;
    assert_eq!(env.ncloud.policies().len(), 1);
}

#[tokio::test]
async fn deletion_limit_ignores_orphaned_and_confirmed_objects() {
    // The limit is 1, and one policy counts. Of the other four, one is orphaned, one is confirmed before, one was never
    // created upstream, and one belongs to another connection.
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
async fn mass_deletion_by_namespace_is_blocked_until_confirmed() {
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
        let blocked = |object: &NetworkPolicy| {
            let status = object.status.clone().unwrap_or_default();
            status.common.conditions.iter().any(|c| c.type_ == "Ready" && c.reason == "DeleteHeld")
        };
        let free: Vec<_> = objects.iter().filter(|object| !blocked(object)).collect();
        anyhow::ensure!(free.is_empty(), "not blocked: {}", serde_json::to_string_pretty(&free)?);
        Ok(objects.iter().map(ResourceExt::name_any).collect::<Vec<_>>())
    };
    let names = wait_for("the rest to be blocked", SOON, settled).await.unwrap();
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
