//! The steps of the demo after the start of the environment, one function each. Each step checks its
//! result.

mod change;
mod create;
mod delete;

use crate::cluster::{Cluster, shell_command};
use crate::environment::Environment;
use crate::output::Output;
use crate::upstreams::Upstreams;
use serde_json::Value;
use std::fmt::Debug;

/// The namespace of the samples.
const NAMESPACE: &str = "team-a";
/// The samples by their kubectl names.
const NCLOUD_POLICY: &str = "cloudpol/server-viewer";
const REJECTED_POLICY: &str = "cloudpol/unknown-product";
const SPACEONE_POLICY: &str = "cloudpol/inventory-viewer";
const NETWORK_POLICY: &str = "cloudnetpol/seoul-backbone";
/// The time limit of kubectl on a busy machine. The operator needs about a second.
const TIMEOUT: &str = "--timeout=60s";

/// The last step for the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Delete them, in Kubernetes and upstream.
    Delete,
    /// Keep them for the user.
    Keep,
}

/// Runs all steps until the first failure.
pub async fn run(environment: &Environment, cleanup: Cleanup, output: &mut Output) -> anyhow::Result<()> {
    let mut scenario =
        Scenario { environment, cluster: environment.cluster(), upstreams: &environment.upstreams, output };
    scenario.apply_samples().await?;
    scenario.wait_for_valid_policies().await?;
    scenario.check_rejected_policy().await?;
    scenario.edit_spec().await?;
    scenario.correct_drift().await?;
    scenario.fix_rejected_policy().await?;
    if cleanup == Cleanup::Delete {
        scenario.delete_everything().await?;
    }
    scenario.compare_write_counts(cleanup).await
}

/// The state that the steps share.
struct Scenario<'a> {
    environment: &'a Environment,
    cluster: Cluster<'a>,
    upstreams: &'a Upstreams,
    output: &'a mut Output,
}

impl Scenario<'_> {
    async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.cluster.show(self.output, arguments).await
    }

    /// Runs kubectl and prints only the command.
    async fn run_quietly(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.output.command(&shell_command("kubectl", arguments));
        self.cluster.run(arguments).await.map(drop)
    }

    async fn wait(&self, condition: &str, names: &[&str]) -> anyhow::Result<()> {
        let condition = format!("--for=condition={condition}");
        let wait = ["wait", "-n", NAMESPACE, &condition, TIMEOUT];
        self.run_quietly(&[&wait[..], names].concat()).await
    }

    async fn table(&self) -> anyhow::Result<()> {
        self.kubectl(&["get", "cloudpolicy", "-A"]).await.map(drop)
    }

    async fn status(&self, name: &str) -> anyhow::Result<Value> {
        Ok(self.cluster.object(NAMESPACE, name).await?["status"].take())
    }
}

/// Returns an error if the values differ.
fn expect<T: PartialEq + Debug>(what: &str, expected: &T, seen: &T) -> anyhow::Result<()> {
    anyhow::ensure!(expected == seen, "unexpected value of {what}\n  expected: {expected:?}\n  seen:     {seen:?}");
    Ok(())
}
