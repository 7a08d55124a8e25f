//! An API server that is away for a while: the operator writes nothing upstream without the lead, stays live, and
//! recovers by itself.

use super::replica::Replica;
use crate::support::install_crypto;
use crate::support::test_env::{TestEnv, ncloud_policy, upstream_id};
use cloud_policy::api::{Policy, crds};
use cloud_policy_simulator::Operation;
use cloud_policy_testbed::{ControlPlane, install_crds, wait_for};
use serde_json::json;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// How long a leader may go on after its last renewal, and more.
const TERM: Duration = Duration::from_secs(30);
/// How long the API server is away after the operator has lost the lead.
const AWAY: Duration = Duration::from_secs(10);
/// How long the operator may take to lead again, with pauses of up to half a minute between its attempts.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_outlives_an_api_server_that_is_away() {
    install_crypto();
    let (state, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = block_in_place(|| ControlPlane::start_in(state.path(), &[])).unwrap();
    let client = first.client().unwrap();
    install_crds(&client, &crds::all()).await.unwrap();
    let env = TestEnv::without_operator_on(client, "away").await;
    let operator = Replica::start("operator", &env, &first, logs.path());
    env.apply(ncloud_policy("kept")).await;
    let id = upstream_id(&env.ready::<Policy>("kept").await);
    operator.answers("/readyz", 200, "ok").await;

    block_in_place(|| drop(first));
    wait_for("the operator to give up the lead", TERM, || async {
        anyhow::ensure!(operator.restarts() > 0, "{}", operator.log());
        Ok(())
    })
    .await
    .unwrap();
    stays_live_and_idle(&env, &operator, &id).await;
    let restarts = operator.restarts();

    let _second = block_in_place(|| ControlPlane::start_in(state.path(), &[])).unwrap();
    wait_for("the operator to lead again", PATIENCE, || async {
        let (_, metrics) = operator.get("/metrics").await?;
        anyhow::ensure!(metrics.contains("\ncloud_policy_leading 1"), "{}", operator.log());
        Ok(())
    })
    .await
    .unwrap();
    operator.answers("/readyz", 200, "ok").await;
    env.eventually("the drift to be corrected", || {
        env.ncloud.policy_named("kept").is_some_and(|policy| policy.description.as_deref() == Some("first"))
    })
    .await;
    env.patch::<Policy>("kept", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("kept").await;
    assert_eq!(env.ncloud.policy_named("kept").unwrap().description.as_deref(), Some("second"));
    assert_eq!(env.ncloud.journal().effects(Operation::Create), 0, "it was created before");
    assert_eq!(operator.restarts(), restarts, "it needs no restart to recover");
    block_in_place(|| operator.terminate());
}

/// Changes the policy by hand, and asserts that the operator, which does not lead, lets it be and needs no restart.
async fn stays_live_and_idle(env: &TestEnv, operator: &Replica, id: &str) {
    env.ncloud.journal().clear();
    env.ncloud.edit_policy(id, |policy| policy.description = Some("by hand".to_owned()));
    operator.answers("/healthz", 200, "ok").await;
    operator.answers("/readyz", 503, "not ready").await;
    let (begun, restarts) = (Instant::now(), operator.restarts());
    while begun.elapsed() < AWAY {
        assert_eq!(operator.get("/healthz").await.unwrap(), (200, "ok\n".to_owned()));
        let (_, metrics) = operator.get("/metrics").await.unwrap();
        assert!(metrics.contains("\ncloud_policy_leading 0"), "{metrics}");
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(operator.restarts(), restarts, "it waits for the API server");
    assert_eq!(env.ncloud.journal().writes(), vec![]);
}
