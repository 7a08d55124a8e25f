//! Runs kubectl as a user does at the root of the checkout.

use crate::output::Output;
use anyhow::Context;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// The time limit of a command, longer than the `--timeout` flags that the demo sets.
const LIMIT: Duration = Duration::from_mins(3);

/// A cluster that the demo uses through kubectl.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    kubectl: &'a Path,
    kubeconfig: &'a Path,
}

impl<'a> Cluster<'a> {
    /// Returns the cluster of a kubeconfig.
    pub fn new(kubectl: &'a Path, kubeconfig: &'a Path) -> Self {
        Self { kubectl, kubeconfig }
    }

    /// Returns the path of the kubeconfig.
    pub fn kubeconfig(&self) -> &'a Path {
        self.kubeconfig
    }

    /// Runs kubectl, prints command and output, and returns the output.
    pub async fn show(&self, output: &Output, arguments: &[&str]) -> anyhow::Result<String> {
        output.command(&shell_command("kubectl", arguments));
        let printed = self.run(arguments).await?;
        output.show(&printed);
        Ok(printed)
    }

    /// Runs kubectl and returns its output. A failure is an error with that output.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let running = Command::new(self.kubectl)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig)
            .current_dir(repository())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let command = shell_command("kubectl", arguments);
        let output = timeout(LIMIT, running).await.with_context(|| format!("`{command}` timed out"))?;
        let output = output.with_context(|| format!("cannot run {}", self.kubectl.display()))?;
        // kubectl prints "No resources found" to standard error.
        let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        anyhow::ensure!(output.status.success(), "`{command}` failed: {}", printed.trim_end());
        Ok(printed)
    }

    /// Returns an object as JSON.
    pub async fn object(&self, namespace: &str, name: &str) -> anyhow::Result<Value> {
        let text = self.run(&["get", name, "-n", namespace, "-o", "json"]).await?;
        serde_json::from_str(&text).with_context(|| format!("cannot read {name}: {text}"))
    }
}

/// Quotes a command for a shell.
pub fn shell_command(program: &str, arguments: &[&str]) -> String {
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
    fn command_is_quoted_for_the_shell() {
        let line = shell_command("kubectl", &["get", "a/b", "-o", "jsonpath={.x}", "it's", ""]);
        assert_eq!(line, r"kubectl get a/b -o 'jsonpath={.x}' 'it'\''s' ''");
    }
}
