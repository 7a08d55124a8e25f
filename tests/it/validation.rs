//! A policy that the upstream's validation refuses: said in full, nothing written, healed by the
//! spec.

use crate::world::{World, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

#[tokio::test]
async fn a_refused_policy_is_explained_and_nothing_is_written() {
    let world = World::new("refused").await;
    let mut object = ncloud_policy("refused");
    let mut second = object["spec"]["ncloud"]["permissions"][0].clone();
    second["targets"][0]["product"] = json!("NoSuchProduct");
    object["spec"]["ncloud"]["permissions"].as_array_mut().unwrap().push(second);
    world.apply(object).await;
    let seen: Policy = world.reason("refused", "ValidationFailed").await;
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
    assert!(world.ncloud.journal().writes().is_empty(), "nothing was written upstream");
    assert!(status.policy_id.is_none() && status.common.upstream.is_none() && status.common.operation.is_none());

    world.patch::<Policy>("refused", json!({ "spec": { "ncloud": ncloud_policy("refused")["spec"]["ncloud"] } })).await;
    let healed: Policy = world.ready("refused").await;
    let status = healed.status.clone().unwrap();
    assert!(status.validation_result.unwrap().success);
    assert!(condition(&status.common, "Stalled").is_none());
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn an_edit_that_is_refused_leaves_the_upstream_as_it_was() {
    let world = World::new("refused-edit").await;
    world.apply(ncloud_policy("edited")).await;
    let id = upstream_id(&world.ready::<Policy>("edited").await);
    let good = world.ncloud.policy_named("edited").unwrap();
    let mut bad = ncloud_policy("edited")["spec"]["ncloud"]["permissions"].clone();
    bad[0]["targets"][0]["product"] = json!("NoSuchProduct");
    world.patch::<Policy>("edited", json!({ "spec": { "ncloud": { "permissions": bad } } })).await;
    let seen: Policy = world.reason("edited", "ValidationFailed").await;
    assert_eq!(upstream_id(&seen), id);
    assert_eq!(world.ncloud.policy_named("edited").unwrap(), good);
    assert_eq!(world.ncloud.journal().effects(Operation::Update), 0);
    world.delete::<Policy>("edited").await;
    world.gone::<Policy>("edited").await;
    assert!(world.ncloud.policies().is_empty(), "an invalid spec does not keep it from being deleted");
}

#[tokio::test]
async fn a_create_that_answers_success_false_creates_nothing_and_says_so() {
    let world = World::new("late-refusal").await;
    // The validate-only call says yes and the create call says no.
    let yes = cloud_policy_simulator::Action::status(200, r#"{"success":true,"details":[]}"#);
    world.ncloud.faults().add(cloud_policy_simulator::Fault::on(Operation::Validate).before(yes).forever());
    let mut object = ncloud_policy("late");
    object["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    world.apply(object).await;
    // A retry asks the validate-only call first, whose yes stands in status until the create's no.
    let refused = |object: &Policy| {
        let status = object.status.clone().unwrap_or_default();
        let reason = condition(&status.common, "Ready").map(|c| c.reason.clone());
        let verdict = status.validation_result.unwrap_or_default();
        let settled = status.common.operation.is_none();
        anyhow::ensure!(reason.as_deref() == Some("ValidationFailed") && !verdict.success && settled, "{reason:?}");
        Ok(())
    };
    let status = world.until("late", "refused", refused).await.status.unwrap();
    assert!(status.policy_id.is_none() && status.common.operation.is_none(), "nothing is in flight");
    assert!(world.ncloud.policies().is_empty());
}
