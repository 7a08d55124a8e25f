//! The operator: an optimised binary in its own process.

use crate::AT_A_TIME;
use crate::cluster::Cluster;
use anyhow::{Context, ensure};
use cloud_policy_testbed::{Child, Launch, wait_for};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const READY_LIMIT: Duration = Duration::from_mins(1);

/// The usual flags, and those that let the operator reach loopback and delete all. It probes the connection once, so
/// that no probe falls into a measurement.
const FLAGS: &str = "run --tenant-namespaces=* --allow-http --allow-private-addresses --allowed-hosts=127.0.0.1 \
                     --leader-elect=false --delete-limit=0 --connection-interval-seconds=3600 --listen=127.0.0.1:0 \
                     --log-format=json";

/// The units of processor time in `/proc`: Linux always shows hundredths of a second.
const MILLIS_PER_TICK: u64 = 10;

/// A running operator. It ends when this value is dropped.
pub struct Operator {
    child: Child,
    process: PathBuf,
}

impl Operator {
    /// Starts the operator that was built beside this program.
    pub async fn start(cluster: &Cluster, folder: &Path) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("cloud-policy");
        ensure!(program.is_file(), "{} is missing: run make bench", program.display());
        let child = Launch::new("operator", "env", folder)
            // With this variable the operator would use the pod's cluster instead of the kubeconfig.
            .args(["-u", "KUBERNETES_SERVICE_HOST"])
            .arg(&program)
            .args(FLAGS.split_whitespace())
            .arg(format!("--concurrency={AT_A_TIME}"))
            .env("KUBECONFIG", cluster.kubeconfig())
            // As the image sets them.
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .spawn()?;
        let process = wait_for("the process of the operator", READY_LIMIT, || async {
            process_of(&program).context("the operator has no process")
        })
        .await?;
        Ok(Self { child, process })
    }

    /// Asks the operator to end, and waits.
    pub fn stop(self) -> anyhow::Result<()> {
        let log = self.child.log_tail();
        ensure!(!log.contains("panicked"), "{log}");
        let status = self.child.stop()?;
        ensure!(status.success(), "the operator ended with {status}: {log}");
        Ok(())
    }

    /// Returns the processor time so far, in milliseconds.
    pub fn cpu_millis(&self) -> anyhow::Result<u64> {
        let stat = fs::read_to_string(self.process.join("stat"))?;
        // The name of the program is in parentheses, and may contain spaces.
        let (_, fields) = stat.rsplit_once(')').context("cannot parse /proc/…/stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(ticks * MILLIS_PER_TICK)
    }

    /// Returns the resident memory now and at most since the start, in kilobytes.
    pub fn memory(&self) -> anyhow::Result<(u64, u64)> {
        let status = fs::read_to_string(self.process.join("status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()).with_context(|| format!("no {name}"))?;
            anyhow::Ok(number.parse::<u64>()?)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Returns how many reconciles of a kind have ended well, from the metrics that the operator serves.
    pub async fn reconciles(&self, kind: &str) -> anyhow::Result<u64> {
        let address = address(&self.child.log()?).context("the log has no address")?;
        let text = reqwest::Client::builder().no_proxy().build()?.get(format!("http://{address}/metrics"));
        let text = text.send().await?.text().await?;
        let wanted = [format!("kind=\"{kind}\""), "result=\"ok\"".to_owned()];
        let lines = text.lines().filter(|line| line.starts_with("cloud_policy_reconciles_total{"));
        let ours = lines.filter(|line| wanted.iter().all(|label| line.contains(label)));
        Ok(ours.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }
}

/// Returns the directory in `/proc` of the process that runs this program.
fn process_of(program: &Path) -> Option<PathBuf> {
    let program = program.to_str()?;
    let runs = |process: &PathBuf| {
        let line = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        line.split('\0').next() == Some(program)
    };
    fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).find(runs)
}

/// Returns the address that the operator serves its metrics on. The operating system chose the port.
fn address(log: &str) -> Option<String> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line["address"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_found_in_log() {
        let log = "no JSON\n{\"message\":\"first\"}\n{\"message\":\"serving\",\"address\":\"127.0.0.1:7\"}\n";
        assert_eq!(address(log).as_deref(), Some("127.0.0.1:7"));
    }
}
