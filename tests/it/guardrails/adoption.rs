//! Adoption under guardrails: what is beyond them is not taken over, not even to narrow it.

use super::{bound, message, tight};
use crate::ownership::adoption::{alike, by_hand};
use crate::support::test_env::{TestEnv, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::spaceone::StoredPolicy;
use serde_json::json;

#[tokio::test]
async fn adoption_beyond_the_bound_is_refused() {
    let env = TestEnv::new("guard-adopt").await;
    bound(&env, "ncloud", tight()).await;
    bound(&env, "spaceone", json!([{ "allow": [{ "permissions": ["inventory.*"] }] }])).await;
    by_hand(&env, "theirs", None);
    by_hand(&env, "within", None);
    let permissions = vec!["repository.*".to_owned()];
    env.spaceone.add_policy(StoredPolicy { policy_id: "wide".to_owned(), permissions, ..StoredPolicy::default() });
    let (mut theirs, mut wide, mut within) = (ncloud_policy("theirs"), spaceone_policy("wide"), alike("within"));
    for object in [&mut theirs, &mut wide, &mut within] {
        object["spec"]["adoptionPolicy"] = json!("Always");
        env.apply(object.clone()).await;
    }
    // The first spec is beyond the bound, the second one within: there the upstream object is beyond it.
    let told = message(&env.reason::<Policy>("theirs", "GuardrailDenied").await);
    assert!(told.starts_with("The spec is beyond the guardrails of Connection ncloud"), "{told}");
    let told = message(&env.reason::<Policy>("wide", "GuardrailDenied").await);
    assert!(told.starts_with("The upstream object wide is beyond the guardrails of Connection spaceone"), "{told}");
    assert!(told.contains("repository.x.x"), "{told}");
    env.ready::<Policy>("within").await;
    env.wait_for_reconciles(3).await;
    assert_eq!(env.spaceone.journal().writes(), vec![]);
    assert_eq!(env.ncloud.policy_named("theirs").unwrap().tags.len(), 0);
    assert_eq!(env.ncloud.policy_named("within").unwrap().tags.len(), 1);
}
