//! The health oracle: the program in `tests/gitops`, built once, which uses the libraries of Argo CD and Flux.

use cloud_policy_testbed::repository;
use serde::Deserialize;
use serde_json::Value;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// The status by kstatus: `Current`, `InProgress`, `Failed`, `Terminating`.
    pub kstatus: String,
    /// The health by Argo CD: `Healthy`, `Progressing`, `Degraded`, `Suspended`.
    #[serde(rename = "health")]
    pub argo_cd: String,
    /// The message that Argo CD shows.
    pub message: String,
}

impl Health {
    /// Returns the health by Argo CD and the status by kstatus.
    pub fn pair(&self) -> (&str, &str) {
        (&self.argo_cd, &self.kstatus)
    }
}

static BUILT: OnceLock<PathBuf> = OnceLock::new();

/// Returns the folder with the program and, in `crds`, the CRDs of Argo CD and Flux.
pub fn built() -> &'static Path {
    BUILT.get_or_init(|| {
        let mut build = Command::new(repository().join("tests/gitops/build.sh"));
        let output = build.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "tests/gitops/build.sh failed; see its output above");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

/// Computes the health of these objects, with the shipped script.
pub fn health_of(objects: &[Value]) -> Vec<Health> {
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let script = repository().join("deploy/argocd/health.lua").display().to_string();
    let output = run(&["verdicts", &script], &lines.join("\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let all: Vec<Health> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), objects.len());
    all
}

/// Runs an action of Argo CD, from the shipped setting, on these objects. A disabled action returns null.
pub fn acted_on(action: &str, objects: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let setting = repository().join("deploy/argocd/actions.yaml").display().to_string();
    let output = run(&["action", &setting, action], &lines.join("\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Parses manifests with Flux's own types.
pub fn flux(manifests: &str) -> Result<(), String> {
    let output = run(&["flux"], manifests);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Applies a manifest as Flux does. Returns the change, or the refusal.
pub fn apply_as_flux(kubeconfig: &Path, manifest: &Value) -> anyhow::Result<String> {
    apply_stream_as_flux(kubeconfig, &manifest.to_string())
}

/// Applies a stream of YAML documents as Flux does, with the YAML parser of Kubernetes.
pub fn apply_stream_as_flux(kubeconfig: &Path, manifests: &str) -> anyhow::Result<String> {
    let output = run(&["apply", &kubeconfig.display().to_string()], manifests);
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Checks a document by a schema among those that the tests download. Returns what is wrong.
pub fn matches_schema(schema: &str, document: &Value) -> Result<(), String> {
    let file = built().join("schemas").join(schema).display().to_string();
    let output = run(&["schema", &file], &document.to_string());
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Runs the program. Its input is a file, so that neither side waits for the other.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    Command::new(built().join("gitops-judge")).args(arguments).stdin(file).output().unwrap()
}
