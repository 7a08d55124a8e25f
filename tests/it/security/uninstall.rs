//! Uninstalling: the kinds go, and what they describe stays.

use crate::installation::{Installation, Process, operator_client};
use cloud_policy::api::crds;
use cloud_policy_testbed::wait_for;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uninstalling_the_kinds_leaves_the_upstream_as_it_is() {
    let installation = Installation::new().await;
    let process = Process::start(operator_client(&installation).await, |_| {}).await;
    installation.connect().await;
    installation.populate().await;
    let kinds = installation.api("apiextensions.k8s.io/v1", "CustomResourceDefinition", None);
    for kind in crds::all() {
        kinds.delete(&kind.name_any(), &DeleteParams::default()).await.unwrap();
    }
    wait_for("the kinds to be gone", Duration::from_mins(1), || async {
        let left = kinds.list_metadata(&ListParams::default()).await?.items;
        anyhow::ensure!(left.is_empty(), "{} are left", left.len());
        Ok(())
    })
    .await
    .unwrap();
    assert!(installation.ncloud.policy_named("tale-n").is_some());
    assert_eq!((installation.spaceone.policies().len(), installation.spaceone.network_policies().len()), (1, 1));
    let metrics = process.metrics.encode().unwrap();
    let told = metrics.lines().filter(|line| line.contains("why=\"crd_deleted\""));
    let counts: Vec<&str> = told.filter_map(|line| line.rsplit(' ').next()).collect();
    assert!(counts.len() == 2 && !counts.contains(&"0"), "of both kinds: {metrics}");
    process.stop().await;
}
