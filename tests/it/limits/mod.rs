//! The limits of a connection: priorities, rate limit, circuit breaker, fence and quota.

mod breaker;
mod fence;
mod neighbours;
mod outage;
mod quota;
mod rate;
mod requests;
mod rotation;
mod shards;
mod starvation;

use crate::support::test_env::TestEnv;
use cloud_policy::api::Connection;
use cloud_policy_simulator::{Entry, Journal};
use serde_json::json;

/// Sets the rate limit of the connection, and waits until the operator has checked the connection with it.
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

/// Returns the reasons of all events about an object.
async fn reasons(env: &TestEnv, name: &str) -> Vec<String> {
    env.events(name).await.into_iter().map(|(reason, _)| reason).collect()
}

/// Returns the requests whose target contains the id of this object.
fn about(journal: &Journal, id: &str) -> Vec<Entry> {
    journal.entries().into_iter().filter(|entry| entry.target.contains(id)).collect()
}
