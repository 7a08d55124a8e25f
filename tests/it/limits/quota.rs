//! The 500 policies of a NAVER Cloud account: the 501st is not tried.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::NewPolicy;

const LIMIT: usize = 500;

/// A test environment whose account holds this many policies of strangers.
async fn crowded(prefix: &str, policies: usize) -> TestEnv {
    let mut env = TestEnv::without_operator(prefix).await;
    for i in 0..policies {
        env.ncloud.add_policy(NewPolicy { policy_name: format!("stranger-{i}"), ..NewPolicy::default() });
    }
    env.start(|_| {});
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_place_is_filled_once_and_the_policy_beyond_it_never_tried() {
    let env = crowded("quota", LIMIT - 1).await;
    let names: Vec<String> = (0..8).map(|i| format!("late-{i}")).collect();
    for name in &names {
        env.apply(ncloud_policy(name)).await;
    }
    let mut refused = Vec::new();
    for name in &names {
        let seen = env
            .until(name, "created or refused", |object: &Policy| {
                let reason = condition(&common(object), "Ready").map(|c| c.reason.clone());
                anyhow::ensure!(matches!(reason.as_deref(), Some("UpToDate" | "QuotaExceeded")), "{reason:?}");
                Ok(())
            })
            .await;
        let ready = condition(&common(&seen), "Ready").unwrap().clone();
        if ready.reason == "QuotaExceeded" {
            assert!(common(&seen).operation.is_none(), "nothing was begun");
            refused.push((name, ready.message));
        }
    }
    assert_eq!(refused.len(), names.len() - 1);
    for (_, message) in &refused {
        assert!(message.contains("holds 500") && message.contains("500 are allowed"), "{message}");
    }
    assert_eq!(env.ncloud.journal().count(Operation::Create), 1, "the one that has room");
    assert_eq!(env.ncloud.policies().len(), LIMIT);

    let stranger = env.ncloud.policy_named("stranger-0").unwrap();
    let other = env.ncloud.policy_named("stranger-1").unwrap();
    env.ncloud.remove_policy(&stranger.policy_id);
    env.eventually("the room to be used", || env.ncloud.policies().len() == LIMIT).await;
    env.ncloud.remove_policy(&other.policy_id);
    env.eventually("the room to be used again", || env.ncloud.policies().len() == LIMIT).await;
    assert_eq!(env.ncloud.journal().count(Operation::Create), 3, "never one too many");
}

#[tokio::test]
async fn far_from_the_limit_room_costs_no_request() {
    let env = crowded("ample", 400).await;
    env.apply(ncloud_policy("early")).await;
    env.ready::<Policy>("early").await;
    let entries = env.ncloud.journal().entries();
    let created = entries.iter().position(|entry| entry.operation == Operation::Create).unwrap();
    let before: Vec<Operation> = entries[..created].iter().map(|entry| entry.operation).collect();
    // The look-up by name, and the validation; what else there is are probes of the connection.
    assert_eq!(before.last(), Some(&Operation::Validate), "{before:?}");
}
