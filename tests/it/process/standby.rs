//! A replica that waits for leadership: it is live and ready, and does nothing until it leads.

use super::replica::Replica;
use crate::support;
use crate::support::test_env::{TestEnv, ncloud_policy};
use cloud_policy::api::Policy;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

/// Several renewals of the Lease.
const WHILE: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standby_is_live_and_ready_and_takes_over() {
    let (env, directory) = (TestEnv::without_operator("standby").await, tempfile::tempdir().unwrap());
    let control_plane = support::control_plane().await;
    let first = Replica::start("first", &env, control_plane, directory.path());
    first.answers("/metrics", 200, "\ncloud_policy_leading 1").await;
    let standby = Replica::start("standby", &env, control_plane, directory.path());
    standby.answers("/readyz", 200, "ok").await;
    env.apply(ncloud_policy("led")).await;
    env.ready::<Policy>("led").await;
    let begun = Instant::now();
    while begun.elapsed() < WHILE {
        is_well(&standby).await;
        let (_, metrics) = standby.get("/metrics").await.unwrap();
        assert!(metrics.contains("\ncloud_policy_leading 0"), "{metrics}");
        let reconciles = metrics.lines().filter(|line| line.starts_with("cloud_policy_reconciles_total{"));
        assert_eq!(reconciles.count(), 0, "{metrics}");
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(holder(&env).await.as_deref(), Some("first"));

    block_in_place(|| first.terminate());
    standby.answers("/metrics", 200, "\ncloud_policy_leading 1").await;
    is_well(&standby).await;
    assert_eq!(holder(&env).await.as_deref(), Some("standby"));
    env.patch::<Policy>("led", json!({ "spec": { "ncloud": { "description": "second" } } })).await;
    env.ready::<Policy>("led").await;
    assert_eq!(env.ncloud.policy_named("led").unwrap().description.as_deref(), Some("second"));
    assert_eq!(standby.restarts(), 0);
    block_in_place(|| standby.terminate());
}

/// Asserts what the probes of the chart ask. There is no other endpoint for liveness.
async fn is_well(replica: &Replica) {
    assert_eq!(replica.get("/healthz").await.unwrap(), (200, "ok\n".to_owned()));
    assert_eq!(replica.get("/readyz").await.unwrap().0, 200);
    assert_eq!(replica.get("/livez").await.unwrap().0, 404);
}

async fn holder(env: &TestEnv) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(env.client.clone(), env.namespace());
    leases.get("cloud-policy-operator").await.unwrap().spec.unwrap().holder_identity
}
