//! Guardrails that change while objects exist: nothing is deleted, nothing wider is written, and the objects say so.

use super::{bound, loose, message, tight};
use crate::support::test_env::{
    TestEnv, common, condition, ncloud_policy, network_policy, spaceone_policy, upstream_id,
};
use cloud_policy::api::{Connection, NetworkPolicy, Policy};
use cloud_policy::controller::Settings;
use cloud_policy_simulator::Operation;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn tightened_bound_keeps_upstream_object_and_says_so() {
    // No interval ends within the test: only the change of the connection triggers a reconcile.
    let slow = |settings: &mut Settings| {
        settings.interval_divisor = 1;
        settings.slow_retry = Duration::from_mins(10);
    };
    let env = TestEnv::with("guard-tight", slow).await;
    bound(&env, "ncloud", loose()).await;
    env.apply(ncloud_policy("kept")).await;
    env.ready::<Policy>("kept").await;
    let before = env.ncloud.policies();
    bound(&env, "ncloud", tight()).await;
    let seen: Policy = env.reason("kept", "GuardrailDenied").await;
    assert_eq!(
        message(&seen),
        "The spec is beyond the guardrails of Connection ncloud: spec.guardrails[0] does not allow this request: Server Change/startServerInstances on nrn:PUB:Server:KR:x:x with ncp:principalName=alice. Nothing was written. Narrow the permissions, or ask who maintains the connection for a wider bound."
    );
    let conditions = common(&seen);
    assert_eq!(condition(&conditions, "Ready").unwrap().status, "False");
    assert_eq!(condition(&conditions, "Synced").unwrap().status, "True", "the upstream equals the spec");
    assert_eq!(condition(&conditions, "Synced").unwrap().reason, "GuardrailDenied");
    assert!(condition(&conditions, "Stalled").is_some());
    env.reconcile_now::<Policy>("kept").await;
    assert_eq!(env.ncloud.policies(), before);
    bound(&env, "ncloud", Value::Null).await;
    env.ready::<Policy>("kept").await;
    assert_eq!(env.ncloud.journal().writes().len(), 1, "only the create");
}

#[tokio::test]
async fn object_beyond_the_bound_is_not_written_and_can_be_deleted() {
    let env = TestEnv::new("guard-edit").await;
    bound(&env, "spaceone", json!([{ "allow": [{ "permissions": ["inventory.Server.*"] }] }])).await;
    env.apply(spaceone_policy("edited")).await;
    let id = upstream_id(&env.ready::<Policy>("edited").await);
    let writes = env.spaceone.journal().writes().len();
    let wider = json!({ "spec": { "spaceone": { "name": "Other", "permissions": ["inventory.*"] } } });
    env.patch::<Policy>("edited", wider).await;
    let seen: Policy = env.reason("edited", "GuardrailDenied").await;
    assert!(message(&seen).contains("inventory.x.x"), "{}", message(&seen));
    assert_eq!(condition(&common(&seen), "Synced").unwrap().status, "False");
    // Drift towards or away from the spec is not corrected either: the spec is beyond the bound.
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["repository.*".to_owned()]);
    env.reconcile_now::<Policy>("edited").await;
    env.reason::<Policy>("edited", "GuardrailDenied").await;
    assert_eq!(env.spaceone.journal().writes().len(), writes, "nothing is written");
    let narrower = json!({ "spec": { "spaceone": { "permissions": ["inventory.Server.list"] } } });
    env.patch::<Policy>("edited", narrower).await;
    env.ready::<Policy>("edited").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list"]);
    env.patch::<Connection>("spaceone", json!({ "spec": { "guardrails": [{ "allow": [] }] } })).await;
    env.reason::<Policy>("edited", "GuardrailDenied").await;
    env.delete::<Policy>("edited").await;
    env.gone::<Policy>("edited").await;
    assert!(env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn drift_beyond_the_bound_is_corrected() {
    let env = TestEnv::new("guard-drift").await;
    bound(&env, "spaceone", json!([{ "allow": [{ "permissions": ["inventory.Server.*"] }] }])).await;
    env.apply(spaceone_policy("drifting")).await;
    let id = upstream_id(&env.ready::<Policy>("drifting").await);
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["*".to_owned()]);
    env.reconcile_now::<Policy>("drifting").await;
    env.ready::<Policy>("drifting").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
}

#[tokio::test]
async fn edited_status_does_not_lift_the_bound() {
    let env = TestEnv::new("guard-status").await;
    bound(&env, "ncloud", tight()).await;
    env.apply(ncloud_policy("forged")).await;
    env.reason::<Policy>("forged", "GuardrailDenied").await;
    let upstream = json!({
        "system": "ncloud/policy", "connection": { "kind": "Connection", "name": "spaceone" },
        "endpoint": env.ncloud.url(), "key": "forged", "adopted": false,
    });
    for status in [
        json!({ "observedGeneration": 99, "conditions": [], "appliedHash": "x" }),
        json!({ "upstream": upstream, "operation": { "id": "1-1", "kind": "Create", "startedAt": "2026-01-01T00:00:00Z", "requestHash": "x" } }),
        json!({ "upstream": null, "operation": null, "drift": null }),
    ] {
        let patch = kube::api::Patch::Merge(json!({ "status": status }));
        env.api::<Policy>().patch_status("forged", &kube::api::PatchParams::default(), &patch).await.unwrap();
        env.wait_for_reconciles(2).await;
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0);
}

/// A recreation deletes the object first. Without the permission to create it again, it stays.
#[tokio::test]
async fn recreation_beyond_the_bound_deletes_nothing() {
    let env = TestEnv::new("guard-recreate").await;
    let [one, two] = [0, 1].map(|n| env.spaceone.zone_ids()[n].clone());
    let mut object = network_policy("net", &one);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    env.apply(object).await;
    env.ready::<NetworkPolicy>("net").await;
    bound(&env, "spaceone", json!([{ "namePrefix": "team-a-" }])).await;
    env.patch::<NetworkPolicy>("net", json!({ "spec": { "spaceone": { "zoneId": two } } })).await;
    let seen: NetworkPolicy = env.reason("net", "GuardrailDenied").await;
    assert!(message(&seen).contains("requires names that begin with team-a-, not net"), "{}", message(&seen));
    assert_eq!(env.spaceone.journal().effects(Operation::Delete), 0);
    assert_eq!(env.spaceone.network_policies()[0].zone_id, one);
}
