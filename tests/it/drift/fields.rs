//! Drift is said field by field: in status while it lasts, and once as an event.

use crate::support::world::{World, common, ncloud_policy, spaceone_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

/// The notes of the events with this reason.
async fn notes(world: &World, name: &str, reason: &str) -> Vec<String> {
    let events = world.events(name).await;
    events.into_iter().filter(|(found, _)| found == reason).map(|(_, note)| note).collect()
}

fn counted(world: &World, what: &str, times: usize) -> bool {
    let line = format!("cloud_policy_drifts_{what}_total{{system=\"ncloud/policy\"}} {times}\n");
    world.metrics().contains(&line)
}

#[tokio::test]
async fn drift_is_an_event_when_it_is_found_and_one_when_it_is_corrected() {
    let world = World::new("drift-told").await;
    world.apply(ncloud_policy("told")).await;
    let id = upstream_id(&world.ready::<Policy>("told").await);
    world.ncloud.edit_policy(&id, |p| {
        p.description = Some("theirs".to_owned());
        p.permissions[0].effect = "Deny".to_owned();
    });
    world.eventually("the correction", || world.ncloud.journal().effects(Operation::Update) == 1).await;
    world.ready::<Policy>("told").await;
    world.look_again::<Policy>("told").await;
    let found = notes(&world, "told", "DriftFound").await;
    let [note] = found.as_slice() else { panic!("{found:?}") };
    for words in
        ["spec.ncloud.description is \"theirs\" instead of \"first\"", ".effect is \"Deny\" instead of \"Allow\""]
    {
        assert!(note.contains(words), "{note}");
    }
    let corrected = notes(&world, "told", "DriftCorrected").await;
    assert!(corrected.len() == 1 && corrected[0].contains("spec.ncloud.description"), "{corrected:?}");
    assert!(counted(&world, "found", 1) && counted(&world, "corrected", 1), "{}", world.metrics());
}

#[tokio::test]
async fn drift_that_is_only_reported_is_told_once_and_again_when_it_changes() {
    let world = World::new("drift-reported").await;
    let mut object = ncloud_policy("reported");
    object["spec"]["driftPolicy"] = json!("Report");
    world.apply(object).await;
    let id = upstream_id(&world.ready::<Policy>("reported").await);
    world.ncloud.edit_policy(&id, |p| p.description = Some("theirs".to_owned()));
    world.reason::<Policy>("reported", "DriftReported").await;
    for _ in 0..3 {
        world.look_again::<Policy>("reported").await;
    }
    let found = notes(&world, "reported", "DriftFound").await;
    assert!(found.len() == 1 && found[0].contains("\"theirs\" instead of \"first\""), "{found:?}");
    assert!(counted(&world, "found", 1), "{}", world.metrics());

    world.ncloud.edit_policy(&id, |p| p.permissions[0].effect = "Deny".to_owned());
    world.look_again::<Policy>("reported").await;
    let seen: Policy = world.get("reported").await;
    assert_eq!(common(&seen).drift.unwrap().fields.len(), 2);
    assert!(counted(&world, "found", 2), "told again: {}", world.metrics());
    assert_eq!(world.ncloud.journal().effects(Operation::Update), 0);
}

#[tokio::test]
async fn an_object_that_others_delete_is_told_and_made_again_or_only_told() {
    let world = World::new("drift-deleted").await;
    let mut reported = ncloud_policy("reported");
    reported["spec"]["driftPolicy"] = json!("Report");
    world.apply(reported).await;
    world.apply(spaceone_policy("made-again")).await;
    let id = upstream_id(&world.ready::<Policy>("reported").await);
    let again = upstream_id(&world.ready::<Policy>("made-again").await);
    assert!(world.ncloud.remove_policy(&id) && world.spaceone.remove_policy(&again));
    world.eventually("another create", || world.spaceone.journal().effects(Operation::Create) == 2).await;
    let found = notes(&world, "made-again", "DriftFound").await;
    assert!(found.len() == 1 && found[0].contains("Deleted upstream by somebody else"), "{found:?}");
    world.reason::<Policy>("reported", "DriftReported").await;
    for _ in 0..3 {
        world.look_again::<Policy>("reported").await;
    }
    assert!(counted(&world, "found", 1), "counted once: {}", world.metrics());
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn what_is_only_observed_says_as_an_event_that_it_differs() {
    let world = World::new("drift-observed").await;
    world.apply(ncloud_policy("seen")).await;
    world.ready::<Policy>("seen").await;
    let change = json!({ "spec": { "managementPolicy": "Observe", "ncloud": { "description": "wished" } } });
    world.patch::<Policy>("seen", change).await;
    world.reason::<Policy>("seen", "Observed").await;
    world.look_again::<Policy>("seen").await;
    let found = notes(&world, "seen", "DriftFound").await;
    assert_eq!(found, ["The upstream differs: spec.ncloud.description is \"first\" instead of \"wished\"."]);
}
