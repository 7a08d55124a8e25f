//! The pages of the alerts and of the reasons, followed while what they speak of is the case: every command of every
//! page succeeds and shows something.
//!
//! The operator is the program that the Deployment of `deploy` asks for. There is no kubelet to hand
//! out its log or to run something in its pod, so that `kubectl logs` and `kubectl exec` have a
//! stand-in: the real one is asked first and must find the pod; then that is done here which the
//! kubelet would do.

mod runbook_setup;

use super::walk::page::{Deed, Step, steps};
use super::walk::shell::Shell;
use crate::support::fake_kubelet::FakeKubelet;
use crate::support::installation::{Installation, OWN, TENANT};
use cloud_policy_testbed::{repository, wait_for};
use kube::api::PostParams;
use runbook_setup::Scene;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// In an order in which no page spoils what a later one needs.
const PAGES: [&str; 15] = [
    "operator-absent",
    "operator-not-leading",
    "objects-not-ready",
    "objects-stalled",
    "most-objects-not-ready",
    "connection-not-ready",
    "drift-reported",
    "drift-fight",
    "orphan-left",
    "quota-near",
    "throttled",
    "deletions-held",
    REASONS,
    "reconciles-fail",
    "objects-unreadable",
];
/// Beside the alerts: what to do about a reason.
const REASONS: &str = "../reasons";
/// Nothing makes the operator panic from outside.
const NOT_FOLLOWED: &str = "panic";

/// What a page names and another object of the scene stands for.
const STAND_INS: [(&str, &str, &str); 4] = [
    ("objects-stalled", "server-viewer", "refused"),
    ("connection-not-ready", "connections.cloudpolicy.dev ncloud", "connections.cloudpolicy.dev revoked"),
    ("drift-reported", "server-viewer", "reported"),
    ("drift-fight", "server-viewer", "fought"),
];

/// What an overlay would add to the arguments; two deletions within the window are many here.
const ARGUMENTS: [&str; 6] = [
    "--tenant-namespaces=team-a",
    "--allowed-hosts=127.0.0.1",
    "--allow-private-addresses",
    "--allow-http",
    "--connection-interval-seconds=2",
    "--delete-limit=2",
];

/// For what a command shows only after a while.
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_pages_of_alerts_and_reasons_shows_what_the_page_is_about() {
    let installation = Installation::new().await;
    deploy(&installation).await;
    let kubelet = FakeKubelet::start(&installation.control_plane);
    let programs = kubectl(&installation, &kubelet.log().await);
    let scene = Scene::set(&installation).await;
    for page in PAGES {
        scene.begin(page).await;
        let told = STAND_INS.iter().filter(|(on, ..)| *on == page).map(|(_, word, other)| (*word, (*other).to_owned()));
        let mut shell = Shell::new(&installation.control_plane, told.collect());
        shell.prefer(programs.path());
        for Step { deed, place } in steps(&format!("docs/alerts/{page}.md")) {
            match deed {
                Deed::Run { script, .. } => follow(&shell, &place, &script).await,
                Deed::Meanwhile(what) => scene.goes_on(&what).await,
                Deed::Save { .. } => panic!("{place}: nobody saves files at night"),
            }
        }
    }
    kubelet.stop().await.unwrap();
}

#[test]
fn every_page_of_an_alert_is_followed() {
    let known = PAGES.into_iter().chain([NOT_FOLLOWED]).filter(|page| *page != REASONS);
    let known: BTreeSet<String> = known.map(|page| format!("{page}.md")).collect();
    let files = fs::read_dir(repository().join("docs/alerts")).unwrap();
    let there: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, known);
}

/// The Deployment of `deploy`, its pod as the controller of Deployments would make it, and one object
/// of each kind with which Prometheus is told of it.
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

/// A folder with a kubectl that does what a kubelet would, where the real one has found the pod.
fn kubectl(installation: &Installation, log: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let real = installation.control_plane.kubectl().display();
    let text = format!(
        r#"#!/bin/bash
case $1 in
logs) '{real}' "$@" && exec cat '{log}' ;; # Of a pod without a node it prints nothing.
exec)
    if said=$('{real}' "$@" 2>&1) || [[ $said != *"does not have a host assigned"* ]]; then
        printf '%s\n' "$said" >&2
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

/// Runs each command by itself. One that only looks is run until it shows something.
async fn follow(shell: &Shell, place: &str, script: &str) {
    for command in script.replace("|\n", "|").lines().filter(|line| !line.trim().is_empty()) {
        // Differences are what it is asked for.
        let allowed = if command.contains("kubectl diff") { " || [[ $? == 1 ]]" } else { "" };
        let attempt = || async {
            let printed = shell.run(&format!("{command}{allowed}")).await?;
            anyhow::ensure!(!printed.trim().is_empty(), "it shows nothing");
            Ok(())
        };
        let limit = if command.contains("kubectl annotate") { Duration::ZERO } else { LIMIT };
        let done =
            if limit.is_zero() { attempt().await } else { wait_for("something to be shown", limit, attempt).await };
        done.unwrap_or_else(|error| panic!("{place}: {command}\n{error:#}"));
    }
}

#[test]
fn what_stands_in_for_a_name_is_on_the_page() {
    for (page, word, _) in STAND_INS {
        let text = fs::read_to_string(repository().join(format!("docs/alerts/{page}.md"))).unwrap();
        assert!(text.contains(word) && PAGES.contains(&page), "{page}: {word}");
    }
    assert_eq!(ARGUMENTS[0], format!("--tenant-namespaces={TENANT}"));
}
