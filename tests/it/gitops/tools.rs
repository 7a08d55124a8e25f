//! Helpers for the tests of manifests.

use crate::docs::markdown::Page;
use crate::support;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every overlay of the operator.
pub const OVERLAYS: [&str; 3] = ["default", "ha", "namespaced"];

/// Returns the path of a file in the repository.
pub fn path(name: &str) -> String {
    repository().join(name).display().to_string()
}

/// Returns the path of a file in the repository as a kustomization in this folder names it: kustomize refuses absolute paths.
pub fn path_from(folder: &Path, name: &str) -> String {
    let up = "../".repeat(folder.canonicalize().unwrap().components().count() - 1);
    format!("{up}{}", path(name).trim_start_matches('/'))
}

/// Parses all manifests of a text.
pub fn manifests(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Parses all manifests of a file.
pub fn manifests_in(name: &str) -> Vec<Value> {
    manifests(&std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// Renders a folder with kustomize.
pub async fn kustomized(folder: &str) -> Vec<Value> {
    let control_plane = support::control_plane().await;
    manifests(&control_plane.run_kubectl(&["kustomize", &path(folder)]).unwrap())
}

/// Returns the only manifest of this kind.
pub fn only<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = manifests.iter().filter(|manifest| manifest["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// Returns the patch on the GitOps page that adds flags to the operator.
pub fn flags_on_the_page() -> Value {
    let fences = Page::read("docs/tasks/gitops.md").fences;
    let mut found = fences.iter().filter(|fence| fence.body.starts_with("patches:"));
    let patch = found.next().expect("a block with patches");
    assert!(found.next().is_none(), "two blocks with patches");
    manifests(&patch.body).remove(0)
}

/// The overlay with components on the installation page, in a folder of its own.
pub struct OverlayOnPage(tempfile::TempDir);

impl OverlayOnPage {
    pub fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fences = Page::read("docs/tasks/install.md").fences;
        let shown = fences.iter().find(|fence| fence.body.contains("components:")).expect("a block with components");
        let deploy = path_from(folder.path(), "deploy");
        let text = shown.body.replace("../../components", &format!("{deploy}/components"));
        let text = text.replace("../default", &format!("{deploy}/overlays/default"));
        std::fs::write(folder.path().join("kustomization.yaml"), text).unwrap();
        Self(folder)
    }

    pub fn folder(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

/// Runs a script of the repository and returns its output.
pub fn script(name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(repository().join(name));
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{name} failed; see its output above");
    String::from_utf8(output.stdout).unwrap()
}
