//! The quota of 500 policies of a NAVER Cloud account: the operator does not try to create the 501st.

use crate::support::test_env::{TestEnv, common, condition, ncloud_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::NewPolicy;

const LIMIT: usize = 500;

/// Creates a test environment whose account has this many foreign policies.
async fn crowded(prefix: &str, policies: usize) -> TestEnv {
    let mut env = TestEnv::without_operator(prefix).await;
    for i in 0..policies {
        env.ncloud.add_policy(NewPolicy { policy_name: format!("foreign-{i}"), ..NewPolicy::default() });
    }
    env.start(|_| {});
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_allows_last_policy_and_no_attempt_beyond_it() {
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
            assert!(common(&seen).operation.is_none(), "no create was begun");
            refused.push((name, ready.message));
        }
    }
    assert_eq!(refused.len(), names.len() - 1);
    for (_, message) in &refused {
        assert!(message.contains("holds 500") && message.contains("500 are allowed"), "{message}");
    }
    assert_eq!(env.ncloud.journal().count(Operation::Create), 1, "only the policy within the quota is created");
    assert_eq!(env.ncloud.policies().len(), LIMIT);

    let first = env.ncloud.policy_named("foreign-0").unwrap();
    let second = env.ncloud.policy_named("foreign-1").unwrap();
    env.ncloud.remove_policy(&first.policy_id);
    env.eventually("the free place to be used", || env.ncloud.policies().len() == LIMIT).await;
    env.ncloud.remove_policy(&second.policy_id);
    env.eventually("the free place to be used again", || env.ncloud.policies().len() == LIMIT).await;
    assert_eq!(env.ncloud.journal().count(Operation::Create), 3, "no create beyond the quota");
}

#[tokio::test]
async fn quota_check_sends_no_request_far_from_limit() {
    let env = crowded("ample", 400).await;
    env.apply(ncloud_policy("early")).await;
    env.ready::<Policy>("early").await;
    let entries = env.ncloud.journal().entries();
    let created = entries.iter().position(|entry| entry.operation == Operation::Create).unwrap();
    let before: Vec<Operation> = entries[..created].iter().map(|entry| entry.operation).collect();
    // Before the create come the lookup by name and the validation; the other requests are probes of the connection.
    assert_eq!(before.last(), Some(&Operation::Validate), "{before:?}");
}
