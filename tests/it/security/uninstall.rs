//! Uninstalling: the kinds are deleted, and the upstream objects stay.

use crate::support::installation::{Installation, Process, operator_client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crd_deletion_keeps_upstream_objects() {
    let installation = Installation::new().await;
    let process = Process::start(operator_client(&installation).await, |_| {}).await;
    installation.connect().await;
    installation.populate().await;
    installation.delete_crds().await;
    assert!(installation.ncloud.policy_named("tale-n").is_some());
    assert_eq!((installation.spaceone.policies().len(), installation.spaceone.network_policies().len()), (1, 1));
    let metrics = process.metrics.encode().unwrap();
    let orphans = metrics.lines().filter(|line| line.contains("reason=\"crd_deleted\""));
    let counts: Vec<&str> = orphans.filter_map(|line| line.rsplit(' ').next()).collect();
    assert!(counts.len() == 2 && !counts.contains(&"0"), "of both kinds: {metrics}");
    process.stop().await;
}
