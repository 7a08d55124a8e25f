//! An upstream whose response to a create shows tags that it does not store.

use super::lost_finalizers::only_triggers;
use crate::security::tenants::write_status;
use crate::support::test_env::{TestEnv, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::{Decision, Operation};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Notify;

#[tokio::test]
async fn echoed_owner_tag_is_no_proof() {
    let mut env = TestEnv::with("echoed", only_triggers).await;
    let (arrived, released) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    env.ncloud.faults().decide_with({
        let (arrived, released) = (Arc::clone(&arrived), Arc::clone(&released));
        move |request| {
            (request.operation == Operation::Create).then(|| {
                let (arrived, released) = (Arc::clone(&arrived), Arc::clone(&released));
                Decision::DelayAnswer(Box::pin(async move {
                    arrived.notify_one();
                    released.notified().await;
                }))
            })
        }
    });
    env.apply(ncloud_policy("echo")).await;
    arrived.notified().await;
    env.eventually("the policy", || env.ncloud.policies().len() == 1).await;
    let id = env.ncloud.policies()[0].policy_id.clone();
    env.ncloud.edit_policy(&id, |policy| policy.tags.clear());
    released.notify_one();
    env.ready::<Policy>("echo").await;
    assert!(env.ncloud.policies()[0].tags.contains_key("cloudpolicy-owner"));

    // Only the owner tag tells a later process what to delete.
    env.stop().await;
    write_status::<Policy>(&env, "echo", Value::Null).await;
    env.delete::<Policy>("echo").await;
    env.start(only_triggers);
    env.gone::<Policy>("echo").await;
    assert!(env.ncloud.policies().is_empty(), "{:?}", env.ncloud.policies());
}
