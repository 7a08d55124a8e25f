//! The lifecycle of a NAVER Cloud policy: create, update of every field, drift correction, delete and orphan,
//! checked in the simulated upstream.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use serde_json::json;

#[tokio::test]
async fn ncloud_policy_is_created_updated_corrected_and_deleted() {
    let env = TestEnv::new("lifecycle-ncloud").await;
    env.apply(ncloud_policy("viewer")).await;
    let object: Policy = env.ready("viewer").await;
    let stored = env.ncloud.policy_named("viewer").expect("it exists upstream");
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
        env.patch::<Policy>("viewer", json!({ "spec": { "ncloud": edit } })).await;
        let object: Policy = env.ready("viewer").await;
        assert_eq!(upstream_id(&object), stored.policy_id, "updated in place");
    }
    let edited = env.ncloud.policy_named("viewer").unwrap();
    assert_eq!(edited.permissions[0].effect, "Deny");
    assert_eq!(edited.description.unwrap_or_default(), "");
    assert_eq!(
        edited.tags.keys().collect::<Vec<_>>(),
        ["cloudpolicy-owner"],
        "the owner tag stays and the user's tags are removed"
    );

    env.ncloud.edit_policy(&stored.policy_id, |p| p.description = Some("by hand".to_owned()));
    env.eventually("the drift to be corrected", || {
        env.ncloud.policy_named("viewer").unwrap().description.unwrap_or_default().is_empty()
    })
    .await;
    let events = env.events("viewer").await;
    assert!(events.iter().any(|(reason, note)| reason == "DriftFound" && note.contains("by hand")), "{events:?}");

    env.delete::<Policy>("viewer").await;
    env.gone::<Policy>("viewer").await;
    assert!(env.ncloud.policies().is_empty());
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 1);
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 1);
}

#[tokio::test]
async fn orphaned_ncloud_policy_stays_upstream() {
    let env = TestEnv::new("orphan-ncloud").await;
    let mut object = ncloud_policy("keeper");
    object["spec"]["deletionPolicy"] = json!("Orphan");
    env.apply(object).await;
    let seen: Policy = env.ready("keeper").await;
    assert!(common(&seen).upstream.is_some());
    env.delete::<Policy>("keeper").await;
    env.gone::<Policy>("keeper").await;
    assert!(env.ncloud.policy_named("keeper").is_some());
    assert_eq!(env.ncloud.journal().effects(Operation::Delete), 0);
}
