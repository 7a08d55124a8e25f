//! Policies that the upstream's validation rejects: status reports the details, the operator writes nothing, and a
//! corrected spec is applied.

use crate::support::test_env::{TestEnv, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use futures::StreamExt;
use kube::api::{WatchEvent, WatchParams};
use serde_json::json;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn invalid_policy_reports_validation_details_and_writes_nothing() {
    let env = TestEnv::new("refused").await;
    let mut object = ncloud_policy("refused");
    let mut second = object["spec"]["ncloud"]["permissions"][0].clone();
    second["targets"][0]["product"] = json!("NoSuchProduct");
    object["spec"]["ncloud"]["permissions"].as_array_mut().unwrap().push(second);
    env.apply(object).await;
    let seen: Policy = env.reason("refused", "ValidationFailed").await;
    let status = seen.status.clone().unwrap();
    assert_eq!(condition(&status.common, "Valid").unwrap().status, "False");
    assert_eq!(condition(&status.common, "Stalled").unwrap().status, "True");
    assert_eq!(condition(&status.common, "Ready").unwrap().status, "False");
    let result = status.validation_result.unwrap();
    assert!(!result.success);
    let detail = &result.details[0];
    assert_eq!((detail.kind.as_str(), detail.code.as_str()), ("ERROR", "iam.policy.invalidProduct"));
    assert!(!detail.message.is_empty() && !detail.location.is_empty(), "{detail:?}");
    assert_eq!(detail.field.as_deref(), Some("spec.ncloud.permissions[1].targets[0].product"));
    assert!(env.ncloud.journal().writes().is_empty(), "nothing was written upstream");
    assert!(status.policy_id.is_none() && status.common.upstream.is_none() && status.common.operation.is_none());

    env.patch::<Policy>("refused", json!({ "spec": { "ncloud": ncloud_policy("refused")["spec"]["ncloud"] } })).await;
    let healed: Policy = env.ready("refused").await;
    let status = healed.status.clone().unwrap();
    assert!(status.validation_result.unwrap().success);
    assert!(condition(&status.common, "Stalled").is_none());
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn invalid_edit_leaves_upstream_policy_unchanged() {
    let env = TestEnv::new("refused-edit").await;
    env.apply(ncloud_policy("edited")).await;
    let id = upstream_id(&env.ready::<Policy>("edited").await);
    let good = env.ncloud.policy_named("edited").unwrap();
    let mut bad = ncloud_policy("edited")["spec"]["ncloud"]["permissions"].clone();
    bad[0]["targets"][0]["product"] = json!("NoSuchProduct");
    env.patch::<Policy>("edited", json!({ "spec": { "ncloud": { "permissions": bad } } })).await;
    let seen: Policy = env.reason("edited", "ValidationFailed").await;
    assert_eq!(upstream_id(&seen), id);
    assert_eq!(env.ncloud.policy_named("edited").unwrap(), good);
    assert_eq!(env.ncloud.journal().effects(Operation::Update), 0);
    env.delete::<Policy>("edited").await;
    env.gone::<Policy>("edited").await;
    assert!(env.ncloud.policies().is_empty(), "an invalid spec does not block the deletion");
}

#[tokio::test]
async fn create_reports_rejection_despite_successful_validation() {
    let env = TestEnv::new("late-refusal").await;
    // The validation request succeeds and the create request is rejected.
    let yes = cloud_policy_simulator::Action::status(200, r#"{"success":true,"details":[]}"#);
    env.ncloud.faults().add(cloud_policy_simulator::Fault::on(Operation::Validate).before(yes).forever());
    let mut object = ncloud_policy("late");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    let verdicts = verdicts_from_now(&env).await;
    env.apply(object).await;
    env.reason::<Policy>("late", "ValidationFailed").await;
    // `status.operation` is set during each retry.
    env.until("late", "at rest", |policy: &Policy| {
        let status = policy.status.clone().unwrap_or_default();
        anyhow::ensure!(status.policy_id.is_none() && status.common.operation.is_none(), "{status:?}");
        Ok(())
    })
    .await;
    env.eventually("three retries", || env.ncloud.journal().count(Operation::Create) >= 4).await;
    let verdicts = verdicts.lock().unwrap().clone();
    assert!(
        verdicts.contains(&false) && !verdicts.contains(&true),
        "status never shows the success of the validation request: {verdicts:?}"
    );
    assert!(env.ncloud.policies().is_empty());
}

#[tokio::test]
async fn policy_becomes_valid_when_invalid_edit_is_reverted() {
    let env = TestEnv::new("taken-back").await;
    env.apply(ncloud_policy("edited")).await;
    env.ready::<Policy>("edited").await;
    let good = ncloud_policy("edited")["spec"]["ncloud"]["permissions"].clone();
    let mut bad = good.clone();
    bad[0]["targets"][0]["product"] = json!("NoSuchProduct");
    env.patch::<Policy>("edited", json!({ "spec": { "ncloud": { "permissions": bad } } })).await;
    env.reason::<Policy>("edited", "ValidationFailed").await;
    env.patch::<Policy>("edited", json!({ "spec": { "ncloud": { "permissions": good } } })).await;
    let status = env.ready::<Policy>("edited").await.status.unwrap();
    assert!(status.validation_result.unwrap().success);
}

/// Watches status and collects every verdict that it shows from now on.
async fn verdicts_from_now(env: &TestEnv) -> Arc<Mutex<Vec<bool>>> {
    let api = env.api::<Policy>();
    let mut changes = api.watch(&WatchParams::default().timeout(60), "0").await.unwrap().boxed();
    let seen = Arc::<Mutex<Vec<bool>>>::default();
    let shown = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Some(change) = changes.next().await {
            if let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = change {
                let verdict = object.status.and_then(|status| status.validation_result);
                shown.lock().unwrap().extend(verdict.map(|verdict| verdict.success));
            }
        }
    });
    seen
}
