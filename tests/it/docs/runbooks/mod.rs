//! The pages of the alerts and of the reasons, followed while the situation of the page exists: every command
//! of every page succeeds and prints something.
//!
//! The operator is the program that the Deployment of `deploy` runs. There is no kubelet that returns its log
//! or runs a command in its pod, so `kubectl logs` and `kubectl exec` are replaced: the real command runs first
//! and must find the pod, then the test does the work of the kubelet.

mod runbook_setup;

use super::walkthrough::page::{ReaderAction, Step, steps};
use super::walkthrough::shell::Shell;
use crate::support::fake_kubelet::FakeKubelet;
use crate::support::installation::{Installation, OWN, TENANT};
use cloud_policy_testbed::{repository, wait_for};
use kube::api::PostParams;
use runbook_setup::RunbookSetup;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// The pages, in an order in which no page breaks the situation of a later one.
const PAGES: [&str; 16] = [
    "operator-absent",
    "operator-not-leading",
    "objects-not-ready",
    "objects-stalled",
    "most-objects-not-ready",
    "connection-not-ready",
    "drift-reported",
    "drift-fight",
    "access-wider",
    "orphan-left",
    "quota-near",
    "throttled",
    "deletions-held",
    REASONS,
    "reconciles-fail",
    "objects-unreadable",
];
/// The page of the reasons. All others are pages of alerts.
const REASONS: &str = "../reasons";
/// No action from outside makes the operator panic.
const NOT_FOLLOWED: &str = "panic";

/// Names in a page, and the object of the setup that replaces each.
const STAND_INS: [(&str, &str, &str); 5] = [
    ("objects-stalled", "server-viewer", "refused"),
    ("connection-not-ready", "connections.cloudpolicy.dev ncloud", "connections.cloudpolicy.dev revoked"),
    ("drift-reported", "server-viewer", "reported"),
    ("drift-fight", "server-viewer", "fought"),
    ("access-wider", "server-viewer", "widened"),
];

/// Arguments that an overlay would add. Two deletions within the window count as many here.
const ARGUMENTS: [&str; 6] = [
    "--tenant-namespaces=team-a",
    "--allowed-hosts=127.0.0.1",
    "--allow-private-addresses",
    "--allow-http",
    "--connection-interval-seconds=2",
    "--delete-limit=2",
];

/// How long a command may take to show something.
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runbook_commands_succeed_in_the_situation_of_the_page() {
    let installation = Installation::new().await;
    deploy(&installation).await;
    let kubelet = FakeKubelet::start(&installation.control_plane);
    let programs = kubectl(&installation, &kubelet.log().await);
    let setup = RunbookSetup::new(&installation).await;
    for page in PAGES {
        setup.prepare(page).await;
        let replacements =
            STAND_INS.iter().filter(|(on, ..)| *on == page).map(|(_, word, other)| (*word, (*other).to_owned()));
        let mut shell = Shell::new(&installation.control_plane, replacements.collect());
        shell.prefer(programs.path());
        for Step { action, place } in steps(&format!("docs/alerts/{page}.md")) {
            match action {
                ReaderAction::Run { script, .. } => follow(&shell, &place, &script).await,
                ReaderAction::Meanwhile(what) => setup.wait_for(&what).await,
                ReaderAction::Save { .. } => panic!("{place}: a page of an alert saves no file"),
            }
        }
    }
    kubelet.stop().await.unwrap();
}

#[test]
fn every_alert_page_is_followed() {
    let known = PAGES.into_iter().chain([NOT_FOLLOWED]).filter(|page| *page != REASONS);
    let known: BTreeSet<String> = known.map(|page| format!("{page}.md")).collect();
    let files = fs::read_dir(repository().join("docs/alerts")).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known);
}

/// Applies the Deployment of `deploy`, its pod as the controller of Deployments would create it, and one object
/// of each kind that makes Prometheus scrape it.
async fn deploy(installation: &Installation) {
    let path = |name: &str| repository().join(name).display().to_string();
    let kubectl = |arguments: &[&str]| installation.control_plane.run_kubectl(arguments).unwrap();
    kubectl(&["apply", "--server-side", "-f", &path("tests/it/packaging/chart/monitoring.yaml")]);
    kubectl(&["apply", "--validate=strict", "-k", &path("deploy/operator")]);
    let more: Vec<Value> = ARGUMENTS
        .iter()
        .map(|argument| json!({ "op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": argument }))
        .collect();
    let more = Value::from(more).to_string();
    kubectl(&["patch", "deployment", "cloud-policy-operator", "--namespace", OWN, "--type=json", "--patch", &more]);
    let deployments = installation.api("apps/v1", "Deployment", Some(OWN));
    let template = deployments.get("cloud-policy-operator").await.unwrap().data["spec"]["template"].clone();
    let mut pod =
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"] });
    pod["metadata"]["name"] = json!("cloud-policy-operator-0");
    let pods = installation.api("v1", "Pod", Some(OWN));
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let labels = json!({ "app.kubernetes.io/name": "cloud-policy-operator" });
    let watched = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": { "name": "cloud-policy-operator" },
        "spec": { "selector": { "matchLabels": labels }, "endpoints": [{ "port": "http" }] },
    });
    let monitors = installation.api("monitoring.coreos.com/v1", "ServiceMonitor", Some(OWN));
    let served = || async {
        Ok(monitors.create(&PostParams::default(), &serde_json::from_value(watched.clone())?).await.map(drop)?)
    };
    wait_for("the kinds of the Prometheus operator", LIMIT, served).await.unwrap();
}

/// Writes a `kubectl` that does the work of the kubelet after the real one has found the pod. Returns its folder.
fn kubectl(installation: &Installation, log: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let real = installation.control_plane.kubectl().display();
    let text = format!(
        r#"#!/bin/bash
case $1 in
logs) '{real}' "$@" && exec cat '{log}' ;; # It prints nothing for a pod without a node.
exec)
    if output=$('{real}' "$@" 2>&1) || [[ $output != *"does not have a host assigned"* ]]; then
        printf '%s\n' "$output" >&2
        exit 1
    fi
    while [[ $1 != -- ]]; do shift; done
    if [[ $2 != /cloud-policy ]]; then exit 127; fi
    exec '{program}' "${{@:3}}"
    ;;
*) exec '{real}' "$@" ;;
esac
"#,
        log = log.display(),
        program = env!("CARGO_BIN_EXE_cloud-policy")
    );
    let file = folder.path().join("kubectl");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Runs each command of a script. Repeats a command that only reads until it prints something.
async fn follow(shell: &Shell, place: &str, script: &str) {
    for command in script.replace("|\n", "|").lines().filter(|line| !line.trim().is_empty()) {
        // `kubectl diff` exits with 1 when there is a difference, which the page expects.
        let allowed = if command.contains("kubectl diff") { " || [[ $? == 1 ]]" } else { "" };
        let attempt = || async {
            let printed = shell.run(&format!("{command}{allowed}")).await?;
            anyhow::ensure!(!printed.trim().is_empty(), "it prints nothing");
            Ok(())
        };
        let limit = if command.contains("kubectl annotate") { Duration::ZERO } else { LIMIT };
        let done = if limit.is_zero() { attempt().await } else { wait_for("output", limit, attempt).await };
        done.unwrap_or_else(|error| panic!("{place}: {command}\n{error:#}"));
    }
}

#[test]
fn replaced_name_is_on_the_page() {
    for (page, word, _) in STAND_INS {
        let text = fs::read_to_string(repository().join(format!("docs/alerts/{page}.md"))).unwrap();
        assert!(text.contains(word) && PAGES.contains(&page), "{page}: {word}");
    }
    assert_eq!(ARGUMENTS[0], format!("--tenant-namespaces={TENANT}"));
}
