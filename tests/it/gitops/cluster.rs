//! The manifests in `deploy`, on a control plane of their own: the API server accepts them under strict
//! validation, and applied objects show no difference.

use super::health_oracle::built;
use super::scenario::health;
use super::tools::{OVERLAYS, OverlayOnPage, flags_on_the_page, kustomized, manifests_in, only, path};
use crate::support::fake_kubelet::FakeKubelet;
use crate::support::installation::{Installation, OWN, TENANT, secret};
use cloud_policy_testbed::wait_for;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(3);
/// The arguments of `kubectl apply` for a strict dry run.
const DRY: [&str; 4] = ["apply", "--server-side", "--dry-run=server", "--validate=strict"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shipped_manifests_are_accepted_by_api_server() {
    let installation = Installation::empty().await;
    let folder = tempfile::tempdir().unwrap();
    kubectl(&installation, &["create", "namespace", TENANT]).unwrap();
    let install = path("deploy/install.yaml");
    kubectl(&installation, &["apply", "--server-side", "--validate=strict", "-f", &install]).unwrap();
    for overlay in OVERLAYS {
        let overlay = path(&format!("deploy/overlays/{overlay}"));
        kubectl(&installation, &[&DRY[..], &["-k", &overlay]].concat()).unwrap();
    }
    assert_components_combine(&installation);
    assert_pods_are_restricted(&installation, folder.path()).await;
    assert_argo_cd_settings_stay(&installation);
    assert_crds_accept_manifests(&installation, folder.path());
    assert_samples_are_ready(&installation, folder.path()).await;
}

/// The overlay on the page has every component.
fn assert_components_combine(installation: &Installation) {
    let kinds = path("tests/it/packaging/chart/monitoring.yaml");
    kubectl(installation, &["apply", "--server-side", "-f", &kinds]).unwrap();
    kubectl(installation, &["wait", "--for=condition=Established", "-f", &kinds]).unwrap();
    let overlay = OverlayOnPage::write();
    let said = kubectl(installation, &[&DRY[..], &["-k", overlay.folder()]].concat()).unwrap();
    let monitoring =
        ["servicemonitor.monitoring", "prometheusrule.monitoring", "configmap/cloud-policy-operator-dashboard"];
    for part in ["poddisruptionbudget", "networkpolicy.networking.k8s.io"].iter().chain(&monitoring) {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// The operator's own namespace enforces Pod Security `restricted`.
async fn assert_pods_are_restricted(installation: &Installation, folder: &Path) {
    for overlay in OVERLAYS {
        let manifests = kustomized(&format!("deploy/overlays/{overlay}")).await;
        let template = &only(&manifests, "Deployment")["spec"]["template"];
        let mut pod =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"] });
        pod["metadata"]["name"] = json!("operator");
        pod["metadata"]["namespace"] = json!(OWN);
        validate(installation, folder, std::slice::from_ref(&pod)).unwrap();
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refusal = validate(installation, folder, &[pod]).unwrap_err().to_string();
        assert!(refusal.contains("violates PodSecurity \"restricted"), "{refusal}");
    }
}

/// Existing settings of Argo CD stay unchanged.
fn assert_argo_cd_settings_stay(installation: &Installation) {
    let settings = path("deploy/argocd/argocd-cm.yaml");
    kubectl(installation, &["create", "namespace", "argocd"]).unwrap();
    let before = ["create", "configmap", "argocd-cm", "-n", "argocd", "--from-literal=url=https://argocd.example.com"];
    kubectl(installation, &before).unwrap();
    kubectl(installation, &["apply", "--server-side", "-f", &settings]).unwrap();
    let seen = kubectl(installation, &["get", "configmap", "argocd-cm", "-n", "argocd", "-o", "json"]).unwrap();
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["data"].as_object().unwrap().len(), 11, "the url, and two scripts for each kind");
    assert_eq!(seen["metadata"]["labels"]["app.kubernetes.io/part-of"], "argocd");
}

/// The CRDs of Argo CD and Flux accept the manifests. There is none for `HelmRelease`: `flux_manifest_can_be_parsed_by_flux` tests it.
fn assert_crds_accept_manifests(installation: &Installation, folder: &Path) {
    let crds = built().join("crds").display().to_string();
    kubectl(installation, &["apply", "--server-side", "-f", &crds]).unwrap();
    kubectl(installation, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).unwrap();
    kubectl(installation, &["create", "namespace", "flux-system"]).unwrap();
    let all =
        ["argocd", "flux"].map(|tool| ["operator", "operator-helm", "connections", "policies"].map(|n| (tool, n)));
    for (tool, name) in all.concat() {
        let mut manifests = manifests_in(&format!("deploy/{tool}/{name}.yaml"));
        manifests.retain(|manifest| manifest["kind"] != "HelmRelease");
        validate(installation, folder, &manifests).unwrap_or_else(|error| panic!("{tool}/{name}: {error:#}"));
        manifests[0]["spec"]["intervall"] = json!("5m");
        assert!(validate(installation, folder, &manifests).is_err(), "a misspelled field in {tool}/{name} is accepted");
    }
    for (name, kind, place) in
        [("argocd/operator", "Application", "/spec/source"), ("flux/operator", "Kustomization", "")]
    {
        let mut manifest = only(&manifests_in(&format!("deploy/{name}.yaml")), kind).clone();
        let flags = flags_on_the_page();
        match manifest.pointer_mut(place).unwrap() {
            source if kind == "Application" => source["kustomize"] = flags,
            whole => whole["spec"]["patches"] = flags["patches"].clone(),
        }
        validate(installation, folder, &[manifest]).unwrap_or_else(|error| panic!("{name} with flags: {error:#}"));
    }
}

/// Runs the operator of `deploy/install.yaml` with the permissions of its account. Applies the objects of the
/// samples as both tools do. When they are ready, another apply would change nothing.
async fn assert_samples_are_ready(installation: &Installation, folder: &Path) {
    let (access, key) = (installation.ncloud.access_key(), installation.ncloud.secret_key());
    let keys = json!({ "accessKey": access, "secretKey": key });
    installation.apply(Some(OWN), secret("ncloud-credentials", &keys)).await;
    let mut sample = sample_objects(installation).await;
    let file = list(folder, &sample);
    let kubelet = FakeKubelet::start(&installation.control_plane);
    let manager = "--field-manager=argocd-controller";
    kubectl(installation, &["apply", "--server-side", manager, "-f", &file]).unwrap();
    for (kind, name) in [("ClusterConnection", "ncloud"), ("Policy", "server-viewer")] {
        wait_for(&format!("{kind} {name}"), LIMIT, || async {
            let seen = health(installation, kind, name).await;
            anyhow::ensure!(seen.pair() == ("Healthy", "Current"), "{seen:?}");
            Ok(())
        })
        .await
        .unwrap();
    }
    let by_server = ["diff", "--server-side", manager, "-f", &file];
    assert_eq!(kubectl(installation, &by_server).unwrap(), "");
    assert_eq!(kubectl(installation, &["diff", "-f", &file]).unwrap(), "");
    kubelet.stop().await.unwrap();
    sample.retain(|object| object["kind"] == "Policy");
    sample[0]["spec"]["suspend"] = json!(true);
    list(folder, &sample);
    assert!(kubectl(installation, &by_server).unwrap_err().to_string().contains("suspend: true"));
}

/// Returns the objects in the paths of the samples, which are the same for both tools. The operator is installed
/// already. It and the connection get the address of the simulator, which the manifests do not allow.
async fn sample_objects(installation: &Installation) -> Vec<Value> {
    let [argo, flux] = [("argocd", "/spec/source/path"), ("flux", "/spec/path")].map(|(tool, place)| {
        ["operator", "connections", "policies"].map(|name| {
            let manifests = manifests_in(&format!("deploy/{tool}/{name}.yaml"));
            let path = manifests.iter().find_map(|manifest| manifest.pointer(place)).unwrap().as_str().unwrap();
            path.trim_start_matches("./").to_owned()
        })
    });
    assert_eq!(argo, flux);
    let [operator, connections, policies] = argo;
    assert_eq!(operator, "deploy/overlays/default", "the source of deploy/install.yaml");
    let add = |flag: &str| json!({ "op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": flag });
    let flags = ["--allow-http", "--allow-private-addresses", "--allowed-hosts=127.0.0.1"].map(add);
    let patch =
        ["patch", "deployment", "cloud-policy-operator", "-n", OWN, "--type=json", "-p", &json!(flags).to_string()];
    kubectl(installation, &patch).unwrap();
    let mut sample = [kustomized(&connections).await, kustomized(&policies).await].concat();
    for object in sample.iter_mut().filter(|object| object["kind"] == "ClusterConnection") {
        object["spec"]["ncloud"].as_object_mut().unwrap().remove("zone").unwrap();
        object["spec"]["ncloud"]["endpoint"] = json!(installation.ncloud.url());
    }
    sample
}

/// Validates manifests by a dry run.
fn validate(installation: &Installation, folder: &Path, manifests: &[Value]) -> anyhow::Result<()> {
    kubectl(installation, &[&DRY[..], &["-f", &list(folder, manifests)]].concat()).map(drop)
}

/// Writes manifests to a file.
fn list(folder: &Path, manifests: &[Value]) -> String {
    let file = folder.join("list.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
    fs::write(&file, list.to_string()).unwrap();
    file.display().to_string()
}

fn kubectl(installation: &Installation, arguments: &[&str]) -> anyhow::Result<String> {
    installation.control_plane.run_kubectl(arguments)
}
