//! The reader's shell: a folder that looks like the checkout, kubectl on the path, and a cluster.

use anyhow::Context;
use cloud_policy_testbed::{ControlPlane, repository};
use regex::Regex;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

/// The limit for a command. It is longer than any limit on a page.
const LIMIT: Duration = Duration::from_mins(3);
/// Folders of the checkout that pages name.
const CHECKOUT: [&str; 3] = ["charts", "crds", "deploy"];

pub struct Shell {
    folder: TempDir,
    kubeconfig: PathBuf,
    path: OsString,
    /// Words of the pages, and their replacements here.
    stand_ins: Vec<(&'static str, String)>,
    /// Variables that the reader has set.
    variables: Vec<(&'static str, String)>,
}

impl Shell {
    pub fn new(control_plane: &ControlPlane, stand_ins: Vec<(&'static str, String)>) -> Self {
        Self::with_kubeconfig(control_plane.kubeconfig(), control_plane, stand_ins)
    }

    /// Creates a shell with another kubeconfig, and the kubectl of this control plane.
    pub fn with_kubeconfig(
        kubeconfig: &Path,
        control_plane: &ControlPlane,
        stand_ins: Vec<(&'static str, String)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in CHECKOUT {
            symlink(repository().join(name), folder.path().join(name)).unwrap();
        }
        let kubectl = control_plane.kubectl().parent().unwrap().to_owned();
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([kubectl].into_iter().chain(std::env::split_paths(&usual))).unwrap();
        Self { folder, kubeconfig: kubeconfig.to_owned(), path, stand_ins, variables: Vec::new() }
    }

    /// Returns the folder in which the reader works.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a folder with programs first on the path.
    pub fn prefer(&mut self, programs: &Path) {
        let others = std::env::split_paths(&self.path);
        self.path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(others)).unwrap();
    }

    /// Sets variables in every script.
    pub fn set(&mut self, variables: Vec<(&'static str, String)>) {
        self.variables = variables;
    }

    /// Replaces the words of a page by the values here.
    pub fn replace(&self, text: &str) -> String {
        self.stand_ins.iter().fold(text.to_owned(), |text, (word, stand_in)| text.replace(word, stand_in))
    }

    pub fn save(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), self.replace(text)).unwrap();
    }

    /// Runs a script in strict mode, and returns its output.
    pub async fn run(&self, script: &str) -> anyhow::Result<String> {
        let running = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &self.replace(script)])
            .current_dir(self.folder.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.folder.path())
            .env("PATH", &self.path)
            .envs(self.variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = timeout(LIMIT, running).await.context("it does not end")??;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{}\n{printed}{errors}", output.status);
        Ok(printed)
    }
}

/// Returns whether a script only reads, so that it may run again until it prints the expected output.
pub fn only_reads(script: &str) -> bool {
    let mut commands = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    commands.all(|line| ["kubectl get ", "kubectl describe ", "kubectl events "].iter().any(|it| line.starts_with(it)))
}

/// Returns whether the output has the words of the page, with any spaces between them. `…` stands for any
/// words or a part of a word; alone in its line, for any lines.
pub fn is_as_shown(shown: &str, printed: &str) -> bool {
    let line = |line: &str| match line.trim() {
        "…" => "(?:.*\n)*?".to_owned(),
        line => {
            let words: Vec<String> = line.split_whitespace().map(word).collect();
            format!("[ \t]*{}[ \t]*\n", words.join("[ \t]+"))
        }
    };
    let pattern: String = shown.trim_end().lines().map(line).collect();
    Regex::new(&format!("^{pattern}$")).unwrap().is_match(&format!("{}\n", printed.trim_end()))
}

fn word(word: &str) -> String {
    match word {
        "…" => r"\S.*?".to_owned(),
        word => regex::escape(word).replace('…', r"\S*"),
    }
}

#[test]
fn output_is_compared_word_by_word() {
    let printed = "NAME   READY   ID           AGE\nlogs   True    npolicy-12   3s\n";
    for shown in [printed, "NAME READY ID AGE\nlogs True npolicy-… …", "NAME …\n…", "…\nlogs … 3s", "…"] {
        assert!(is_as_shown(shown, printed), "{shown}");
    }
    for shown in ["NAME READY ID AGE", "NAME READY ID AGE\nlogs False … …", "…\nlogs True npolicy-… 3s …", ""]
    {
        assert!(!is_as_shown(shown, printed), "{shown}");
    }
}

#[test]
fn script_with_write_is_not_repeated() {
    assert!(only_reads("# Read.\nkubectl get a\nkubectl describe b\n"));
    assert!(!only_reads("kubectl get a\nkubectl apply -f a\n"));
}
