//! Helm 3 and Helm 4, as `hack/helm.sh` installs them, each with a kubectl of a matching version.

use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// The limit for a command. It may wait for a rollout on a busy machine.
const LIMIT: Duration = Duration::from_mins(3);

static INSTALLED: OnceLock<PathBuf> = OnceLock::new();

/// A Helm with its own home and working directory.
pub struct Helm {
    pub major: &'static str,
    /// The folder with `helm` and `kubectl`.
    programs: PathBuf,
    kubeconfig: Option<PathBuf>,
    home: TempDir,
}

impl Helm {
    /// Returns a Helm of this major version, with or without a cluster.
    pub fn of(major: &'static str, kubeconfig: Option<&Path>) -> Self {
        let programs = INSTALLED.get_or_init(install).join(major);
        assert!(programs.join("helm").is_file(), "there is no Helm {major}");
        Self { major, programs, kubeconfig: kubeconfig.map(Path::to_owned), home: tempfile::tempdir().unwrap() }
    }

    pub fn both() -> [Self; 2] {
        ["3", "4"].map(|major| Self::of(major, None))
    }

    /// Returns the working directory of commands.
    pub fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Runs commands as a user types them, and returns their output. The error of a failed command has its output.
    pub async fn run(&self, commands: &str) -> anyhow::Result<String> {
        let path = std::env::join_paths(
            std::iter::once(self.programs.clone())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", commands]).current_dir(self.directory()).stdin(Stdio::null());
        shell.env("PATH", path).env("HOME", self.directory()).kill_on_drop(true);
        match &self.kubeconfig {
            Some(kubeconfig) => shell.env("KUBECONFIG", kubeconfig),
            None => shell.env("KUBECONFIG", "/dev/null"),
        };
        let done = tokio::time::timeout(LIMIT, shell.output());
        let output = done.await.map_err(|_| anyhow::anyhow!("Helm {}: timeout: {commands}", self.major))??;
        let (printed, errors) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
        anyhow::ensure!(output.status.success(), "Helm {}: {commands}\n{errors}{printed}", self.major);
        Ok(printed)
    }

    /// Renders the chart with these arguments.
    pub async fn template(&self, arguments: &str) -> anyhow::Result<Vec<Value>> {
        let chart = super::place("");
        let text = self.run(&format!("helm template {arguments} '{}'", chart.display())).await?;
        Ok(objects(&text))
    }
}

/// Parses the objects of a manifest. Documents that only have comments are skipped.
pub fn objects(manifest: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).unwrap_or_else(|error| panic!("{error}"));
    documents.into_iter().filter(Value::is_object).collect()
}

/// Returns the only object with this kind and name.
pub fn object<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let mut found = objects.iter().filter(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind} {name}"));
    assert!(found.next().is_none(), "there are two {kind} {name}");
    first
}

fn install() -> PathBuf {
    let script = repository().join("hack/helm.sh");
    let output = std::process::Command::new(&script).stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{} failed; see its output above", script.display());
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}
