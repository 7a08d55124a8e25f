//! Commands and values that users type or copy: the task pages of the chart, its README and its notes.

use super::helm::{Helm, object};
use super::{place, text};
use crate::support;
use cloud_policy_testbed::{TestNamespace, repository};
use std::fs;

/// The pages whose commands the lifecycle test runs.
pub const PAGES: [&str; 3] = ["install", "upgrade", "uninstall"];

/// Returns the headings of a task page that have commands below them.
pub fn headings(page: &str) -> Vec<String> {
    fences(&task(page), "sh").into_iter().map(|(heading, _)| heading).collect()
}

/// Returns the commands below a heading of a task page.
pub fn commands(page: &str, heading: &str) -> String {
    let all = fences(&task(page), "sh").into_iter().filter(|(above, _)| above == heading);
    let commands: Vec<String> = all.map(|(_, commands)| commands).collect();
    assert!(!commands.is_empty(), "{page} has no commands below `{heading}`");
    commands.concat()
}

fn task(page: &str) -> String {
    fs::read_to_string(repository().join(format!("docs/tasks/{page}.md"))).unwrap()
}

/// Returns the fenced blocks of a language, each with the heading above it.
fn fences(page: &str, language: &str) -> Vec<(String, String)> {
    let (mut heading, mut open, mut found) = (String::new(), None, Vec::new());
    for line in page.lines() {
        if let Some(opened) = line.strip_prefix("```") {
            match open.take() {
                None => open = Some((opened.split(',').next() == Some(language), String::new())),
                Some((wanted, body)) if wanted => found.push((heading.clone(), body)),
                Some(_) => {}
            }
        } else if let Some((_, body)) = &mut open {
            *body = format!("{body}{line}\n");
        } else if line.starts_with('#') {
            line.trim_start_matches('#').trim().clone_into(&mut heading);
        }
    }
    found
}

#[tokio::test]
async fn documented_values_are_accepted() {
    let helm = Helm::of("4", None);
    let mut shown = [fences(&text("README.md"), "yaml"), fences(&task("install"), "yaml")].concat();
    shown.retain(|(_, body)| !body.contains("kind: Kustomization"));
    assert!(shown.len() >= 3, "{shown:?}");
    for (heading, values) in shown {
        let file = helm.directory().join("shown.yaml");
        fs::write(&file, values).unwrap();
        let made = helm.template(&format!("x --values '{}'", file.display())).await;
        made.unwrap_or_else(|error| panic!("below `{heading}`: {error}"));
    }
}

/// The SCC `restricted-v2` of `OpenShift` chooses the ids, and refuses others.
#[tokio::test]
async fn openshift_values_set_no_user_or_group() {
    let shown = fences(&text("README.md"), "yaml");
    let (_, values) = shown.iter().find(|(heading, _)| heading == "OpenShift").expect("values for OpenShift");
    for helm in Helm::both() {
        fs::write(helm.directory().join("shown.yaml"), values).unwrap();
        let made = helm.template("cloud-policy-operator --values shown.yaml").await.unwrap();
        let pod = &object(&made, "Deployment", "cloud-policy-operator")["spec"]["template"]["spec"];
        let left = serde_json::json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
        assert_eq!(pod["securityContext"], left, "Helm {}", helm.major);
        let container = pod["containers"][0]["securityContext"].as_object().unwrap();
        assert!(!container.keys().any(|key| key.starts_with("runAs")), "{container:?}");
    }
}

/// Runs the commands of the notes as a user would, but as dry runs: no operator of another test may
/// call a real gateway.
#[tokio::test]
async fn notes_commands_succeed_as_dry_run() {
    let control_plane = support::control_plane().await;
    let namespace = TestNamespace::create(&support::client().await, "notes").await.unwrap();
    let name = namespace.name();
    let scope = format!("--set scope.namespaces={{{name}}},operator.clusterId=one");
    for (major, values, kind) in [("3", "", "ClusterConnection"), ("4", scope.as_str(), "Connection")] {
        let helm = Helm::of(major, Some(control_plane.kubeconfig()));
        let chart = place("").display().to_string();
        let install = format!(
            "helm install notes '{chart}' --dry-run=client --set crds.enabled=false --namespace {name} {values}"
        );
        let said = helm.run(&install).await.unwrap();
        let (_, notes) = said.split_once("\nNOTES:\n").unwrap();
        let commands: Vec<&str> = notes.split("\n\n").filter(|paragraph| paragraph.starts_with("kubectl ")).collect();
        assert_eq!(commands.len(), 4, "{notes}");
        assert!(commands[0].starts_with("kubectl rollout status deployment/notes-cloud-policy-operator"), "{notes}");
        assert!(commands[2].contains(&format!("\nkind: {kind}\n")), "{notes}");
        let dry_run = "kubectl() { case $1 in create | apply) command kubectl \"$@\" --dry-run=server ;; *) command kubectl \"$@\" ;; esac; }";
        helm.run(&format!("{dry_run}\n{}", commands[1..].join("\n"))).await.unwrap();
    }
}

#[tokio::test]
async fn notes_mention_next_step_and_uninstall_order() {
    let helm = Helm::of("4", None);
    let connection = "--set connections[0].name=a --set-json 'connections[0].spec={}'";
    let install = format!("helm install x '{}' --dry-run=client", place("").display());
    for (values, said, unsaid) in [
        ("", "Uninstalling deletes nothing upstream. The CustomResourceDefinitions and all", "ONE MORE STEP"),
        (connection, "ONE MORE STEP. The ClusterConnections of `connections` do not exist yet", "BEFORE"),
        ("--set crds.keep=false", "delete all policy objects BEFORE you uninstall", "ONE MORE STEP"),
    ] {
        let notes = helm.run(&format!("{install} {values}")).await.unwrap();
        assert!(notes.contains(said) && !notes.contains(unsaid), "{values}: {notes}");
    }
}
