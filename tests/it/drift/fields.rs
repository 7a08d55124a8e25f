//! The operator reports drift field by field: in status while it lasts, and once as an event.

use crate::support::test_env::{TestEnv, common, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

/// Returns the notes of the events with this reason.
async fn notes(env: &TestEnv, name: &str, reason: &str) -> Vec<String> {
    let events = env.events(name).await;
    events.into_iter().filter(|(found, _)| found == reason).map(|(_, note)| note).collect()
}

/// Returns whether the metric of drifts that were `found` or `corrected` has this value.
fn counted(env: &TestEnv, what: &str, times: usize) -> bool {
    let line = format!("cloud_policy_drifts_{what}_total{{system=\"ncloud/policy\"}} {times}\n");
    env.metrics().contains(&line)
}

#[tokio::test]
async fn drift_emits_one_event_when_found_and_one_when_corrected() {
    let env = TestEnv::new("drift-reported").await;
    env.apply(ncloud_policy("drifting")).await;
    let id = upstream_id(&env.ready::<Policy>("drifting").await);
    env.ncloud.edit_policy(&id, |p| {
        p.description = Some("theirs".to_owned());
        p.permissions[0].effect = "Deny".to_owned();
    });
    env.eventually("the correction", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    env.ready::<Policy>("drifting").await;
    env.reconcile_now::<Policy>("drifting").await;
    let found = notes(&env, "drifting", "DriftFound").await;
    let [note] = found.as_slice() else { panic!("{found:?}") };
    for words in
        ["spec.ncloud.description is \"theirs\" instead of \"first\"", ".effect is \"Deny\" instead of \"Allow\""]
    {
        assert!(note.contains(words), "{note}");
    }
    let corrected = notes(&env, "drifting", "DriftCorrected").await;
    assert!(corrected.len() == 1 && corrected[0].contains("spec.ncloud.description"), "{corrected:?}");
    assert!(counted(&env, "found", 1) && counted(&env, "corrected", 1), "{}", env.metrics());
}

#[tokio::test]
async fn reported_drift_is_announced_once_until_it_changes() {
    let env = TestEnv::new("drift-reported").await;
    let mut object = ncloud_policy("reported");
    object["spec"]["driftPolicy"] = json!("Report");
    env.apply(object).await;
    let id = upstream_id(&env.ready::<Policy>("reported").await);
    env.ncloud.edit_policy(&id, |p| p.description = Some("theirs".to_owned()));
    env.reason::<Policy>("reported", "DriftReported").await;
    for _ in 0..3 {
        env.reconcile_now::<Policy>("reported").await;
    }
    let found = notes(&env, "reported", "DriftFound").await;
    assert!(found.len() == 1 && found[0].contains("\"theirs\" instead of \"first\""), "{found:?}");
    assert!(counted(&env, "found", 1), "{}", env.metrics());

    env.ncloud.edit_policy(&id, |p| p.permissions[0].effect = "Deny".to_owned());
    env.reconcile_now::<Policy>("reported").await;
    let seen: Policy = env.get("reported").await;
    assert_eq!(common(&seen).drift.unwrap().fields.len(), 2);
    assert!(counted(&env, "found", 2), "counted again: {}", env.metrics());
    assert_eq!(env.ncloud.journal().effects(Operation::Update), 0);
}

#[tokio::test]
async fn deleted_upstream_object_is_recreated_or_only_reported() {
    let env = TestEnv::new("drift-deleted").await;
    let mut reported = ncloud_policy("reported");
    reported["spec"]["driftPolicy"] = json!("Report");
    env.apply(reported).await;
    env.apply(spaceone_policy("made-again")).await;
    let id = upstream_id(&env.ready::<Policy>("reported").await);
    let again = upstream_id(&env.ready::<Policy>("made-again").await);
    assert!(env.ncloud.remove_policy(&id) && env.spaceone.remove_policy(&again));
    env.eventually("another create", || env.spaceone.journal().effects(Operation::Create) == 2).await;
    let found = notes(&env, "made-again", "DriftFound").await;
    assert!(found.len() == 1 && found[0].contains("Another writer deleted"), "{found:?}");
    env.reason::<Policy>("reported", "DriftReported").await;
    for _ in 0..3 {
        env.reconcile_now::<Policy>("reported").await;
    }
    assert!(counted(&env, "found", 1), "counted once: {}", env.metrics());
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn observed_object_reports_difference_as_event() {
    let env = TestEnv::new("drift-observed").await;
    env.apply(ncloud_policy("seen")).await;
    env.ready::<Policy>("seen").await;
    let change = json!({ "spec": { "managementPolicy": "Observe", "ncloud": { "description": "wished" } } });
    env.patch::<Policy>("seen", change).await;
    env.reason::<Policy>("seen", "Observed").await;
    env.reconcile_now::<Policy>("seen").await;
    let found = notes(&env, "seen", "DriftFound").await;
    assert_eq!(found, ["The upstream object differs: spec.ncloud.description is \"first\" instead of \"wished\"."]);
}
