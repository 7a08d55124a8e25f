//! Creation of the samples. NAVER Cloud rejects one of them.

use super::{NAMESPACE, NCLOUD_POLICY, NETWORK_POLICY, REJECTED_POLICY, SPACEONE_POLICY, Scenario, expect};
use anyhow::Context;
use serde_json::{Value, json};

impl Scenario<'_> {
    pub(super) async fn apply_samples(&mut self) -> anyhow::Result<()> {
        self.output
            .step("kubectl applies the samples: deploy/samples with the endpoints and credentials of these servers.");
        let overlay = self.environment.overlay.display().to_string();
        self.kubectl(&["apply", "-k", &overlay]).await.map(drop)
    }

    pub(super) async fn wait_for_valid_policies(&mut self) -> anyhow::Result<()> {
        self.output
            .step("The operator creates them upstream. Ready means that it has read them back and compared them.");
        self.wait("Ready", &[NCLOUD_POLICY, SPACEONE_POLICY, NETWORK_POLICY]).await?;

        let policy = self.upstreams.ncloud_policy("server-viewer").await?;
        let policy = policy.context("the NAVER Cloud account has no policy server-viewer")?;
        let status = self.status(NCLOUD_POLICY).await?;
        expect("the id of the NAVER Cloud policy", &policy["policyId"], &status["policyId"])?;
        expect("the validation result", &json!(true), &status["validationResult"]["success"])?;

        let policy = self.spaceone_policy().await?;
        let status = self.status(SPACEONE_POLICY).await?;
        expect("the id of the SpaceONE policy", &policy["policy_id"], &status["policyId"])?;

        let policies = self.upstreams.spaceone.network_policies().await?;
        expect("the number of SpaceONE network policies", &1, &policies.len())?;
        let status = self.status(NETWORK_POLICY).await?;
        expect("the id of the network policy", &policies[0]["network_policy_id"], &status["networkPolicyId"])?;
        let mut pinned = policies[0]["collection_info"]["pinned_keys"].as_array().cloned().unwrap_or_default();
        pinned.sort_by_key(Value::to_string);
        expect("the pinned keys of the network policy", &vec![json!("dns"), json!("routing_tables")], &pinned)
    }

    pub(super) async fn check_rejected_policy(&mut self) -> anyhow::Result<()> {
        self.output
            .step("One sample is wrong on purpose. NAVER Cloud rejects it: nothing is created, status has the reason.");
        self.wait("Valid=False", &[REJECTED_POLICY]).await?;
        let detail = "jsonpath={.status.validationResult.details[0]}{\"\\n\"}";
        self.kubectl(&["get", REJECTED_POLICY, "-n", NAMESPACE, "-o", detail]).await?;
        self.table().await?;

        let status = self.status(REJECTED_POLICY).await?;
        expect(
            "the reasons of the rejected policy's conditions",
            &json!(["ValidationFailed", "ValidationFailed", "ValidationFailed"]),
            &reasons(&status),
        )?;
        expect("the id of the rejected policy", &Value::Null, &status["policyId"])?;
        let detail = &status["validationResult"]["details"][0];
        for (key, expected) in [
            ("type", "ERROR"),
            ("code", "iam.policy.invalidProduct"),
            ("field", "spec.ncloud.permissions[0].targets[0].product"),
        ] {
            expect(&format!("{key} of the validation result"), &json!(expected), &detail[key])?;
        }
        let upstream = self.upstreams.ncloud_policy("unknown-product").await?;
        expect("the rejected policy upstream", &None, &upstream)
    }

    /// Returns the only SpaceONE policy of the samples.
    pub(super) async fn spaceone_policy(&self) -> anyhow::Result<Value> {
        let mut policies = self.upstreams.spaceone.policies().await?;
        expect("the number of SpaceONE policies", &1, &policies.len())?;
        Ok(policies.remove(0))
    }
}

/// Returns the reasons of the conditions `Ready=False`, `Valid=False` and `Stalled=True`.
fn reasons(status: &Value) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let relevant = [("Ready", "False"), ("Valid", "False"), ("Stalled", "True")];
    let matching =
        conditions.filter(|c| relevant.iter().any(|(kind, truth)| c["type"] == *kind && c["status"] == *truth));
    matching.map(|condition| condition["reason"].clone()).collect()
}
