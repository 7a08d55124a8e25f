//! An upstream state in which the object has no effect. No call of the operator changes it.

use crate::support::test_env::{TestEnv, common, condition, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::spaceone::StoredPolicy;
use serde_json::json;

fn disable(env: &TestEnv, id: &str, state: &str) {
    assert!(env.spaceone.edit_policy(id, |policy| state.clone_into(&mut policy.state)));
}

#[tokio::test]
async fn disabled_policy_is_reported_once_until_it_is_enabled() {
    let env = TestEnv::new("disabled").await;
    env.apply(spaceone_policy("disabled")).await;
    env.ready::<Policy>("disabled").await;
    disable(&env, "disabled", "DISABLED");
    // The shared list shows it: nothing requests a comparison.
    let seen: Policy = env.reason("disabled", "DriftReported").await;
    let status = common(&seen);
    let ready = condition(&status, "Ready").unwrap();
    assert!(
        ready.status == "False" && ready.message.contains("DISABLED") && ready.message.contains("enable it"),
        "{ready:?}"
    );
    assert_eq!(condition(&status, "Drifted").unwrap().status, "True");
    let field = &status.drift.unwrap().fields[0];
    assert_eq!((field.path.as_str(), field.observed.as_str()), ("status.state", "\"DISABLED\""));
    env.wait_for_reconciles(4).await;
    let events = env.events("disabled").await;
    let told = events.iter().filter(|(reason, note)| reason == "DriftFound" && note.contains("status.state")).count();
    assert_eq!(told, 1, "{events:?}");
    assert_eq!(env.spaceone.journal().count(Operation::Update), 0);
    disable(&env, "disabled", "ENABLED");
    env.ready::<Policy>("disabled").await;
}

#[tokio::test]
async fn disabled_policy_is_still_corrected() {
    let env = TestEnv::new("disabled-drift").await;
    env.apply(spaceone_policy("disabled-drift")).await;
    env.ready::<Policy>("disabled-drift").await;
    let change = |policy: &mut StoredPolicy| {
        policy.state = "DISABLED".to_owned();
        policy.permissions.push("*".to_owned());
    };
    assert!(env.spaceone.edit_policy("disabled-drift", change));
    env.reason::<Policy>("disabled-drift", "DriftReported").await;
    assert!(!env.spaceone.policies()[0].permissions.contains(&"*".to_owned()));
}

#[tokio::test]
async fn disabled_policy_is_adopted_and_reported() {
    let env = TestEnv::new("disabled-adopt").await;
    env.spaceone.add_policy(StoredPolicy {
        policy_id: "disabled-adopt".to_owned(),
        name: "Viewer".to_owned(),
        state: "DISABLED".to_owned(),
        permissions: vec!["a.B.c".to_owned()],
        ..StoredPolicy::default()
    });
    let mut object = spaceone_policy("disabled-adopt");
    object["spec"]["adoptionPolicy"] = json!("IfIdentical");
    object["spec"]["spaceone"] = json!({ "policyId": "disabled-adopt", "name": "Viewer", "permissions": ["a.B.c"] });
    env.apply(object).await;
    let seen: Policy = env.reason("disabled-adopt", "DriftReported").await;
    assert!(common(&seen).upstream.unwrap().adopted);
}
