//! What is done with the stage, one function a step. A step ends when it was checked.

mod arrival;
mod changes;
mod ending;

use crate::cluster::{Cluster, shown};
use crate::narrator::Narrator;
use crate::stage::Stage;
use crate::upstreams::Upstreams;
use serde_json::Value;
use std::fmt::Debug;

/// Where the samples live.
const NAMESPACE: &str = "team-a";
/// The samples, as kubectl names them.
const NCLOUD_POLICY: &str = "cloudpol/server-viewer";
const REFUSED_POLICY: &str = "cloudpol/unknown-product";
const SPACEONE_POLICY: &str = "cloudpol/inventory-viewer";
const NETWORK_POLICY: &str = "cloudnetpol/seoul-backbone";
/// How long kubectl waits. The operator needs a second; a busy machine more.
const PATIENCE: &str = "--timeout=60s";

/// What happens to the samples in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// They are deleted, here and upstream.
    Delete,
    /// They stay, for somebody to play with.
    Stay,
}

/// Plays all steps; the first that goes wrong is the last.
pub async fn play(stage: &Stage, ending: Ending, narrator: &mut Narrator) -> anyhow::Result<()> {
    let mut scene = Scene { stage, cluster: stage.cluster(), upstreams: &stage.upstreams, narrator };
    scene.apply_the_samples().await?;
    scene.the_good_ones_get_ready().await?;
    scene.the_refused_one_says_why().await?;
    scene.edit_one_spec().await?;
    scene.change_one_behind_the_operators_back().await?;
    scene.fix_the_refused_one().await?;
    if ending == Ending::Delete {
        scene.delete_everything().await?;
    }
    scene.compare_the_journals(ending).await
}

/// What the steps work with.
struct Scene<'a> {
    stage: &'a Stage,
    cluster: Cluster<'a>,
    upstreams: &'a Upstreams,
    narrator: &'a mut Narrator,
}

impl Scene<'_> {
    async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.cluster.show(self.narrator, arguments).await
    }

    /// A command whose output would only say that it was obeyed.
    async fn obey(&self, arguments: &[&str]) -> anyhow::Result<()> {
        self.narrator.command(&shown("kubectl", arguments));
        self.cluster.run(arguments).await.map(drop)
    }

    async fn wait(&self, condition: &str, names: &[&str]) -> anyhow::Result<()> {
        let condition = format!("--for=condition={condition}");
        let wait = ["wait", "-n", NAMESPACE, &condition, PATIENCE];
        self.obey(&[&wait[..], names].concat()).await
    }

    async fn table(&self) -> anyhow::Result<()> {
        self.kubectl(&["get", "cloudpolicy", "-A"]).await.map(drop)
    }

    async fn status(&self, name: &str) -> anyhow::Result<Value> {
        Ok(self.cluster.object(NAMESPACE, name).await?["status"].take())
    }
}

/// Checks one thing.
fn expect<T: PartialEq + Debug>(what: &str, expected: &T, seen: &T) -> anyhow::Result<()> {
    anyhow::ensure!(expected == seen, "{what} is not as expected\n  expected: {expected:?}\n  seen:     {seen:?}");
    Ok(())
}
