//! The limits of a connection: who goes first, how fast, when to stop asking, how much fits.

mod breaker;
mod fence;
mod outage;
mod quota;
mod rate;
mod rotation;
mod starvation;

use crate::support::test_env::TestEnv;
use cloud_policy::api::Connection;
use cloud_policy_simulator::{Entry, Journal};
use serde_json::json;

/// The connection may send this much from now on.
async fn limit(env: &TestEnv, connection: &str, requests_per_second: u32, burst: u32) {
    let rate = json!({ "requestsPerSecond": requests_per_second, "burst": burst });
    env.patch::<Connection>(connection, json!({ "spec": { "rateLimit": rate } })).await;
    env.until(connection, "checked with its new limit", |connection: &Connection| {
        let seen = connection.status.as_ref().map(|status| status.observed_generation);
        anyhow::ensure!(seen == connection.metadata.generation, "{seen:?}");
        Ok(())
    })
    .await;
}

/// How many warnings there are about an object.
async fn reasons(env: &TestEnv, name: &str) -> Vec<String> {
    env.events(name).await.into_iter().map(|(reason, _)| reason).collect()
}

/// The requests that speak of this object by its id.
fn about(journal: &Journal, id: &str) -> Vec<Entry> {
    journal.entries().into_iter().filter(|entry| entry.target.contains(id)).collect()
}
