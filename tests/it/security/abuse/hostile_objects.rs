//! Hostile objects that one tenant writes.

use crate::support::test_env::{SOON, TestEnv, common, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy::controller;
use cloud_policy::controller::Settings;
use cloud_policy_testbed::wait_for;
use http::Request;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Sends an object as text, because no JSON library in this process can represent it.
pub(super) async fn post(env: &TestEnv, plural: &str, object: &str) -> kube::Result<String> {
    let path = format!("/apis/cloudpolicy.dev/v1alpha1/namespaces/{}/{plural}", env.namespace());
    let request = Request::post(path).header("content-type", "application/json").body(object.as_bytes().to_vec());
    env.client.request_text(request.unwrap()).await
}

/// Reads an object as text.
pub(super) async fn text(env: &TestEnv, plural: &str, name: &str) -> anyhow::Result<String> {
    let path = format!("/apis/cloudpolicy.dev/v1alpha1/namespaces/{}/{plural}/{name}", env.namespace());
    Ok(env.client.request_text(Request::get(path).body(Vec::new())?).await?)
}

fn nested(object: &Value, levels: usize) -> String {
    let deep = format!("{}1{}", "{\"k\":".repeat(levels), "}".repeat(levels));
    object.to_string().replace("\"HERE\"", &deep)
}

#[tokio::test]
async fn deeply_nested_object_is_refused_and_hides_no_other() {
    // The namespace is the first in a list of all namespaces, which the operator requests at its start.
    let env = TestEnv::new("0-deep").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    for levels in [70, 150, 3_000] {
        let name = format!("deep-{levels}");
        let mut object = spaceone_policy(&name);
        object["spec"]["spaceone"]["tags"] = json!({ "deep": "HERE" });
        post(&env, "policies", &nested(&object, levels)).await.unwrap();
        let mut object = network_policy(&name, &zone);
        object["spec"]["spaceone"]["data"] = json!({ "deep": "HERE" });
        post(&env, "networkpolicies", &nested(&object, levels)).await.unwrap();
    }
    for levels in [70, 150, 3_000] {
        for plural in ["policies", "networkpolicies"] {
            let name = format!("deep-{levels}");
            wait_for("the refusal", Duration::from_mins(1), || async {
                let seen = text(&env, plural, &name).await?;
                let refused = seen.contains("InvalidSpec") && seen.contains("nested more than 64 levels deep");
                refused.then_some(()).ok_or_else(|| anyhow::anyhow!("{:.300}", seen.rsplit("status").next().unwrap()))
            })
            .await
            .unwrap();
        }
    }
    let shutdown = CancellationToken::new();
    timeout(SOON, controller::wait_for_crds(&env.client, &Settings::new("anywhere"), &shutdown))
        .await
        .expect("an operator starts with such objects");
    env.apply(spaceone_policy("shallow")).await;
    env.apply(network_policy("shallow", &zone)).await;
    env.ready::<Policy>("shallow").await;
    env.ready::<NetworkPolicy>("shallow").await;
    assert_eq!((env.spaceone.policies().len(), env.spaceone.network_policies().len()), (1, 1));
}

/// JSON may have characters that the API server refuses in an apply, and that YAML would fold.
#[tokio::test]
async fn status_is_written_when_name_has_odd_characters() {
    let env = TestEnv::new("odd").await;
    let odd = "a\u{7f}b\u{85}c\u{9f}d\u{2028}e\u{fffe}f\u{feff}g 🚦 가";
    let mut object = network_policy("odd", &env.spaceone.zone_ids()[0]);
    object["spec"]["spaceone"]["name"] = json!(odd);
    object["spec"]["driftPolicy"] = json!("Report");
    post(&env, "networkpolicies", &object.to_string()).await.unwrap();
    let ready: NetworkPolicy = env.ready("odd").await;
    assert_eq!(common(&ready).upstream.unwrap().key, odd);
    let id = upstream_id(&ready);
    env.spaceone.edit_network_policy(&id, |policy| policy.name = format!("{odd}\u{7f}"));
    let drifted: NetworkPolicy = env.reason("odd", "DriftReported").await;
    let drift = common(&drifted).drift.unwrap().fields[0].clone();
    assert_eq!((drift.desired, drift.observed), (format!("\"{odd}\""), format!("\"{odd}\u{7f}\"")));
}

#[tokio::test]
async fn admission_refuses_ten_thousand_permissions() {
    let env = TestEnv::without_operator("many").await;
    let mut object = spaceone_policy("many");
    let permissions: Vec<String> = (0..10_000).map(|n| format!("inventory.Server.{n}")).collect();
    object["spec"]["spaceone"]["permissions"] = json!(permissions);
    let refusal = env.try_apply(object).await.unwrap_err().to_string();
    assert!(refusal.contains("permissions") && refusal.contains("at most 5000"), "{refusal:.300}");
}

#[tokio::test]
async fn largest_storable_object_arrives_complete() {
    let env = TestEnv::new("large").await;
    let zone = env.spaceone.zone_ids()[0].clone();
    let sized = |bytes: usize| {
        let mut object = network_policy("large", &zone);
        let words: Vec<String> = (0..bytes / 1000).map(|n| format!("{n:0>998}")).collect();
        object["spec"]["spaceone"]["data"] = json!({ "words": words });
        object
    };
    let refusal = post(&env, "networkpolicies", &sized(1_700_000).to_string()).await.unwrap_err().to_string();
    assert!(refusal.contains("large") || refusal.contains("limit"), "larger than etcd's limit: {refusal:.300}");
    post(&env, "networkpolicies", &sized(1_000_000).to_string()).await.unwrap();
    env.ready::<NetworkPolicy>("large").await;
    let stored = env.spaceone.network_policies()[0].data["words"].as_array().unwrap().len();
    assert_eq!(stored, 1000);
    env.spaceone.journal().clear();
    env.reconcile_now::<NetworkPolicy>("large").await;
    assert_eq!(env.spaceone.journal().writes(), vec![]);
}
