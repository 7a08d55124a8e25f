//! The tests' control plane: it is real, shared, and ends with the process.

#![allow(clippy::unwrap_used, reason = "a test says that something is wrong by panicking")]

use cloud_policy_testbed::{ControlPlane, Launch, TestNamespace, wait_for};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ListParams, PostParams, VersionMatch};
use std::process::Command;
use std::time::Duration;

/// The variable that is set in the copy of this program that the test kills.
const KILLED: &str = "CLOUD_POLICY_TESTBED_KILLED";
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn tests_share_control_plane_but_not_namespace() {
    let control_plane = ControlPlane::shared().unwrap();
    assert!(std::ptr::eq(control_plane, ControlPlane::shared().unwrap()));
    let client = control_plane.client().unwrap();
    let one = TestNamespace::create(&client, "one").await.unwrap();
    let other = TestNamespace::create(&client, "one").await.unwrap();
    assert!(one.name().starts_with("one-") && one.name() != other.name());
}

#[tokio::test]
async fn dropped_namespace_is_deleted() {
    let control_plane = ControlPlane::shared().unwrap();
    let client = control_plane.client().unwrap();
    let namespace = TestNamespace::create(&client, "dropped").await.unwrap();
    let name = namespace.name().to_owned();
    drop(namespace);
    let namespaces: Api<Namespace> = Api::all(client);
    wait_for("the deletion", SOON, || async {
        let found = namespaces.get_opt(&name).await?;
        let live = found.as_ref().is_some_and(|it| it.metadata.deletion_timestamp.is_none());
        let stays = control_plane.has_controllers() && found.is_some();
        anyhow::ensure!(!live && !stays, "{found:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn client_as_user_has_only_granted_permissions() {
    let control_plane = ControlPlane::shared().unwrap();
    let user = control_plane.client_as("nobody", &["system:authenticated"]).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(user, "default");
    let error = maps.list(&ListParams::default()).await.unwrap_err().to_string();
    assert!(error.contains(r#"User "nobody" cannot list resource "configmaps""#), "{error}");
    let admin = control_plane.client_as("root", &["system:masters"]).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(admin, "default");
    maps.list(&ListParams::default()).await.unwrap();
}

/// Other tests use compaction to check watches of removed revisions.
#[tokio::test]
async fn compact_removes_old_revisions() {
    let control_plane = ControlPlane::shared().unwrap();
    let client = control_plane.client().unwrap();
    let namespace = TestNamespace::create(&client, "compact").await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, namespace.name());
    let before = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let map = serde_json::from_value(serde_json::json!({ "metadata": { "name": "one" } })).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    let as_it_was = ListParams::default().at(&before).matching(VersionMatch::Exact);
    maps.list(&as_it_was).await.unwrap();
    if let Err(error) = control_plane.compact() {
        assert_eq!(error.to_string(), "only a control plane of our own can be compacted");
        return;
    }
    wait_for("the compaction", SOON, || async {
        let code = maps.list(&as_it_was).await.err().map(|error| error.to_string()).unwrap_or_default();
        anyhow::ensure!(code.contains("Expired"), "{code:?}");
        Ok(())
    })
    .await
    .unwrap();
}

#[test]
fn kubectl_reports_server_version() {
    let control_plane = ControlPlane::shared().unwrap();
    let printed = control_plane.run_kubectl(&["version", "--output=json"]).unwrap();
    let versions: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(versions["serverVersion"]["gitVersion"], control_plane.server_version());
    let error = control_plane.run_kubectl(&["get", "nonsense"]).unwrap_err().to_string();
    assert!(error.contains("doesn't have a resource type \"nonsense\""), "{error}");
}

#[test]
fn killed_process_leaves_no_control_plane() {
    let name = "killed_process_leaves_no_control_plane";
    if std::env::var_os(KILLED).is_some() {
        let control_plane = ControlPlane::start().unwrap();
        println!("READY {}", control_plane.kubeconfig().display());
        std::thread::sleep(SOON);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let process = Launch::new("killed", itself, directory.path()).env(KILLED, "1");
    let process = process.args(["--exact", name, "--nocapture"]);
    let (process, words) = process.ready(Duration::from_mins(2)).unwrap();
    let state = std::path::Path::new(&words[0]).parent().unwrap().display().to_string();
    assert_ne!(processes_with(&state), Vec::<String>::new());
    process.crash().unwrap();
    let deadline = std::time::Instant::now() + SOON;
    while !processes_with(&state).is_empty() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(processes_with(&state), Vec::<String>::new());
}

/// Returns the processes whose command line contains this directory.
fn processes_with(directory: &str) -> Vec<String> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,args=", "-ww"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().filter(|line| line.contains(directory)).map(str::to_owned).collect()
}
