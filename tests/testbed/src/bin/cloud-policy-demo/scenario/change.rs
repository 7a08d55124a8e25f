//! Three changes: of a spec, of an upstream object behind the operator's back, and of the spec
//! that was refused.

use super::{NAMESPACE, NCLOUD_POLICY, PATIENCE, REFUSED_POLICY, SPACEONE_POLICY, Scene, expect};
use anyhow::Context;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const REQUESTED_AT: &str = "cloudpolicy.dev/reconcile-requested-at";

impl Scene<'_> {
    pub(super) async fn edit_one_spec(&mut self) -> anyhow::Result<()> {
        self.narrator.step("A spec is edited: the policy grants one action more.");
        let action = "Change/rebootServerInstances";
        let patch = json!([{ "op": "add", "path": "/spec/ncloud/permissions/0/targets/0/actions/-", "value": action }]);
        self.patch(NCLOUD_POLICY, &patch).await?;
        self.wait("Ready", &[NCLOUD_POLICY]).await?;
        let actions = self.ncloud_target("server-viewer", "actions").await?;
        self.narrator.show(&format!("NAVER Cloud has: {actions}"));
        let granted = actions.as_array().is_some_and(|actions| actions.len() == 4 && actions.contains(&json!(action)));
        expect("the edit upstream", &true, &granted)
    }

    pub(super) async fn change_one_behind_the_operators_back(&mut self) -> anyhow::Result<()> {
        let before = self.spaceone_policy().await?["permissions"].take();
        self.narrator.step("Somebody grants everything in SpaceONE, by hand. The operator finds it and takes it back.");
        self.widen_by_hand().await?;
        // It would look by itself within `interval`, five minutes here.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let annotation = format!("{REQUESTED_AT}={now}");
        self.obey(&["annotate", SPACEONE_POLICY, "-n", NAMESPACE, "--overwrite", &annotation]).await?;
        let handled = format!("--for=jsonpath={{.status.lastHandledReconcileAt}}={now}");
        self.cluster.run(&["wait", "-n", NAMESPACE, &handled, PATIENCE, SPACEONE_POLICY]).await?;
        self.drift_events().await?;
        let after = self.spaceone_policy().await?["permissions"].take();
        self.narrator.show(&format!("SpaceONE has: {after}"));
        expect("the permissions in SpaceONE after the correction", &before, &after)
    }

    pub(super) async fn fix_the_refused_one(&mut self) -> anyhow::Result<()> {
        self.narrator.step("The refused policy is corrected, and heals by itself.");
        let path = "/spec/ncloud/permissions/0/targets/0/product";
        self.patch(REFUSED_POLICY, &json!([{ "op": "replace", "path": path, "value": "VPCServer" }])).await?;
        self.wait("Ready", &[REFUSED_POLICY]).await?;
        self.kubectl(&["get", "cloudpol", "-A"]).await?;
        let product = self.ncloud_target("unknown-product", "product").await?;
        expect("the product upstream", &json!("VPCServer"), &product)
    }

    async fn widen_by_hand(&self) -> anyhow::Result<()> {
        let spaceone = &self.upstreams.spaceone;
        let url = spaceone.policy_url("inventory-viewer");
        let body = json!({ "permissions": ["*"], "domain_id": spaceone.domain_id });
        self.narrator.command(&format!("curl -X PUT {url} -H \"Authorization: Bearer $TOKEN\" -d '{body}'"));
        spaceone.write_by_hand(&url, &body).await?;
        let widened = self.spaceone_policy().await?["permissions"].take();
        expect("what was written by hand", &json!(["*"]), &widened)
    }

    async fn drift_events(&self) -> anyhow::Result<()> {
        let selector = "--field-selector=involvedObject.kind=Policy,involvedObject.name=inventory-viewer";
        let columns = "--output=custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message";
        let events = self.kubectl(&["get", "events", "-n", NAMESPACE, selector, columns]).await?;
        for reason in ["DriftFound", "DriftCorrected"] {
            expect(&format!("whether there is an event {reason}"), &true, &events.contains(reason))?;
        }
        Ok(())
    }

    async fn patch(&self, name: &str, operations: &Value) -> anyhow::Result<()> {
        let operations = operations.to_string();
        self.obey(&["patch", name, "-n", NAMESPACE, "--type=json", "-p", &operations]).await
    }

    /// A field of the first target of a NAVER Cloud policy, as the account has it.
    async fn ncloud_target(&self, name: &str, field: &str) -> anyhow::Result<Value> {
        let policy = self.upstreams.ncloud_policy(name).await?;
        let mut policy = policy.with_context(|| format!("the NAVER Cloud account has no policy {name}"))?;
        Ok(policy["permissions"][0]["targets"][0][field].take())
    }
}
