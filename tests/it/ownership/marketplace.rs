//! A second repository with policies of the same ids: it never answers for a policy of the domain.

use crate::support::test_env::{TestEnv, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::spaceone::StoredPolicy;

fn offered(id: &str) -> StoredPolicy {
    StoredPolicy {
        policy_id: id.to_owned(),
        name: "Offered".to_owned(),
        state: "ENABLED".to_owned(),
        permissions: vec!["*".to_owned()],
        domain_id: "domain-of-marketplace".to_owned(),
        ..StoredPolicy::default()
    }
}

#[tokio::test]
async fn policy_is_created_beside_one_of_the_marketplace() {
    let env = TestEnv::new("market-create").await;
    env.spaceone.add_marketplace_policy(offered("market-create"));
    env.apply(spaceone_policy("market-create")).await;
    let seen: Policy = env.ready("market-create").await;
    let repository = seen.status.unwrap().details.repository_info.unwrap().read();
    assert_eq!(repository["repository_id"], env.spaceone.repository_id());
    assert_eq!(env.spaceone.policies().len(), 1);
}

#[tokio::test]
async fn deletion_ends_beside_policy_of_the_marketplace() {
    let env = TestEnv::new("market-delete").await;
    env.apply(spaceone_policy("market-delete")).await;
    env.ready::<Policy>("market-delete").await;
    env.spaceone.add_marketplace_policy(offered("market-delete"));
    env.delete::<Policy>("market-delete").await;
    env.gone::<Policy>("market-delete").await;
    assert!(env.spaceone.policies().is_empty());
}

/// The operator finds that the policy is gone, and creates it again.
#[tokio::test]
async fn drift_is_found_beside_policy_of_the_marketplace() {
    let env = TestEnv::new("market-drift").await;
    env.apply(spaceone_policy("market-drift")).await;
    env.ready::<Policy>("market-drift").await;
    env.spaceone.add_marketplace_policy(offered("market-drift"));
    assert!(env.spaceone.remove_policy("market-drift"));
    env.eventually("the policy to be created again", || env.spaceone.policies().len() == 1).await;
}
