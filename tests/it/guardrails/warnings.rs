//! Rules that only warn.

use super::{bound, message};
use crate::support::test_env::{TestEnv, ncloud_policy};
use cloud_policy::api::Policy;
use serde_json::{Value, json};

#[tokio::test]
async fn rule_that_warns_is_told_once_and_keeps_nothing_back() {
    let env = TestEnv::new("guard-warn").await;
    let rule = json!([{ "namePrefix": "team-a-", "enforcement": "Warn" }]);
    bound(&env, "ncloud", rule).await;
    env.apply(ncloud_policy("warned")).await;
    let seen: Policy = env.ready("warned").await;
    let warning = "The spec is beyond guardrails that only warn: spec.guardrails[0] requires names that begin with team-a-, not warned.";
    assert_eq!(message(&seen), format!("The upstream equals the spec. {warning}"));
    env.wait_for_reconciles(3).await;
    let warnings: Vec<_> =
        env.events("warned").await.into_iter().filter(|(reason, _)| reason == "GuardrailWarning").collect();
    assert_eq!(warnings, [("GuardrailWarning".to_owned(), warning.to_owned())]);
    bound(&env, "ncloud", Value::Null).await;
    env.until("warned", "without a warning", |object: &Policy| {
        anyhow::ensure!(message(object) == "The upstream equals the spec.", "{}", message(object));
        Ok(())
    })
    .await;
}
