//! The manifests of `deploy`, on a control plane of their own: they are taken whole, by the strictest rules that there
//! are for them, and what was applied stays as it was written.

use super::health_oracle::built;
use super::scenario::verdict;
use super::tools::{OVERLAYS, flags_on_the_page, kustomized, manifests_in, only, path};
use crate::support::fake_kubelet::FakeKubelet;
use crate::support::installation::{Installation, OWN, TENANT, secret};
use cloud_policy_testbed::wait_for;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_mins(1);
/// As `kubectl apply` is asked to judge and to write nothing.
const DRY: [&str; 4] = ["apply", "--server-side", "--dry-run=server", "--validate=strict"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_manifest_that_we_ship_is_taken_as_it_stands() {
    let installation = Installation::empty().await;
    let folder = tempfile::tempdir().unwrap();
    kubectl(&installation, &["create", "namespace", TENANT]).unwrap();
    let install = path("deploy/install.yaml");
    kubectl(&installation, &["apply", "--server-side", "--validate=strict", "-f", &install]).unwrap();
    for overlay in OVERLAYS {
        let overlay = path(&format!("deploy/overlays/{overlay}"));
        kubectl(&installation, &[&DRY[..], &["-k", &overlay]].concat()).unwrap();
    }
    pods_pass_the_restricted_rules(&installation, folder.path()).await;
    settings_of_argo_cd_stay(&installation);
    argo_cd_and_flux_take_theirs(&installation, folder.path());
    what_the_samples_name_is_ready_and_shows_no_difference(&installation, folder.path()).await;
}

/// The operator's own namespace enforces Pod Security `restricted`.
async fn pods_pass_the_restricted_rules(installation: &Installation, folder: &Path) {
    for overlay in OVERLAYS {
        let manifests = kustomized(&format!("deploy/overlays/{overlay}")).await;
        let template = &only(&manifests, "Deployment")["spec"]["template"];
        let mut pod =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"] });
        pod["metadata"]["name"] = json!("operator");
        pod["metadata"]["namespace"] = json!(OWN);
        taken(installation, folder, std::slice::from_ref(&pod)).unwrap();
        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refusal = taken(installation, folder, &[pod]).unwrap_err().to_string();
        assert!(refusal.contains("violates PodSecurity \"restricted"), "{refusal}");
    }
}

/// What stands in Argo CD's settings already is left alone.
fn settings_of_argo_cd_stay(installation: &Installation) {
    let settings = path("deploy/argocd/argocd-cm.yaml");
    kubectl(installation, &["create", "namespace", "argocd"]).unwrap();
    let before = ["create", "configmap", "argocd-cm", "-n", "argocd", "--from-literal=url=https://argocd.example.com"];
    kubectl(installation, &before).unwrap();
    kubectl(installation, &["apply", "--server-side", "-f", &settings]).unwrap();
    let seen = kubectl(installation, &["get", "configmap", "argocd-cm", "-n", "argocd", "-o", "json"]).unwrap();
    let seen: Value = serde_json::from_str(&seen).unwrap();
    assert_eq!(seen["data"].as_object().unwrap().len(), 5, "the url, and a script for each kind");
    assert_eq!(seen["metadata"]["labels"]["app.kubernetes.io/part-of"], "argocd");
}

/// By the CRDs that Argo CD and Flux install. There is none of `HelmRelease`: see `flux_itself_can_read_its_manifests`.
fn argo_cd_and_flux_take_theirs(installation: &Installation, folder: &Path) {
    let crds = built().join("crds").display().to_string();
    kubectl(installation, &["apply", "--server-side", "-f", &crds]).unwrap();
    kubectl(installation, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).unwrap();
    kubectl(installation, &["create", "namespace", "flux-system"]).unwrap();
    let all =
        ["argocd", "flux"].map(|tool| ["operator", "operator-helm", "connections", "policies"].map(|n| (tool, n)));
    for (tool, name) in all.concat() {
        let mut manifests = manifests_in(&format!("deploy/{tool}/{name}.yaml"));
        manifests.retain(|manifest| manifest["kind"] != "HelmRelease");
        taken(installation, folder, &manifests).unwrap_or_else(|error| panic!("{tool}/{name}: {error:#}"));
        manifests[0]["spec"]["intervall"] = json!("5m");
        assert!(taken(installation, folder, &manifests).is_err(), "a slip of the pen in {tool}/{name} goes unnoticed");
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
        taken(installation, folder, &[manifest]).unwrap_or_else(|error| panic!("{name} with flags: {error:#}"));
    }
}

/// With the operator as it was installed, by `deploy/install.yaml`, in a pod with the rights of its account. What the
/// samples name is applied as both tools do it; once it is ready, applying it again would change nothing.
async fn what_the_samples_name_is_ready_and_shows_no_difference(installation: &Installation, folder: &Path) {
    let (access, key) = (installation.ncloud.access_key(), installation.ncloud.secret_key());
    let keys = json!({ "accessKey": access, "secretKey": key });
    installation.apply(Some(OWN), secret("ncloud-credentials", &keys)).await;
    let mut sample = named_by_the_samples(installation).await;
    let file = list(folder, &sample);
    let kubelet = FakeKubelet::start(&installation.control_plane);
    let manager = "--field-manager=argocd-controller";
    kubectl(installation, &["apply", "--server-side", manager, "-f", &file]).unwrap();
    for (kind, name) in [("ClusterConnection", "ncloud"), ("Policy", "server-viewer")] {
        wait_for(&format!("{kind} {name}"), LIMIT, || async {
            let said = verdict(installation, kind, name).await;
            anyhow::ensure!(said.pair() == ("Healthy", "Current"), "{said:?}");
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

/// The objects below the paths in the samples, the same for both tools. The operator's own are there already; it and the
/// connection are led to the simulator, which no installation allows as it stands.
async fn named_by_the_samples(installation: &Installation) -> Vec<Value> {
    let [argo, flux] = [("argocd", "/spec/source/path"), ("flux", "/spec/path")].map(|(tool, place)| {
        ["operator", "connections", "policies"].map(|name| {
            let manifests = manifests_in(&format!("deploy/{tool}/{name}.yaml"));
            let path = manifests.iter().find_map(|manifest| manifest.pointer(place)).unwrap().as_str().unwrap();
            path.trim_start_matches("./").to_owned()
        })
    });
    assert_eq!(argo, flux);
    let [operator, connections, policies] = argo;
    assert_eq!(operator, "deploy/overlays/default", "of which deploy/install.yaml is made");
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

/// Whether the API server takes these, and else its words.
fn taken(installation: &Installation, folder: &Path, manifests: &[Value]) -> anyhow::Result<()> {
    kubectl(installation, &[&DRY[..], &["-f", &list(folder, manifests)]].concat()).map(drop)
}

/// Writes manifests into a file.
fn list(folder: &Path, manifests: &[Value]) -> String {
    let file = folder.join("list.json");
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": manifests });
    fs::write(&file, list.to_string()).unwrap();
    file.display().to_string()
}

fn kubectl(installation: &Installation, arguments: &[&str]) -> anyhow::Result<String> {
    installation.control_plane.run_kubectl(arguments)
}
