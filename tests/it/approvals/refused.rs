//! Approvals that do not count: replayed, stale, expired, of another object.

use super::{approval, approve, pending, permit, required};
use crate::ownership::adoption::alike;
use crate::support::test_env::{TestEnv, common, condition, spaceone_policy, upstream_id};
use cloud_policy::api::{Policy, PolicyApproval};
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::{Action, Fault};
use serde_json::json;

/// Waits until the message of a policy that waits says this.
async fn told(env: &TestEnv, policy: &str, words: &str) {
    env.until(policy, words, |object: &Policy| {
        let common = common(object);
        let Some(ready) = condition(&common, "Ready") else { anyhow::bail!("not ready yet") };
        anyhow::ensure!(ready.reason == "ApprovalRequired" && ready.message.contains(words), "{}", ready.message);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn approval_is_refused_when_it_is_replayed() {
    let env = TestEnv::new("approve-replay").await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    approve(&env, "create", "viewer").await;
    env.ready::<Policy>("viewer").await;
    permit(&env, "viewer", &["inventory.*"]).await;
    let hash = approve(&env, "widen", "viewer").await;
    env.ready::<Policy>("viewer").await;
    permit(&env, "viewer", &["inventory.Server.list", "inventory.Server.get"]).await;
    env.ready::<Policy>("viewer").await;
    permit(&env, "viewer", &["inventory.*"]).await;
    assert_eq!(pending(&env, "viewer").await, hash, "the same change again");
    told(&env, "viewer", "PolicyApproval widen was used for an earlier change").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
    // Another object of the same name is another object.
    env.delete::<Policy>("viewer").await;
    env.gone::<Policy>("viewer").await;
    env.apply(spaceone_policy("viewer")).await;
    told(&env, "viewer", "PolicyApproval create was used for an earlier change").await;
    assert!(env.spaceone.policies().is_empty());
}

#[tokio::test]
async fn approval_is_refused_when_something_moved() {
    let env = TestEnv::new("approve-stale").await;
    env.apply(spaceone_policy("viewer")).await;
    let id = upstream_id(&env.ready::<Policy>("viewer").await);
    required(&env, "spaceone").await;
    permit(&env, "viewer", &["inventory.*"]).await;
    let hash = pending(&env, "viewer").await;
    env.spaceone.edit_policy(&id, |policy| policy.permissions = vec!["inventory.Server.get".to_owned()]);
    env.reconcile_now::<Policy>("viewer").await;
    assert_ne!(pending(&env, "viewer").await, hash);
    env.apply(approval("stale", "viewer", &hash)).await;
    told(&env, "viewer", "PolicyApproval stale is for another change").await;
    permit(&env, "viewer", &["*"]).await;
    told(&env, "viewer", "PolicyApproval stale is for another change").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.get"]);
}

#[tokio::test]
async fn approval_is_refused_when_it_expired_or_is_of_another_object() {
    let env = TestEnv::new("approve-other").await;
    required(&env, "spaceone").await;
    env.apply(spaceone_policy("viewer")).await;
    env.apply(spaceone_policy("other")).await;
    let (hash, other) = (pending(&env, "viewer").await, pending(&env, "other").await);
    assert_ne!(hash, other);
    let mut expired = approval("expired", "viewer", &hash);
    expired["spec"]["expiresAt"] = json!("2020-01-01T00:00:00Z");
    env.apply(expired).await;
    told(&env, "viewer", "PolicyApproval expired has expired").await;
    env.apply(approval("crossed", "viewer", &other)).await;
    told(&env, "viewer", "PolicyApproval crossed is for another change").await;
    env.apply(approval("misnamed", "other", &hash)).await;
    told(&env, "other", "PolicyApproval misnamed is for another change").await;
    assert!(env.spaceone.journal().writes().is_empty());
}

/// Puts a policy that grants less and has no owner tag in the place of this one, while the upstream answers nothing.
fn replace_by_narrower(env: &TestEnv, name: &str) {
    env.ncloud.faults().add(Fault::any().before(Action::status(503, "{}")).forever());
    let mut other = env.ncloud.policy_named(name).unwrap();
    assert!(env.ncloud.remove_policy(&other.policy_id));
    other.permissions[0].targets[0].actions = vec!["View/getServerInstanceList".to_owned()];
    env.ncloud.add_policy(NewPolicy {
        policy_name: name.to_owned(),
        description: other.description,
        permissions: other.permissions,
        ..NewPolicy::default()
    });
    env.ncloud.faults().clear();
}

fn adopting(name: &str) -> serde_json::Value {
    let mut object = alike(name);
    object["spec"]["adoptionPolicy"] = json!("Always");
    object
}

fn is_unchanged(env: &TestEnv, name: &str) -> bool {
    let policy = env.ncloud.policy_named(name).unwrap();
    policy.tags.is_empty() && policy.permissions[0].targets[0].actions == ["View/getServerInstanceList"]
}

#[tokio::test]
async fn spec_in_force_permits_no_adoption_of_another_object() {
    let env = TestEnv::new("approve-swap").await;
    env.apply(adopting("viewer")).await;
    env.ready::<Policy>("viewer").await;
    required(&env, "ncloud").await;
    env.reconcile_now::<Policy>("viewer").await;
    env.ready::<Policy>("viewer").await;
    replace_by_narrower(&env, "viewer");
    env.reconcile_now::<Policy>("viewer").await;
    pending(&env, "viewer").await;
    assert!(is_unchanged(&env, "viewer"), "{:?}", env.ncloud.policies());
}

#[tokio::test]
async fn used_approval_permits_no_adoption_of_another_object() {
    let mut env = TestEnv::new("approve-swapped").await;
    required(&env, "ncloud").await;
    env.apply(adopting("viewer")).await;
    approve(&env, "create", "viewer").await;
    env.ready::<Policy>("viewer").await;
    env.stop().await;
    replace_by_narrower(&env, "viewer");
    env.start(|_| {});
    told(&env, "viewer", "PolicyApproval create was used for an earlier change").await;
    assert!(is_unchanged(&env, "viewer"), "{:?}", env.ncloud.policies());
}

#[tokio::test]
async fn approval_cannot_be_changed() {
    let env = TestEnv::without_operator("approve-fixed").await;
    let hash = "0".repeat(64);
    env.apply(approval("fixed", "viewer", &hash)).await;
    let refused = env.try_apply(approval("fixed", "viewer", &"1".repeat(64))).await.unwrap_err().to_string();
    assert!(refused.contains("spec is immutable"), "{refused}");
    let refused = env.try_apply(approval("short", "viewer", "abc")).await.unwrap_err().to_string();
    assert!(refused.contains("hash must have 64 hexadecimal digits"), "{refused}");
    let seen: PolicyApproval = env.get("fixed").await;
    assert_eq!(seen.spec.hash, hash);
}

#[tokio::test]
async fn edited_status_of_a_policy_approves_nothing() {
    let env = TestEnv::new("approve-forged").await;
    env.apply(spaceone_policy("viewer")).await;
    env.ready::<Policy>("viewer").await;
    required(&env, "spaceone").await;
    permit(&env, "viewer", &["inventory.*"]).await;
    pending(&env, "viewer").await;
    // The document whose hash this is counts as written before, so the difference counts as drift.
    let wanted: Policy = env.get("viewer").await;
    let hash = cloud_policy::engine::fingerprint::fingerprint(&json!(wanted.spec.spaceone.as_ref().unwrap()));
    let forged = json!({ "status": { "appliedHash": hash } });
    let (params, patch) = (kube::api::PatchParams::default(), kube::api::Patch::Merge(forged));
    env.api::<Policy>().patch_status("viewer", &params, &patch).await.unwrap();
    env.reconcile_now::<Policy>("viewer").await;
    pending(&env, "viewer").await;
    assert_eq!(env.spaceone.policies()[0].permissions, ["inventory.Server.list", "inventory.Server.get"]);
}
