//! `suspend: true` takes precedence over every other field of a spec.

use crate::support::connection_helpers::{connection_is, requests_for_objects};
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy};
use cloud_policy::api::Policy;
use serde_json::json;

#[tokio::test]
async fn suspend_prevents_requests_under_all_policy_combinations() {
    let env = TestEnv::new("suspended").await;
    connection_is(&env, "ncloud", "Authenticated").await;
    let mut names = Vec::new();
    for management in ["Full", "CreateOnly", "Observe"] {
        for drift in ["Correct", "Report"] {
            for recreate in ["Never", "WhenRequired"] {
                for adoption in ["Never", "IfIdentical", "Always"] {
                    let name = format!("suspended-{}", names.len());
                    let mut object = ncloud_policy(&name);
                    object["spec"]["suspend"] = json!(true);
                    object["spec"]["managementPolicy"] = json!(management);
                    object["spec"]["driftPolicy"] = json!(drift);
                    object["spec"]["recreatePolicy"] = json!(recreate);
                    object["spec"]["adoptionPolicy"] = json!(adoption);
                    env.apply(object).await;
                    names.push(name);
                }
            }
        }
    }
    for name in &names {
        let seen: Policy = env.reason(name, "Suspended").await;
        assert_eq!(condition(&common(&seen), "Ready").unwrap().status, "False");
    }
    assert_eq!(requests_for_objects(env.ncloud.journal()), [""; 0]);
    assert!(env.ncloud.journal().writes().is_empty());
}

#[tokio::test]
async fn conditions_become_unknown_when_spec_changes_while_suspended() {
    let env = TestEnv::new("edited").await;
    env.apply(ncloud_policy("edited")).await;
    let ready: Policy = env.ready("edited").await;
    assert!(["Synced", "Valid"].iter().all(|kind| condition(&common(&ready), kind).unwrap().status == "True"));
    let edit = json!({ "spec": { "suspend": true, "ncloud": { "description": "never compared" } } });
    env.patch::<Policy>("edited", edit).await;
    let seen: Policy = env.reason("edited", "Suspended").await;
    for kind in ["Synced", "Valid"] {
        assert_eq!(condition(&common(&seen), kind).unwrap().status, "Unknown", "{kind}");
    }
    env.patch::<Policy>("edited", json!({ "spec": { "suspend": false } })).await;
    let ready: Policy = env.ready("edited").await;
    assert!(["Synced", "Valid"].iter().all(|kind| condition(&common(&ready), kind).unwrap().status == "True"));
}
