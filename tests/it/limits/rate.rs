//! The rate limit: requests of higher priority go first, and the rate adapts to what the upstream allows.

use super::limit;
use crate::support::test_env::{TestEnv, common, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::ncloud::RateLimit;
use cloud_policy_simulator::{Entry, Operation};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_and_edit_overtake_background_requests() {
    let env = TestEnv::new("rate-priorities").await;
    let (edited, deleted) = ("passes-edited", "passes-deleted");
    for name in [edited, deleted] {
        env.apply(ncloud_policy(name)).await;
    }
    // The operator retries a rejected policy, here every two seconds.
    let background: Vec<String> = (0..20).map(|i| format!("background-{i}")).collect();
    for name in &background {
        let mut object = ncloud_policy(name);
        object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
        env.apply(object).await;
    }
    for name in &background {
        env.reason::<Policy>(name, "ValidationFailed").await;
    }
    for name in [edited, deleted] {
        env.ready::<Policy>(name).await;
    }
    limit(&env, "ncloud", 2, 1).await;
    let is_background =
        |entry: &Entry| entry.target.contains("background-") || entry.request_body.contains("background-");
    let seen = || env.ncloud.journal().entries().iter().filter(|entry| is_background(entry)).count();
    env.ncloud.journal().clear();
    env.eventually("background requests", || seen() >= 3).await;

    env.delete::<Policy>(deleted).await;
    env.patch::<Policy>(edited, json!({ "spec": { "ncloud": { "description": "edited" } } })).await;
    env.ncloud.journal().clear();
    env.eventually("both to be written", || {
        let journal = env.ncloud.journal();
        journal.effects(Operation::Delete) == 1 && journal.effects(Operation::Update) == 1
    })
    .await;
    // In order of arrival, the requests of all background objects would have gone first.
    assert!(seen() <= 15, "{} background requests went first", seen());
    env.gone::<Policy>(deleted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limiter_adapts_when_upstream_allows_less() {
    const ALLOWED: u32 = 10; // in a second
    let env = TestEnv::new("slower").await;
    let window = Duration::from_secs(1);
    env.ncloud.set_options(|o| o.switches.rate_limit = Some(RateLimit { requests: ALLOWED, window }));
    limit(&env, "ncloud", 4 * ALLOWED, 4 * ALLOWED).await;
    let names: Vec<String> = (0..12).map(|i| format!("slower-{i}")).collect();
    for name in &names {
        env.apply(ncloud_policy(name)).await;
    }
    for name in &names {
        env.ready::<Policy>(name).await;
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Create), names.len());
    assert_eq!(env.ncloud.policies().len(), names.len());

    // As fast as possible: in every round the operator gets every object.
    env.ncloud.journal().clear();
    for round in 0..4 {
        for name in &names {
            let mark = json!({ "cloudpolicy.dev/reconcile-requested-at": format!("round {round}") });
            env.patch::<Policy>(name, json!({ "metadata": { "annotations": mark } })).await;
        }
        for name in &names {
            let handled = |object: &Policy| {
                let seen = common(object).last_handled_reconcile_at.unwrap_or_default();
                anyhow::ensure!(seen == format!("round {round}"), "{seen}");
                Ok(())
            };
            env.until(name, "reconciled", handled).await;
        }
    }
    let entries = env.ncloud.journal().entries();
    let refused = entries.iter().filter(|entry| entry.status == Some(429)).count();
    let served = entries.len() - refused;
    let (first, last) = (entries.first().unwrap().at, entries.last().unwrap().at);
    let seconds = last.duration_since(first).as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "some hundreds")]
    let rate = served as f64 / seconds;
    assert!(served >= 100, "{served} served: enough to speak of a rate");
    assert!(rate >= f64::from(ALLOWED) * 0.4, "{served} served and {refused} refused in {seconds} s: too slow");
    assert!(refused * 4 < served, "{served} served and {refused} refused in {seconds} s: too fast");
    for name in &names {
        env.ready::<Policy>(name).await;
    }
}
