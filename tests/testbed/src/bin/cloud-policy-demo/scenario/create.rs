//! The samples arrive: the good ones upstream, the refused one in its own status.

use super::{NAMESPACE, NCLOUD_POLICY, NETWORK_POLICY, REFUSED_POLICY, SPACEONE_POLICY, Scene, expect};
use anyhow::Context;
use serde_json::{Value, json};

impl Scene<'_> {
    pub(super) async fn apply_the_samples(&mut self) -> anyhow::Result<()> {
        self.narrator.step("The samples are applied: deploy/samples, with these servers and credentials patched in.");
        let overlay = self.stage.overlay.display().to_string();
        self.kubectl(&["apply", "-k", &overlay]).await.map(drop)
    }

    pub(super) async fn the_good_ones_get_ready(&mut self) -> anyhow::Result<()> {
        self.narrator.step("The operator creates them upstream; Ready means that it has read them back and compared.");
        self.wait("Ready", &[NCLOUD_POLICY, SPACEONE_POLICY, NETWORK_POLICY]).await?;

        let policy = self.upstreams.ncloud_policy("server-viewer").await?;
        let policy = policy.context("the NAVER Cloud account has no policy server-viewer")?;
        let status = self.status(NCLOUD_POLICY).await?;
        expect("the id of the NAVER Cloud policy", &policy["policyId"], &status["policyId"])?;
        expect("its verdict", &json!(true), &status["validationResult"]["success"])?;

        let policy = self.spaceone_policy().await?;
        let status = self.status(SPACEONE_POLICY).await?;
        expect("the id of the SpaceONE policy", &policy["policy_id"], &status["policyId"])?;

        let policies = self.upstreams.spaceone.network_policies().await?;
        expect("the number of SpaceONE network policies", &1, &policies.len())?;
        let status = self.status(NETWORK_POLICY).await?;
        expect("the id of the network policy", &policies[0]["network_policy_id"], &status["networkPolicyId"])?;
        let mut pinned = policies[0]["collection_info"]["pinned_keys"].as_array().cloned().unwrap_or_default();
        pinned.sort_by_key(Value::to_string);
        expect("what is pinned in it", &vec![json!("dns"), json!("routing_tables")], &pinned)
    }

    pub(super) async fn the_refused_one_says_why(&mut self) -> anyhow::Result<()> {
        self.narrator
            .step("One sample is wrong on purpose. NAVER Cloud refuses it: nothing is written, status says why.");
        self.wait("Valid=False", &[REFUSED_POLICY]).await?;
        let detail = "jsonpath={.status.validationResult.details[0]}{\"\\n\"}";
        self.kubectl(&["get", REFUSED_POLICY, "-n", NAMESPACE, "-o", detail]).await?;
        self.table().await?;

        let status = self.status(REFUSED_POLICY).await?;
        expect(
            "its conditions",
            &json!(["ValidationFailed", "ValidationFailed", "ValidationFailed"]),
            &reasons(&status),
        )?;
        expect("its id", &Value::Null, &status["policyId"])?;
        let detail = &status["validationResult"]["details"][0];
        for (key, expected) in [
            ("type", "ERROR"),
            ("code", "iam.policy.invalidProduct"),
            ("field", "spec.ncloud.permissions[0].targets[0].product"),
        ] {
            expect(&format!("{key} of the verdict"), &json!(expected), &detail[key])?;
        }
        let upstream = self.upstreams.ncloud_policy("unknown-product").await?;
        expect("the refused policy upstream", &None, &upstream)
    }

    /// The one SpaceONE policy of the samples.
    pub(super) async fn spaceone_policy(&self) -> anyhow::Result<Value> {
        let mut policies = self.upstreams.spaceone.policies().await?;
        expect("the number of SpaceONE policies", &1, &policies.len())?;
        Ok(policies.remove(0))
    }
}

/// Why it is not ready, not valid, and stalled.
fn reasons(status: &Value) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let telling = [("Ready", "False"), ("Valid", "False"), ("Stalled", "True")];
    let told = conditions.filter(|c| telling.iter().any(|(kind, truth)| c["type"] == *kind && c["status"] == *truth));
    told.map(|condition| condition["reason"].clone()).collect()
}
