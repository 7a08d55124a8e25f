//! kubectl, as a user types it at the root of the checkout.

use crate::narrator::Narrator;
use anyhow::Context;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// Longer than any limit that is given to kubectl itself.
const LIMIT: Duration = Duration::from_mins(3);

/// One cluster, through kubectl.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    kubectl: &'a Path,
    kubeconfig: &'a Path,
}

impl<'a> Cluster<'a> {
    /// The cluster that a kubeconfig names.
    pub fn new(kubectl: &'a Path, kubeconfig: &'a Path) -> Self {
        Self { kubectl, kubeconfig }
    }

    /// The file that names the cluster.
    pub fn kubeconfig(&self) -> &'a Path {
        self.kubeconfig
    }

    /// Runs kubectl, shows command and output, and answers the output.
    pub async fn show(&self, narrator: &Narrator, arguments: &[&str]) -> anyhow::Result<String> {
        narrator.command(&shown("kubectl", arguments));
        let output = self.run(arguments).await?;
        narrator.show(&output);
        Ok(output)
    }

    /// Runs kubectl and answers what it printed; anything but success is an error with its words.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let running = Command::new(self.kubectl)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig)
            .current_dir(repository())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let command = shown("kubectl", arguments);
        let output = timeout(LIMIT, running).await.with_context(|| format!("`{command}` does not end"))?;
        let output = output.with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        // "No resources found" is said on standard error, and belongs to the answer.
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        anyhow::ensure!(output.status.success(), "`{command}` failed: {}", said.trim_end());
        Ok(said)
    }

    /// One object.
    pub async fn object(&self, namespace: &str, name: &str) -> anyhow::Result<Value> {
        let text = self.run(&["get", name, "-n", namespace, "-o", "json"]).await?;
        serde_json::from_str(&text).with_context(|| format!("cannot read {name}: {text}"))
    }
}

/// A command as a shell takes it.
pub fn shown(program: &str, arguments: &[&str]) -> String {
    let words = arguments.iter().map(|argument| quoted(argument));
    std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_so_that_a_shell_takes_it() {
        let line = shown("kubectl", &["get", "a/b", "-o", "jsonpath={.x}", "it's", ""]);
        assert_eq!(line, r"kubectl get a/b -o 'jsonpath={.x}' 'it'\''s' ''");
    }
}
