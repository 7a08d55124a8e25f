//! An admission policy refuses the finalizer of an object: the operator says so, and goes on when the policy is gone.

use super::lost_finalizers::only_triggers;
use crate::deletion::from_status::blocked;
use crate::support::refusing_policy::{MESSAGE, RefusingPolicy};
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use serde_json::json;

/// True unless an update takes the finalizer off.
const KEPT: &str = "!has(oldObject.metadata.finalizers) || has(object.metadata.finalizers)";

/// True unless an update adds the finalizer.
const NEVER: &str = "has(oldObject.metadata.finalizers) || !has(object.metadata.finalizers)";

#[tokio::test]
async fn deletion_says_that_finalizer_cannot_be_removed() {
    let env = TestEnv::with("denied-removal", only_triggers).await;
    env.apply(ncloud_policy("one")).await;
    let mut kept = spaceone_policy("two");
    kept["spec"]["deletionPolicy"] = json!("Orphan");
    env.apply(kept).await;
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    let policy = RefusingPolicy::apply(&env, "policies", KEPT).await;
    policy.is_enforced::<Policy>("one", json!({ "metadata": { "finalizers": null } })).await;
    env.delete::<Policy>("one").await;
    env.delete::<Policy>("two").await;
    for (name, upstream) in [("one", "Nothing of this object is left upstream"), ("two", "left the upstream object")] {
        let refused = |object: &Policy| {
            let told = condition(&common(object), "Ready").map(|ready| ready.message.clone()).unwrap_or_default();
            anyhow::ensure!(told.contains(upstream) && told.contains(MESSAGE), "{told}");
            Ok(())
        };
        env.until(name, "held by its finalizer", refused).await;
        let message = blocked::<Policy>(&env, name, "Deleting").await;
        assert!(message.contains("cloudpolicy.dev/finalizer"), "{message}");
    }
    assert!(env.ncloud.policies().is_empty() && env.spaceone.policies().len() == 1);
    policy.remove().await;
    env.gone::<Policy>("one").await;
    env.gone::<Policy>("two").await;
}

#[tokio::test]
async fn object_without_finalizer_says_so_and_writes_nothing() {
    let env = TestEnv::with("denied-addition", only_triggers).await;
    let policy = RefusingPolicy::apply(&env, "policies", NEVER).await;
    let mut probe = ncloud_policy("probe");
    probe["spec"]["suspend"] = json!(true);
    env.apply(probe).await;
    policy.is_enforced::<Policy>("probe", json!({ "metadata": { "finalizers": ["example.com/x"] } })).await;
    env.apply(ncloud_policy("one")).await;
    let refused = |object: &Policy| {
        let told = condition(&common(object), "Ready").map(|ready| ready.message.clone()).unwrap_or_default();
        anyhow::ensure!(told.contains(MESSAGE), "{told}");
        Ok(())
    };
    env.until("one", "without its finalizer", refused).await;
    assert!(env.ncloud.policies().is_empty());
    policy.remove().await;
    env.ready::<Policy>("one").await;
}

/// Another writer takes the finalizer off, and the admission policy refuses to put it back.
#[tokio::test]
async fn ready_object_says_that_its_finalizer_cannot_come_back() {
    let env = TestEnv::new("denied-return").await;
    let mut suspended = spaceone_policy("two");
    env.apply(ncloud_policy("one")).await;
    env.apply(suspended.clone()).await;
    env.ready::<Policy>("one").await;
    env.ready::<Policy>("two").await;
    suspended["spec"]["suspend"] = json!(true);
    env.apply(suspended).await;
    env.reason::<Policy>("two", "Suspended").await;
    let mut probe = ncloud_policy("probe");
    probe["spec"]["suspend"] = json!(true);
    env.apply(probe).await;
    let policy = RefusingPolicy::apply(&env, "policies", NEVER).await;
    policy.is_enforced::<Policy>("probe", json!({ "metadata": { "finalizers": ["example.com/x"] } })).await;
    for name in ["one", "two"] {
        env.patch::<Policy>(name, json!({ "metadata": { "finalizers": null } })).await;
        let refused = |object: &Policy| {
            let told = condition(&common(object), "Ready").map(|ready| ready.message.clone()).unwrap_or_default();
            anyhow::ensure!(told.contains(MESSAGE), "{told}");
            Ok(())
        };
        env.until(name, "without its finalizer", refused).await;
    }
    policy.remove().await;
    env.ready::<Policy>("one").await;
    env.reason::<Policy>("two", "Suspended").await;
}
