//! The operator's process, with the RBAC permissions of its manifests.

use crate::cluster::{Cluster, shell_command};
use crate::http;
use crate::output::Output;
use anyhow::Context;
use cloud_policy_testbed::{Child, Launch, wait_for};
use kube::config::Kubeconfig;
use reqwest::Method;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The namespace of the operator's Lease, which is also the default.
const NAMESPACE: &str = "cloud-policy-system";
/// The operator's service account in `deploy/base`.
const ACCOUNT: &str = "system:serviceaccount:cloud-policy-system:cloud-policy-operator";
/// The operator's permissions, and the namespace of the samples, whose Secrets the operator may read.
const MANIFESTS: [[&str; 3]; 3] = [
    ["apply", "-k", "deploy/base"],
    ["apply", "-f", "deploy/samples/namespace.yaml"],
    ["apply", "-k", "deploy/tenant-connections"],
];
/// The time limit for a busy machine. An idle one needs a second.
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

/// Starts the operator. Flags allow it to call loopback addresses without TLS.
pub async fn start(program: &Path, folder: &Path, cluster: Cluster<'_>, output: &mut Output) -> anyhow::Result<Child> {
    output.step(
        "The operator starts with the permissions of its manifests. Flags allow it to call loopback without TLS.",
    );
    for manifest in &MANIFESTS {
        output.command(&shell_command("kubectl", manifest));
        cluster.run(manifest).await?;
    }
    let kubeconfig = as_service_account(cluster.kubeconfig(), folder)?;
    output.command(&shell_command("cloud-policy", &ARGUMENTS));
    // With this variable the operator would use the pod's cluster instead of the kubeconfig.
    Launch::new("operator", "env", folder)
        .args(["-u", "KUBERNETES_SERVICE_HOST"])
        .arg(program)
        .args(ARGUMENTS)
        .env("POD_NAMESPACE", NAMESPACE)
        .env("KUBECONFIG", kubeconfig)
        .spawn()
}

/// Writes a copy of the kubeconfig that impersonates the operator's service account.
fn as_service_account(kubeconfig: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut read = Kubeconfig::read_from(kubeconfig)?;
    for user in read.auth_infos.iter_mut().filter_map(|user| user.auth_info.as_mut()) {
        user.impersonate = Some(ACCOUNT.to_owned());
    }
    let file = folder.join("operator.kubeconfig");
    fs::write(&file, serde_json::to_vec(&read)?).context("cannot write the operator's kubeconfig")?;
    Ok(file)
}

/// Waits until the operator is ready. Returns the address of its probes and metrics.
pub async fn await_ready(operator: &Child) -> anyhow::Result<String> {
    let ready = wait_for("the operator", READY_LIMIT, || async {
        let url = address(&operator.log()?).context("its log has no address")?;
        http::text(Method::GET, &format!("{url}/readyz"), None, None).await?;
        Ok(url)
    });
    ready.await.with_context(|| format!("the end of its log:\n{}\n", operator.log_tail()))
}

/// Returns the operator's address from its log. The operating system chose the port.
fn address(log: &str) -> Option<String> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line["address"].as_str().map(|address| format!("http://{address}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_parsed_from_log() {
        let log = "not JSON\n{\"message\":\"a\"}\n{\"message\":\"serving\",\"address\":\"127.0.0.1:1\"}\n";
        assert_eq!(address(log).as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(address("{\"message\":\"a\"}"), None);
    }
}
