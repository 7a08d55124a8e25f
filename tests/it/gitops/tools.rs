//! What the tests of manifests share.

use crate::docs::markdown::Page;
use crate::support;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::process::{Command, Stdio};

/// Every overlay of the operator.
pub const OVERLAYS: [&str; 3] = ["default", "ha", "namespaced"];

/// The path of something in the repository.
pub fn path(name: &str) -> String {
    repository().join(name).display().to_string()
}

/// Every manifest of a text.
pub fn manifests(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Every manifest of a file.
pub fn manifests_in(name: &str) -> Vec<Value> {
    manifests(&std::fs::read_to_string(repository().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// What kustomize makes of a folder.
pub async fn kustomized(folder: &str) -> Vec<Value> {
    let control_plane = support::control_plane().await;
    manifests(&control_plane.run_kubectl(&["kustomize", &path(folder)]).unwrap())
}

/// The only manifest of this kind.
pub fn only<'a>(manifests: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<&Value> = manifests.iter().filter(|manifest| manifest["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The patch on the page about GitOps that gives the operator flags.
pub fn flags_on_the_page() -> Value {
    let fences = Page::read("docs/tasks/gitops.md").fences;
    let mut found = fences.iter().filter(|fence| fence.body.starts_with("patches:"));
    let patch = found.next().expect("a block with patches");
    assert!(found.next().is_none(), "two blocks with patches");
    manifests(&patch.body).remove(0)
}

/// Runs a script of the repository and answers what it printed.
pub fn script(name: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(repository().join(name));
    let output = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{name} failed; it said why above");
    String::from_utf8(output.stdout).unwrap()
}
