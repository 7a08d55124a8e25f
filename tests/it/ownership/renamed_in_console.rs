//! A NAVER Cloud policy that is renamed in the console, and whose record in status is lost, while the operator is stopped:
//! only its owner tag leads to it.

use super::lost_finalizers::only_triggers;
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, upstream_id};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use kube::api::{Patch, PatchParams};
use serde_json::json;

/// A ready policy that is renamed and whose status is wiped while the operator is stopped.
async fn renamed(prefix: &str, drift_policy: &str) -> (TestEnv, String) {
    let mut env = TestEnv::with(prefix, only_triggers).await;
    let mut object = ncloud_policy("one");
    object["spec"]["driftPolicy"] = json!(drift_policy);
    env.apply(object).await;
    env.apply(ncloud_policy("other")).await;
    let id = upstream_id(&env.ready::<Policy>("one").await);
    env.ready::<Policy>("other").await;
    env.stop().await;
    assert!(env.ncloud.edit_policy(&id, |policy| "renamed".clone_into(&mut policy.policy_name)));
    let wiped = Patch::Merge(json!({ "status": null }));
    env.api::<Policy>().patch_status("one", &PatchParams::default(), &wiped).await.unwrap();
    (env, id)
}

#[tokio::test]
async fn renamed_policy_gets_no_copy_when_status_is_lost() {
    for drift_policy in ["Report", "Correct"] {
        let (mut env, id) = renamed("renamed-lost", drift_policy).await;
        env.start(only_triggers);
        let told = env.reason::<Policy>("one", "RecreateRequired").await;
        assert_eq!(upstream_id(&told), id);
        let message = condition(&common(&told), "Ready").unwrap().message.clone();
        assert!(message.contains("policyName"), "{message}");
        let events = env.events("one").await;
        assert!(events.iter().any(|(reason, note)| reason == "Recovered" && note.contains(&id)), "{events:?}");
        assert_eq!((env.ncloud.policies().len(), env.ncloud.journal().effects(Operation::Create)), (2, 2), "copy");
    }
}

#[tokio::test]
async fn deletion_finds_renamed_policy_when_status_is_lost() {
    let (mut env, _) = renamed("renamed-deleted", "Report").await;
    env.delete::<Policy>("one").await;
    env.start(only_triggers);
    env.gone::<Policy>("one").await;
    assert_eq!(env.ncloud.policies().len(), 1, "leak");
}
