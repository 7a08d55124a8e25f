//! The limits that the process has from its container.

use crate::support;
use crate::support::test_env::TestEnv;
use cloud_policy_testbed::{Launch, wait_for};
use std::fs;
use std::time::Duration;

/// Returns the soft and the hard limit of open files of the operator that has this argument.
fn open_files(argument: &str) -> anyhow::Result<(String, String)> {
    for process in fs::read_dir("/proc")?.flatten() {
        let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        if line.starts_with(env!("CARGO_BIN_EXE_cloud-policy")) && line.contains(argument) {
            let limits = fs::read_to_string(process.path().join("limits"))?;
            let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default().to_owned();
            let words: Vec<&str> = line.split_whitespace().collect();
            return Ok((words[3].to_owned(), words[4].to_owned()));
        }
    }
    anyhow::bail!("no operator")
}

#[tokio::test]
async fn operator_raises_its_limit_of_file_descriptors() {
    let env = TestEnv::without_operator("nofile").await;
    let namespace = format!("--namespace={}", env.namespace());
    let directory = tempfile::tempdir().unwrap();
    let _operator = Launch::new("nofile", "sh", directory.path())
        .args(["-c", "ulimit -Sn 128 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_cloud-policy"), "run"])
        .args(["--leader-elect=false", "--listen=127.0.0.1:0", "--cluster-id=here", &namespace])
        .arg(format!("--watch-namespaces={}", env.namespace()))
        .env("KUBECONFIG", support::control_plane().await.kubeconfig())
        .spawn()
        .unwrap();
    wait_for("the limit to be raised", Duration::from_secs(30), || async {
        let (soft, hard) = open_files(&namespace)?;
        anyhow::ensure!(soft == hard && soft != "128", "soft {soft}, hard {hard}");
        Ok(())
    })
    .await
    .unwrap();
}
