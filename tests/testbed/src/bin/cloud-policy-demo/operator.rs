//! The operator as a process, under the permissions that its manifests ship.

use crate::cluster::{Cluster, shown};
use crate::http;
use crate::narrator::Narrator;
use anyhow::Context;
use cloud_policy_testbed::{Child, Launch, wait_for};
use kube::config::Kubeconfig;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The operator's Lease lies here; the namespace is its default.
const NAMESPACE: &str = "cloud-policy-system";
/// What `deploy/base` calls it.
const ACCOUNT: &str = "system:serviceaccount:cloud-policy-system:cloud-policy-operator";
/// Its permissions, and the namespace of the samples, whose Secrets it may read.
const MANIFESTS: [[&str; 3]; 3] = [
    ["apply", "-k", "deploy/base"],
    ["apply", "-f", "deploy/samples/namespace.yaml"],
    ["apply", "-k", "deploy/tenant-connections"],
];
/// For a busy machine; an idle one needs a second.
const READY_LIMIT: Duration = Duration::from_mins(1);
const ARGUMENTS: [&str; 7] = [
    "run",
    "--tenant-namespaces=team-a",
    "--allowed-hosts=127.0.0.1",
    "--allow-http",
    "--allow-private-addresses",
    "--listen=127.0.0.1:0",
    "--log-format=json",
];

/// Starts it, with leave to call loopback without TLS.
pub async fn start(
    program: &Path,
    folder: &Path,
    cluster: Cluster<'_>,
    narrator: &mut Narrator,
) -> anyhow::Result<Child> {
    narrator.step(
        "The operator runs, with the permissions that it ships. That it may call loopback, without TLS, has to be said.",
    );
    for manifest in &MANIFESTS {
        narrator.command(&shown("kubectl", manifest));
        cluster.run(manifest).await?;
    }
    let kubeconfig = as_service_account(cluster.kubeconfig(), folder)?;
    narrator.command(&shown("cloud-policy", &ARGUMENTS));
    // In a pod it would take the pod's own cluster instead of the kubeconfig.
    Launch::new("operator", "env", folder)
        .args(["-u", "KUBERNETES_SERVICE_HOST"])
        .arg(program)
        .args(ARGUMENTS)
        .env("POD_NAMESPACE", NAMESPACE)
        .env("KUBECONFIG", kubeconfig)
        .spawn()
}

/// The same kubeconfig for somebody who may do what the service account may, and nothing else.
fn as_service_account(kubeconfig: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut read = Kubeconfig::read_from(kubeconfig)?;
    for user in read.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()) {
        user.impersonate = Some(ACCOUNT.to_owned());
    }
    let file = folder.join("operator.kubeconfig");
    fs::write(&file, serde_json::to_vec(&read)?).context("cannot write the operator's kubeconfig")?;
    Ok(file)
}

/// Waits until it can do its work, and answers where it serves probes and metrics.
pub async fn await_ready(operator: &Child) -> anyhow::Result<String> {
    let ready = wait_for("the operator", READY_LIMIT, || async {
        let url = address(&operator.log()?).context("its log does not say where it listens")?;
        http::text(Method::GET, &format!("{url}/readyz"), None, None).await?;
        Ok(url)
    });
    ready.await.with_context(|| format!("the end of its log:\n{}\n", operator.log_tail()))
}

/// From the log, because the port is whichever was free.
fn address(log: &str) -> Option<String> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line["address"].as_str().map(|address| format!("http://{address}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_log() {
        let log = "not JSON\n{\"message\":\"a\"}\n{\"message\":\"serving\",\"address\":\"127.0.0.1:1\"}\n";
        assert_eq!(address(log).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(address("{\"message\":\"a\"}"), None);
    }
}
