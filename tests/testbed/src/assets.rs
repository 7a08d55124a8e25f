//! Starts etcd and kube-apiserver from the user's binaries, as `envtest` does.
//!
//! Both listen only on loopback. kube-apiserver creates its serving certificate. The key of that
//! certificate also signs service account tokens, so that no tool has to create keys. There are no
//! controllers: namespaces stay `Terminating`, and owner references have no effect.

use crate::child::Child;
use crate::discovery::Assets;
use crate::launch::Launch;
use anyhow::Context;
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CERTIFICATE_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);

/// The two processes and their kubeconfig. The server must end before etcd, so the order matters.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) children: Vec<Child>,
    pub(crate) kubeconfig: PathBuf,
}

/// Starts both processes. The API server may not answer yet.
pub(crate) fn start(assets: &Assets, directory: &Path) -> anyhow::Result<Started> {
    let token = uuid::Uuid::new_v4().to_string();
    let tokens = directory.join("tokens.csv");
    fs::write(&tokens, format!("{token},admin,admin,system:masters\n"))?;
    let etcd_url = format!("http://127.0.0.1:{}", free_port()?);
    let port = free_port()?;
    let etcd = etcd(assets, directory, &etcd_url)?.spawn()?;
    let mut server = kube_apiserver(assets, directory, &etcd_url, port).spawn()?;
    let certificate = directory.join("pki/apiserver.crt");
    await_file(&certificate, &mut server)?;
    let kubeconfig = directory.join("kubeconfig");
    fs::write(&kubeconfig, kubeconfig_text(port, &certificate, &token))?;
    Ok(Started { children: vec![server, etcd], kubeconfig })
}

fn etcd(assets: &Assets, directory: &Path, url: &str) -> anyhow::Result<Launch> {
    let peers = format!("http://127.0.0.1:{}", free_port()?);
    Ok(Launch::new("etcd", &assets.etcd, directory)
        .arg(format!("--data-dir={}", directory.join("etcd").display()))
        .args([format!("--listen-client-urls={url}"), format!("--advertise-client-urls={url}")])
        .args([format!("--listen-peer-urls={peers}"), format!("--initial-advertise-peer-urls={peers}")])
        .arg(format!("--initial-cluster=default={peers}"))
        // The data is for one test run and need not survive a power cut.
        .arg("--unsafe-no-fsync")
        // etcd ends last, so it removes the directory.
        .remove_directory_at_end())
}

fn kube_apiserver(assets: &Assets, directory: &Path, etcd: &str, port: u16) -> Launch {
    let pki = directory.join("pki");
    let key = pki.join("apiserver.key");
    Launch::new("kube-apiserver", &assets.kube_apiserver, directory)
        .args([format!("--etcd-servers={etcd}"), format!("--secure-port={port}")])
        .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
        .arg(format!("--cert-dir={}", pki.display()))
        .arg(format!("--token-auth-file={}", directory.join("tokens.csv").display()))
        .arg(format!("--service-account-key-file={}", key.display()))
        .arg(format!("--service-account-signing-key-file={}", key.display()))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .args(["--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none"])
        .args(["--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"])
        .arg("--allow-privileged=true")
        // At shutdown it waits for etcd, which may have ended already. It has nothing to save.
        .grace_seconds(2)
}

/// Returns a free port. Another program may bind it first; the start fails then. `envtest` has the
/// same rare race.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn await_file(file: &Path, server: &mut Child) -> anyhow::Result<()> {
    let deadline = Instant::now() + CERTIFICATE_LIMIT;
    while !file.is_file() {
        let ended = server.exited()?.is_some() || Instant::now() > deadline;
        anyhow::ensure!(!ended, "kube-apiserver created no certificate:\n{}", server.log_tail());
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Returns a kubeconfig as JSON, which is also YAML.
fn kubeconfig_text(port: u16, authority: &Path, token: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "certificate-authority": authority,
        } }],
        "users": [{ "name": "admin", "user": { "token": token } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "admin" } }],
    })
    .to_string()
}

/// Returns a kubectl for these binaries.
pub(crate) fn kubectl(assets: &Assets) -> anyhow::Result<PathBuf> {
    match &assets.kubectl {
        Some(kubectl) => Ok(kubectl.clone()),
        None => kubectl_on_path(),
    }
}

/// Returns the first kubectl on `PATH`.
pub(crate) fn kubectl_on_path() -> anyhow::Result<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("kubectl"))
        .find(|candidate| candidate.is_file())
        .context("there is no kubectl on PATH; install one, or let tests/controlplane build it by unsetting USE_EXISTING_CLUSTER, TEST_ASSET_* and KUBEBUILDER_ASSETS")
}
