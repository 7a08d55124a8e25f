//! Guardrails of connections: what no object may grant is never written, whatever is tried.

mod adoption;
mod generated;
mod limits;
mod steps;
mod tightened;
mod warnings;

use crate::support::test_env::{TestEnv, common, condition};
use cloud_policy::api::Connection;
use cloud_policy::controller::kinds::managed::Managed;
use serde_json::{Value, json};

/// Gives a connection of the environment these guardrails.
async fn set(env: &TestEnv, connection: &str, guardrails: &Value) {
    env.patch::<Connection>(connection, json!({ "spec": { "guardrails": guardrails } })).await;
}

/// Gives a connection these guardrails, and waits until the operator knows them.
async fn bound(env: &TestEnv, connection: &str, guardrails: Value) {
    set(env, connection, &guardrails).await;
    env.until(connection, "known with its guardrails", |connection: &Connection| {
        let seen = connection.status.as_ref().map(|status| status.observed_generation);
        anyhow::ensure!(seen == connection.metadata.generation, "observed {seen:?}");
        Ok(())
    })
    .await;
}

fn message<K: Managed>(object: &K) -> String {
    condition(&common(object), "Ready").unwrap().message.clone()
}

/// A bound within which the policies of `support::manifests` are.
fn loose() -> Value {
    json!([{ "allow": [{ "product": "Server", "actions": ["View*", "Change*"] }] }])
}

/// A bound beyond which they are.
fn tight() -> Value {
    json!([{ "allow": [{ "product": "Server", "actions": ["View*"] }] }])
}
