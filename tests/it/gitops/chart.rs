//! `deploy` and the Helm chart render the same objects.

use super::tools::{OverlayOnPage, kustomized, manifests, only, script};
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

#[tokio::test]
async fn manifests_render_same_deployment_as_chart() {
    let own = kustomized("deploy/overlays/default").await;
    let chart = manifests(&chart(&[]));
    for kind in ["Deployment", "Service"] {
        let (mut own, mut chart) = (only(&own, kind).clone(), only(&chart, kind).clone());
        let (ours, theirs) = (flags(&mut own), flags(&mut chart));
        assert_eq!(own["spec"], chart["spec"], "{kind}");
        for (flag, value) in &ours {
            assert_eq!(theirs.get(flag), Some(value), "{flag}");
        }
    }
}

#[tokio::test]
async fn manifests_have_same_disruption_budget_as_chart() {
    let own = kustomized("deploy/overlays/ha").await;
    let chart = manifests(&chart(&["--set", "replicaCount=2,podDisruptionBudget.enabled=true"]));
    let [own, chart] = [&own, &chart].map(|all| only(all, "PodDisruptionBudget")["spec"].clone());
    assert_eq!(own, chart);
}

#[tokio::test]
async fn components_render_same_objects_as_chart() {
    let overlay = OverlayOnPage::write();
    let own = kustomized(overlay.folder()).await;
    let values =
        "networkPolicy.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboard.enabled=true";
    let chart = manifests(&chart(&["--set", values]));
    for kind in ["NetworkPolicy", "PrometheusRule", "ServiceMonitor"] {
        let [own, chart] = [&own, &chart].map(|all| only(all, kind));
        assert_eq!(own["spec"], chart["spec"], "{kind}");
        assert_eq!(own["metadata"]["namespace"], chart["metadata"]["namespace"], "{kind}");
    }
    let dashboard = |all: &[Value]| -> Value {
        let text = only(all, "ConfigMap")["data"]["cloud-policy-operator.json"].as_str().unwrap();
        serde_json::from_str(text).unwrap()
    };
    assert_eq!(dashboard(&own), dashboard(&chart));
}

/// Renders the chart with these arguments.
fn chart(arguments: &[&str]) -> String {
    let folder = script("hack/helm.sh", &[]);
    let name = "cloud-policy-operator";
    let mut helm = Command::new(format!("{}/3/helm", folder.trim()));
    helm.args(["template", name, "charts/cloud-policy-operator", "--namespace", "cloud-policy-system"]);
    helm.args(arguments);
    let output = helm.current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Removes the arguments from a Deployment and returns them. The chart also sets flags to their defaults.
fn flags(manifest: &mut Value) -> BTreeMap<String, String> {
    let Some(arguments) = manifest.pointer_mut("/spec/template/spec/containers/0/args") else {
        return BTreeMap::new();
    };
    let text = |argument: &Value| argument.as_str().unwrap().to_owned();
    let all: Vec<String> = arguments.take().as_array().unwrap().iter().map(text).collect();
    let pairs = all.iter().map(|flag| flag.split_once('=').unwrap_or((flag.as_str(), "")));
    pairs.map(|(flag, value)| (flag.to_owned(), value.to_owned())).collect()
}
