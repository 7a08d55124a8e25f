//! Create, edit of every field, drift repair, delete and orphan, for each upstream resource,
//! seen on the upstream's side.

use crate::world::{World, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

#[tokio::test]
async fn an_ncloud_policy_is_created_edited_repaired_and_deleted() {
    let world = World::new("lifecycle-ncloud").await;
    world.apply(ncloud_policy("viewer")).await;
    let object: Policy = world.ready("viewer").await;
    let stored = world.ncloud.policy_named("viewer").expect("it exists upstream");
    let status = object.status.clone().unwrap();
    assert_eq!(status.policy_id.as_deref(), Some(stored.policy_id.as_str()));
    assert!(status.validation_result.unwrap().success);
    assert_eq!(status.details.nrn.as_deref(), Some(stored.nrn.as_str()));
    assert_eq!(condition(&status.common, "Synced").unwrap().status, "True");
    assert_eq!(condition(&status.common, "Valid").unwrap().status, "True");

    for edit in [
        json!({ "description": "second" }),
        json!({ "permissions": [{ "effect": "Allow", "targets": [{ "product": "VPC", "actions": ["View*"], "resourceNrns": ["*"] }] }] }),
        json!({ "permissions": [{ "effect": "Deny", "targets": [{ "product": "VPC", "actions": ["View*"], "resourceNrns": ["*"] }] }] }),
        json!({ "tags": { "team": "a" } }),
        json!({ "tags": { "team": "b", "env": "test" } }),
        json!({ "tags": { "team": null, "env": null } }),
        json!({ "description": "" }),
    ] {
        world.patch::<Policy>("viewer", json!({ "spec": { "ncloud": edit } })).await;
        let object: Policy = world.ready("viewer").await;
        assert_eq!(upstream_id(&object), stored.policy_id, "edited in place");
    }
    let edited = world.ncloud.policy_named("viewer").unwrap();
    assert_eq!(edited.permissions[0].effect, "Deny");
    assert_eq!(edited.description.unwrap_or_default(), "");
    assert_eq!(
        edited.tags.keys().collect::<Vec<_>>(),
        ["cloudpolicy-owner"],
        "our stamp stays, the user's tags are gone"
    );

    world.ncloud.edit_policy(&stored.policy_id, |p| p.description = Some("by hand".to_owned()));
    world
        .eventually("the drift to be corrected", || {
            world.ncloud.policy_named("viewer").unwrap().description.unwrap_or_default().is_empty()
        })
        .await;
    let events = world.events("viewer").await;
    assert!(events.iter().any(|(reason, note)| reason == "DriftFound" && note.contains("by hand")), "{events:?}");

    world.delete::<Policy>("viewer").await;
    world.gone::<Policy>("viewer").await;
    assert!(world.ncloud.policies().is_empty());
    assert_eq!(world.ncloud.journal().effects(Operation::Create), 1);
    assert_eq!(world.ncloud.journal().effects(Operation::Delete), 1);
}

#[tokio::test]
async fn an_orphaned_ncloud_policy_stays_upstream() {
    let world = World::new("orphan-ncloud").await;
    let mut object = ncloud_policy("keeper");
    object["spec"]["deletionPolicy"] = json!("Orphan");
    world.apply(object).await;
    let seen: Policy = world.ready("keeper").await;
    assert!(common(&seen).upstream.is_some());
    world.delete::<Policy>("keeper").await;
    world.gone::<Policy>("keeper").await;
    assert!(world.ncloud.policy_named("keeper").is_some());
    assert_eq!(world.ncloud.journal().effects(Operation::Delete), 0);
}
