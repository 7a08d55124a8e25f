//! Changes that grant more wait for an approval, where the connection requires one.

mod generated;
mod plans;
mod refused;
mod stories;

use crate::support::test_env::TestEnv;
use cloud_policy::api::{Connection, Policy};
use serde_json::{Value, json};

/// Has a connection of the environment require approvals, and waits until the operator knows.
pub async fn required(env: &TestEnv, connection: &str) {
    set(env, connection, "Required").await;
}

async fn set(env: &TestEnv, connection: &str, widening: &str) {
    env.patch::<Connection>(connection, json!({ "spec": { "approval": { "widening": widening } } })).await;
    env.until(connection, "known with its approval", |connection: &Connection| {
        let seen = connection.status.as_ref().map(|status| status.observed_generation);
        anyhow::ensure!(seen == connection.metadata.generation, "observed {seen:?}");
        Ok(())
    })
    .await;
}

/// Returns an approval of a policy.
fn approval(name: &str, policy: &str, hash: &str) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "PolicyApproval",
        "metadata": { "name": name },
        "spec": { "policyRef": { "name": policy }, "hash": hash },
    })
}

/// Waits until a change of the policy's newest spec waits for an approval, and returns its hash.
async fn pending(env: &TestEnv, policy: &str) -> String {
    hash_of(&env.reason::<Policy>(policy, "ApprovalRequired").await)
}

fn hash_of(policy: &Policy) -> String {
    policy.status.as_ref().unwrap().pending_change.as_ref().expect("status.pendingChange").hash.clone()
}

/// Approves what waits.
pub async fn approve(env: &TestEnv, name: &str, policy: &str) -> String {
    let hash = pending(env, policy).await;
    env.apply(approval(name, policy, &hash)).await;
    hash
}

/// Gives a SpaceONE policy these permissions.
async fn permit(env: &TestEnv, policy: &str, permissions: &[&str]) {
    env.patch::<Policy>(policy, json!({ "spec": { "spaceone": { "permissions": permissions } } })).await;
}
