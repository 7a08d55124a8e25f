//! An admission policy refuses the finalizer of a connection: it works all the same, and says so.

use crate::support::connection_helpers::connection_is;
use crate::support::refusing_policy::{MESSAGE, RefusingPolicy};
use crate::support::test_env::{TestEnv, ncloud_policy};
use cloud_policy::api::{Connection, Policy};
use kube::ResourceExt;
use serde_json::json;

#[tokio::test]
async fn connection_works_and_says_that_its_finalizer_is_refused() {
    let mut env = TestEnv::without_operator("denied-connection").await;
    let never = "has(oldObject.metadata.finalizers) || !has(object.metadata.finalizers)";
    let policy = RefusingPolicy::apply(&env, "connections", never).await;
    policy.is_enforced::<Connection>("ncloud", json!({ "metadata": { "finalizers": ["example.com/x"] } })).await;
    env.start(|_| {});
    env.apply(ncloud_policy("one")).await;
    env.ready::<Policy>("one").await;
    let message = connection_is(&env, "ncloud", "Authenticated").await;
    assert!(message.contains("refuses the finalizer") && message.contains(MESSAGE), "{message}");
    assert!(env.get::<Connection>("ncloud").await.finalizers().is_empty());
    let events = env.events("ncloud").await;
    let is_told = |(reason, note): &(String, String)| reason == "FinalizerRefused" && note.contains(MESSAGE);
    assert!(events.iter().any(is_told), "{events:?}");
    RefusingPolicy::of(&env).remove().await;
    env.until("ncloud", "with its finalizer", |connection: &Connection| {
        let told = serde_json::to_string(&connection.status)?;
        anyhow::ensure!(!connection.finalizers().is_empty() && !told.contains(MESSAGE), "{told}");
        Ok(())
    })
    .await;
}
