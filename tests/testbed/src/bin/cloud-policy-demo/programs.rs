//! Builds the programs of this workspace that the demo runs.

use anyhow::{Context, bail};
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The paths of the programs.
#[derive(Debug)]
pub struct Programs {
    /// The operator.
    pub operator: PathBuf,
    /// The simulators.
    pub simulator: PathBuf,
}

impl Programs {
    /// Builds both programs together with the whole workspace. Any other selection would make cargo
    /// compile shared crates again. After the build of `make demo` this takes half a second.
    pub fn build() -> anyhow::Result<Self> {
        // The messages contain the paths for any target directory and profile.
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--workspace", "--bins", "--message-format=json-render-diagnostics"])
            .current_dir(repository())
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        if !built.status.success() {
            bail!("cargo build failed, see above");
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        Ok(Self {
            operator: executable(&messages, "cloud-policy")?,
            simulator: executable(&messages, "cloud-policy-simulator")?,
        })
    }
}

fn executable(messages: &str, name: &str) -> anyhow::Result<PathBuf> {
    let mut artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let found = artifacts.find(|message| message["target"]["name"] == name && message["executable"].is_string());
    let path = found.as_ref().and_then(|message| message["executable"].as_str());
    path.map(PathBuf::from).with_context(|| format!("cargo build names no executable {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_distinguished_from_library() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"a"},"executable":null}
not JSON
{"reason":"compiler-artifact","target":{"name":"ab"},"executable":"/t/ab"}
{"reason":"compiler-artifact","target":{"name":"a"},"executable":"/t/a"}"#;
        assert_eq!(executable(messages, "a").unwrap(), PathBuf::from("/t/a"));
        assert!(executable(messages, "b").is_err());
    }
}
