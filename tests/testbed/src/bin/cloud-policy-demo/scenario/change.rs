//! Three changes: to a spec, to an upstream object by another writer, and to the rejected spec.

use super::{NAMESPACE, NCLOUD_POLICY, REJECTED_POLICY, SPACEONE_POLICY, Scenario, TIMEOUT, expect};
use anyhow::Context;
use cloud_policy_testbed::wait_for;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the operator may take to find and correct drift.
const LIMIT: Duration = Duration::from_mins(1);
const REQUESTED_AT: &str = "cloudpolicy.dev/reconcile-requested-at";

impl Scenario<'_> {
    pub(super) async fn edit_spec(&mut self) -> anyhow::Result<()> {
        self.output.step("kubectl edits a spec: the policy grants one more action.");
        let action = "Change/rebootServerInstances";
        let patch = json!([{ "op": "add", "path": "/spec/ncloud/permissions/0/targets/0/actions/-", "value": action }]);
        self.patch(NCLOUD_POLICY, &patch).await?;
        self.wait("Ready", &[NCLOUD_POLICY]).await?;
        let actions = self.ncloud_target("server-viewer", "actions").await?;
        self.output.show(&format!("NAVER Cloud has: {actions}"));
        let granted = actions.as_array().is_some_and(|actions| actions.len() == 4 && actions.contains(&json!(action)));
        expect("the edit upstream", &true, &granted)
    }

    pub(super) async fn correct_drift(&mut self) -> anyhow::Result<()> {
        let before = self.spaceone_policy().await?["permissions"].take();
        self.output
            .step("A user grants all permissions directly in SpaceONE. The operator detects and corrects the drift.");
        self.change_by_hand().await?;
        // Without the annotation the operator would check within `interval`, five minutes here.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let annotation = format!("{REQUESTED_AT}={now}");
        self.run_quietly(&["annotate", SPACEONE_POLICY, "-n", NAMESPACE, "--overwrite", &annotation]).await?;
        let handled = format!("--for=jsonpath={{.status.lastHandledReconcileAt}}={now}");
        self.cluster.run(&["wait", "-n", NAMESPACE, &handled, TIMEOUT, SPACEONE_POLICY]).await?;
        self.drift_events().await?;
        let after = self.spaceone_policy().await?["permissions"].take();
        self.output.show(&format!("SpaceONE has: {after}"));
        expect("the permissions in SpaceONE after the correction", &before, &after)
    }

    pub(super) async fn fix_rejected_policy(&mut self) -> anyhow::Result<()> {
        self.output.step("kubectl corrects the rejected policy. The operator creates it.");
        let path = "/spec/ncloud/permissions/0/targets/0/product";
        self.patch(REJECTED_POLICY, &json!([{ "op": "replace", "path": path, "value": "VPCServer" }])).await?;
        self.wait("Ready", &[REJECTED_POLICY]).await?;
        self.kubectl(&["get", "cloudpol", "-A"]).await?;
        let product = self.ncloud_target("unknown-product", "product").await?;
        expect("the product upstream", &json!("VPCServer"), &product)
    }

    async fn change_by_hand(&self) -> anyhow::Result<()> {
        let spaceone = &self.upstreams.spaceone;
        let url = spaceone.policy_url("inventory-viewer");
        let body = json!({ "permissions": ["*"], "domain_id": spaceone.domain_id });
        self.output.command(&format!("curl -X PUT {url} -H \"Authorization: Bearer $TOKEN\" -d '{body}'"));
        spaceone.write_by_hand(&url, &body).await?;
        let changed = self.spaceone_policy().await?["permissions"].take();
        expect("the permissions in SpaceONE after the change by hand", &json!(["*"]), &changed)
    }

    async fn drift_events(&self) -> anyhow::Result<()> {
        let selector = "--field-selector=involvedObject.kind=Policy,involvedObject.name=inventory-viewer";
        let columns = "--output=custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message";
        let arguments = ["get", "events", "-n", NAMESPACE, selector, columns];
        // A change right after the create may be a read that lags: the operator looks again before it counts as drift.
        wait_for("the events of the correction", LIMIT, || async {
            let events = self.cluster.run(&arguments).await?;
            for reason in ["DriftFound", "DriftCorrected"] {
                expect(&format!("the existence of an event {reason}"), &true, &events.contains(reason))?;
            }
            Ok(())
        })
        .await?;
        self.kubectl(&arguments).await.map(drop)
    }

    async fn patch(&self, name: &str, operations: &Value) -> anyhow::Result<()> {
        let operations = operations.to_string();
        self.run_quietly(&["patch", name, "-n", NAMESPACE, "--type=json", "-p", &operations]).await
    }

    /// Returns a field of the first target of a policy in the NAVER Cloud account.
    async fn ncloud_target(&self, name: &str, field: &str) -> anyhow::Result<Value> {
        let policy = self.upstreams.ncloud_policy(name).await?;
        let mut policy = policy.with_context(|| format!("the NAVER Cloud account has no policy {name}"))?;
        Ok(policy["permissions"][0]["targets"][0][field].take())
    }
}
