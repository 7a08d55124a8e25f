//! The manifests in `deploy`, checked without a cluster.

use super::health_oracle;
use super::tools::{OVERLAYS, flags_on_the_page, kustomized, manifests, manifests_in, only, path_from, script};
use crate::docs::markdown::Page;
use cloud_policy::api::crds;
use cloud_policy_testbed::repository;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// The files that `hack/manifests.sh` writes.
const GENERATED: [&str; 6] = [
    "install.yaml",
    "argocd/argocd-cm.yaml",
    "components/monitoring/dashboard.yaml",
    "components/monitoring/monitors.yaml",
    "components/monitoring/prometheusrule.yaml",
    "components/network-policy/networkpolicy.yaml",
];

#[test]
fn committed_manifests_match_kustomize_output() {
    let folder = tempfile::tempdir().unwrap();
    script("hack/manifests.sh", &[&folder.path().display().to_string()]);
    for name in GENERATED {
        let made = fs::read_to_string(folder.path().join(name)).unwrap();
        let committed = fs::read_to_string(repository().join("deploy").join(name)).unwrap();
        assert!(made == committed, "deploy/{name} is out of date: make manifests");
    }
}

#[test]
fn argo_cd_settings_use_tested_scripts() {
    let settings = manifests_in("deploy/argocd/argocd-cm.yaml");
    let shipped = only(&settings, "ConfigMap")["data"].as_object().unwrap();
    let mut expected = BTreeMap::new();
    for (topic, file) in [("health", "health.lua"), ("actions", "actions.yaml")] {
        let text = fs::read_to_string(repository().join("deploy/argocd").join(file)).unwrap();
        for CustomResourceDefinition { spec, .. } in crds::all() {
            let key = format!("resource.customizations.{topic}.cloudpolicy.dev_{}", spec.names.kind);
            expected.insert(key, Value::String(text.clone()));
        }
    }
    let shipped: BTreeMap<String, Value> = shipped.clone().into_iter().collect();
    assert_eq!(shipped, expected);
}

#[tokio::test]
async fn overlay_runs_current_version_with_known_flags() {
    for overlay in OVERLAYS {
        let manifests = kustomized(&format!("deploy/overlays/{overlay}")).await;
        let container = &only(&manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        let image = container["image"].as_str().unwrap();
        assert!(image.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))), "{overlay}: {image}");
        assert_known(&arguments(&manifests));
    }
}

/// Returns the arguments of the operator's Deployment.
fn arguments(manifests: &[Value]) -> Vec<String> {
    let container = &only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    serde_json::from_value(container["args"].clone()).unwrap()
}

/// Asserts that the program accepts these arguments.
fn assert_known(arguments: &[String]) {
    let mut operator = Command::new(env!("CARGO_BIN_EXE_cloud-policy"));
    let output = operator.args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn namespaced_overlay_has_no_cluster_role() {
    let manifests = kustomized("deploy/overlays/namespaced").await;
    let kinds: Vec<&str> = manifests.iter().filter_map(|manifest| manifest["kind"].as_str()).collect();
    assert!(!kinds.iter().any(|kind| kind.starts_with("ClusterRole")), "{kinds:?}");
    let roles = manifests.iter().filter(|manifest| manifest["kind"] == "Role");
    let secrets =
        roles.flat_map(|role| role["rules"].as_array().unwrap()).filter(|rule| rule["resources"][0] == "secrets");
    assert_eq!(secrets.map(|rule| rule["verbs"].to_string()).collect::<Vec<_>>(), [r#"["get"]"#]);
}

#[test]
fn namespaced_overlay_has_documented_role() {
    let fences = Page::read("docs/operator-flags.md").fences;
    let shown: Vec<Value> = fences.iter().filter(|f| f.language == "yaml").flat_map(|f| manifests(&f.body)).collect();
    let shipped = manifests_in("deploy/overlays/namespaced/watched/rbac.yaml");
    assert_eq!(only(&shipped, "Role")["rules"], only(&shown, "Role")["rules"]);
}

#[tokio::test]
async fn ha_overlay_spreads_replicas_and_limits_disruption() {
    let (one, two) = (kustomized("deploy/overlays/default").await, kustomized("deploy/overlays/ha").await);
    assert_eq!(only(&one, "Deployment")["spec"]["replicas"], 1);
    let deployment = only(&two, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 2);
    let selector = &deployment["spec"]["selector"];
    let budget = only(&two, "PodDisruptionBudget");
    assert_eq!(&budget["spec"]["selector"], selector);
    assert_eq!(&deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"], selector);
    assert_eq!(&only(&two, "Service")["spec"]["selector"], &selector["matchLabels"]);
}

/// Argo CD and Flux put the patches into a kustomization around the path, and so does this test.
#[tokio::test]
async fn gitops_page_patch_adds_known_flags() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().canonicalize().unwrap();
    let mut kustomization = flags_on_the_page();
    kustomization["resources"] = json!([path_from(&place, "deploy/overlays/default")]);
    fs::write(place.join("kustomization.yaml"), kustomization.to_string()).unwrap();
    let made = kustomized(&place.display().to_string()).await;
    let [with, without] = [made, kustomized("deploy/overlays/default").await].map(|all| arguments(&all));
    assert_eq!(with[without.len()..], ["--allowed-hosts=spaceone.example.com", "--tenant-namespaces=team-a"]);
    assert_known(&with);
}

#[test]
fn flux_manifest_can_be_parsed_by_flux() {
    for name in ["operator", "operator-helm", "connections", "policies"] {
        let text = fs::read_to_string(repository().join(format!("deploy/flux/{name}.yaml"))).unwrap();
        health_oracle::flux(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let misspelled = text.replace("interval:", "intervall:");
        assert!(health_oracle::flux(&misspelled).is_err(), "a misspelled field in {name} is accepted");
    }
}

#[test]
fn gitops_page_shows_only_shipped_manifests() {
    let folders = ["argocd", "flux", "gitops/connections", "gitops/policies"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(repository().join("deploy").join(folder)).unwrap());
    let yaml = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let shipped: Vec<Value> = yaml.flat_map(|path| manifests(&fs::read_to_string(path).unwrap())).collect();
    let fences = Page::read("docs/tasks/gitops.md").fences;
    let is_manifest = |body: &str| body.trim_start().starts_with("apiVersion:");
    let shown: Vec<_> = fences.iter().filter(|f| f.language.starts_with("yaml") && is_manifest(&f.body)).collect();
    assert!(shown.len() >= 3, "expected at least 3 manifests");
    for fence in shown {
        for manifest in manifests(&fence.body) {
            assert!(shipped.contains(&manifest), "{}: {manifest} is not in deploy", fence.place);
        }
    }
}
