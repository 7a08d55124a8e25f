//! The judge: `tests/gitops`, built once.

use cloud_policy_testbed::repository;
use serde::Deserialize;
use serde_json::Value;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// What is said of one object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Verdict {
    /// By kstatus: `Current`, `InProgress`, `Failed`, `Terminating`.
    pub kstatus: String,
    /// By Argo CD: `Healthy`, `Progressing`, `Degraded`, `Suspended`.
    pub health: String,
    /// The words that Argo CD shows.
    pub message: String,
}

impl Verdict {
    /// Both verdicts, Argo CD's first.
    pub fn pair(&self) -> (&str, &str) {
        (&self.health, &self.kstatus)
    }
}

static BUILT: OnceLock<PathBuf> = OnceLock::new();

/// The folder with the program and, in `crds`, what Argo CD and Flux install.
pub fn built() -> &'static Path {
    BUILT.get_or_init(|| {
        let mut build = Command::new(repository().join("tests/gitops/build.sh"));
        let output = build.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "tests/gitops/build.sh failed; it said why above");
        PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
    })
}

/// The verdicts on these objects, with the script that is shipped.
pub fn verdicts(objects: &[Value]) -> Vec<Verdict> {
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    let script = repository().join("deploy/argocd/health.lua").display().to_string();
    let output = run(&["verdicts", &script], &lines.join("\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let said: Vec<Verdict> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), objects.len());
    said
}

/// Whether Flux's own types take these manifests, and else its words.
pub fn flux(manifests: &str) -> Result<(), String> {
    let output = run(&["flux"], manifests);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// Runs the program. Its input is a file, so that neither side waits for the other.
fn run(arguments: &[&str], input: &str) -> Output {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    file.rewind().unwrap();
    Command::new(built().join("gitops-judge")).args(arguments).stdin(file).output().unwrap()
}
