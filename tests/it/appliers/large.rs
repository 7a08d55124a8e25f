//! Objects that are larger than an annotation may be.

use super::tools::{Applier, Tools};
use crate::support;
use crate::support::test_env::spaceone_policy;
use cloud_policy_testbed::TestNamespace;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_object_needs_server_side_apply() {
    let namespace = TestNamespace::create(&support::client().await, "large").await.unwrap();
    let tools = Tools::of(namespace.name()).await;
    let mut manifest = spaceone_policy("large");
    let permissions: Vec<String> = (0..5000).map(|n| format!("{n:04}.{}", "x".repeat(45))).collect();
    manifest["spec"]["spaceone"]["permissions"] = json!(permissions);
    let refusal = tools.apply(Applier::ClientSide, &manifest).unwrap_err().to_string();
    assert!(refusal.contains("metadata.annotations: Too long"), "{refusal}");
    for applier in [Applier::ServerSide, Applier::ArgoCd, Applier::Flux] {
        tools.apply(applier, &manifest).unwrap();
    }
    assert_eq!(tools.stored(&manifest)["spec"]["spaceone"]["permissions"].as_array().unwrap().len(), 5000);
}
