//! The operator needs every permission that the manifests grant, and the manifests grant every permission that
//! it needs.

use super::apiserver_proxy::{ApiserverProxy, Asked};
use super::grants::{Grant, shipped};
use crate::support::installation::{Installation, OWN, Process, TENANT, operator_client};
use crate::support::manifests::{ncloud_policy, network_policy};
use cloud_policy_testbed::wait_for;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_uses_exactly_the_granted_permissions() {
    let installation = Installation::new().await;
    let proxy = ApiserverProxy::default();
    let process = Process::start(proxy.client(&operator_client(&installation).await), |_| {}).await;
    installation.connect().await;
    installation.populate().await;
    miss_connections(&installation).await;
    correct_drift_twice(&installation).await;
    approve(&installation).await;
    wait_for("the lease to be renewed", Duration::from_secs(30), || async {
        anyhow::ensure!(proxy.asked().iter().any(|asked| asked.verb == "update"), "not yet");
        Ok(())
    })
    .await
    .unwrap();
    delete_everything(&installation).await;
    process.stop().await;
    let (asked, granted) = (proxy.asked(), shipped());
    assert_eq!(refused(&asked, &granted), BTreeSet::new(), "requested and not granted");
    assert_eq!(unused(&asked, &granted), Vec::<&Grant>::new(), "granted and not requested");
}

fn refused<'a>(asked: &'a BTreeSet<Asked>, granted: &[Grant]) -> BTreeSet<&'a Asked> {
    asked.iter().filter(|asked| !granted.iter().any(|grant| grant.permits(asked, OWN, TENANT))).collect()
}

fn unused<'a>(asked: &BTreeSet<Asked>, granted: &'a [Grant]) -> Vec<&'a Grant> {
    granted.iter().filter(|grant| !asked.iter().any(|asked| grant.permits(asked, OWN, TENANT))).collect()
}

/// Creates objects whose connections, one of each kind, do not exist.
async fn miss_connections(installation: &Installation) {
    let mut alone = ncloud_policy("alone");
    alone["spec"]["connectionRef"] = json!({ "name": "nowhere" });
    let mut lost = network_policy("lost", "zone-0123456789ab");
    lost["spec"]["connectionRef"] = json!({ "kind": "ClusterConnection", "name": "nowhere" });
    installation.apply(Some(TENANT), alone).await;
    installation.apply(Some(TENANT), lost).await;
    installation.reason("Policy", "alone", "ConnectionNotFound").await;
    installation.reason("NetworkPolicy", "lost", "ConnectionNotFound").await;
}

/// Lets the operator correct drift twice. The second time it increases the count of the first event.
async fn correct_drift_twice(installation: &Installation) {
    let id = installation.ncloud.policy_named("tale-n").unwrap().policy_id;
    for hand in ["one", "two"] {
        assert!(installation.ncloud.edit_policy(&id, |policy| policy.description = Some(hand.to_owned())));
        let asked = json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": hand } } });
        let policies = installation.objects("Policy");
        policies.patch("tale-n", &PatchParams::default(), &Patch::Merge(asked)).await.unwrap();
        wait_for("the description to be corrected", Duration::from_secs(30), || async {
            let description = installation.ncloud.policy_named("tale-n").unwrap().description;
            anyhow::ensure!(description.as_deref() == Some("first"), "{description:?}");
            Ok(())
        })
        .await
        .unwrap();
        installation.reason("Policy", "tale-n", "UpToDate").await;
    }
}

/// Has a connection require approvals, and approves a policy.
async fn approve(installation: &Installation) {
    let required = Patch::Merge(json!({ "spec": { "approval": { "widening": "Required" } } }));
    let connections = installation.objects("Connection");
    connections.patch("ncloud", &PatchParams::default(), &required).await.unwrap();
    wait_for("the connection to be checked", Duration::from_mins(1), || async {
        let seen = connections.get("ncloud").await?;
        anyhow::ensure!(seen.data["status"]["observedGeneration"] == json!(seen.metadata.generation));
        Ok(())
    })
    .await
    .unwrap();
    installation.apply(Some(TENANT), ncloud_policy("approved")).await;
    installation.reason("Policy", "approved", "ApprovalRequired").await;
    let waiting = installation.objects("Policy").get("approved").await.unwrap();
    let approval = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "PolicyApproval",
        "metadata": { "name": "yes" },
        "spec": { "policyRef": { "name": "approved" }, "hash": waiting.data["status"]["pendingChange"]["hash"] },
    });
    installation.apply(Some(TENANT), approval).await;
    installation.reason("Policy", "approved", "UpToDate").await;
}

/// Deletes objects, then a connection, then a whole namespace.
async fn delete_everything(installation: &Installation) {
    installation.delete(&installation.objects("NetworkPolicy"), "tale-w").await;
    installation.delete(&installation.objects("Policy"), "tale-n").await;
    installation.delete(&installation.objects("Policy"), "approved").await;
    installation.delete(&installation.objects("Connection"), "ncloud").await;
    installation.delete(&installation.api("v1", "Namespace", None), TENANT).await;
    installation.delete(&installation.api("cloudpolicy.dev/v1alpha1", "ClusterConnection", None), "spaceone").await;
    assert!(installation.ncloud.policies().is_empty());
    assert!(installation.spaceone.policies().is_empty() && installation.spaceone.network_policies().is_empty());
}
