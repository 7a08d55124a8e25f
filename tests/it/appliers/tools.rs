//! The tools that apply manifests, as users run them.

use crate::gitops::health_oracle;
use crate::support;
use cloud_policy_testbed::ControlPlane;
use serde_json::{Value, json};
use std::io::Write;

/// A tool that applies manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applier {
    /// `kubectl apply`. Argo CD does the same by default.
    ClientSide,
    /// `kubectl apply --server-side`.
    ServerSide,
    /// `kubectl apply --server-side --force-conflicts`.
    Forced,
    /// Argo CD with `ServerSideApply=true`.
    ArgoCd,
    /// Flux's kustomize-controller, by its own library.
    Flux,
}

/// Applies manifests and edits in one namespace.
pub struct Tools {
    control_plane: &'static ControlPlane,
    namespace: String,
}

impl Tools {
    pub async fn of(namespace: &str) -> Self {
        Self { control_plane: support::control_plane().await, namespace: namespace.to_owned() }
    }

    /// Applies a manifest. Returns the output, or the refusal.
    pub fn apply(&self, applier: Applier, manifest: &Value) -> anyhow::Result<String> {
        let file = self.file(manifest);
        let path = file.path().display().to_string();
        let kubectl = |arguments: &[&str]| self.kubectl(&[&["apply", "-f", &path], arguments].concat());
        match applier {
            Applier::ClientSide => kubectl(&[]),
            Applier::ServerSide => kubectl(&["--server-side"]),
            Applier::Forced => kubectl(&["--server-side", "--force-conflicts"]),
            Applier::ArgoCd => kubectl(&["--server-side", "--force-conflicts", "--field-manager=argocd-controller"]),
            Applier::Flux => health_oracle::apply_as_flux(self.control_plane.kubeconfig(), &self.placed(manifest)),
        }
    }

    /// Applies a manifest on the server side as another field manager.
    pub fn apply_as(&self, manager: &str, manifest: &Value) -> anyhow::Result<String> {
        let file = self.file(manifest);
        let (path, manager) = (file.path().display().to_string(), format!("--field-manager={manager}"));
        self.kubectl(&["apply", "--server-side", "--force-conflicts", &manager, "-f", &path])
    }

    /// Changes a part of an object with `kubectl patch`.
    pub fn patch(&self, manifest: &Value, patch: &Value) -> anyhow::Result<String> {
        self.kubectl(&["patch", &object(manifest), "--type=merge", "-p", &patch.to_string()])
    }

    /// Changes an object with `kubectl edit`; `sed` is the editor.
    pub fn edit(&self, manifest: &Value, script: &str) -> anyhow::Result<String> {
        let mut kubectl = self.control_plane.kubectl_command();
        kubectl.args(["edit", &object(manifest), "-n", &self.namespace]);
        let output = kubectl.env("KUBE_EDITOR", format!("sed -i -e '{script}'")).output()?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Returns the object as it is stored.
    pub fn stored(&self, manifest: &Value) -> Value {
        serde_json::from_str(&self.kubectl(&["get", &object(manifest), "-o", "json"]).unwrap()).unwrap()
    }

    pub fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.control_plane.run_kubectl(&[arguments, &["-n", &self.namespace]].concat())
    }

    fn placed(&self, manifest: &Value) -> Value {
        let mut manifest = manifest.clone();
        if manifest["kind"] != "ClusterConnection" {
            manifest["metadata"]["namespace"] = json!(self.namespace);
        }
        manifest
    }

    fn file(&self, manifest: &Value) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        file.write_all(self.placed(manifest).to_string().as_bytes()).unwrap();
        file
    }
}

/// Returns the object of a manifest as an argument of kubectl.
fn object(manifest: &Value) -> String {
    let plural = match manifest["kind"].as_str().unwrap() {
        "Policy" => "policies.cloudpolicy.dev",
        "NetworkPolicy" => "networkpolicies.cloudpolicy.dev",
        "Connection" => "connections.cloudpolicy.dev",
        "ClusterConnection" => "clusterconnections.cloudpolicy.dev",
        other => panic!("{other}"),
    };
    format!("{plural}/{}", manifest["metadata"]["name"].as_str().unwrap())
}
