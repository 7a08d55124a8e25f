//! The limit: a loop that does for each object only what cannot be left out, one create upstream and one write of
//! status. It repeats the creates that the operator sent, and writes the statuses that the operator wrote, to the same
//! servers and with the same number at a time.

use crate::AT_A_TIME;
use crate::cluster::Cluster;
use crate::upstream::Upstream;
use crate::workload::Workload;
use anyhow::{Context, ensure};
use cloud_policy_simulator::Entry;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the operator did, to be repeated.
pub struct Recorded {
    pub creates: Vec<Entry>,
    /// The names of objects with their settled status.
    pub statuses: Vec<(String, Value)>,
}

/// How often the loop runs, because one run is short.
const RUNS: i64 = 3;

/// Runs the loop, and returns the median of its times. The objects exist and no operator runs.
pub async fn run(
    cluster: &Cluster,
    upstream: &Upstream,
    workload: Workload,
    recorded: &Recorded,
) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for generation in 0..RUNS {
        upstream.remove_all();
        times.push(run_once(cluster, upstream, workload, recorded, generation).await?);
    }
    times.sort();
    times.get(times.len() / 2).copied().context("the loop did not run")
}

/// `generation` makes the statuses differ from those of the run before: the API server does not store what it has.
async fn run_once(
    cluster: &Cluster,
    upstream: &Upstream,
    workload: Workload,
    recorded: &Recorded,
    generation: i64,
) -> anyhow::Result<Duration> {
    let Recorded { creates, statuses } = recorded;
    ensure!(creates.len() == statuses.len(), "{} creates for {} objects", creates.len(), statuses.len());
    let http = reqwest::Client::builder().no_proxy().build()?;
    let api = cluster.objects(workload);
    let begun = Instant::now();
    let each = stream::iter(creates.iter().zip(statuses)).map(async |(create, (name, status))| {
        upstream.repeat(&http, create).await?;
        let mut patch = json!({ "status": status });
        patch["status"]["observedGeneration"] = json!(generation);
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        anyhow::Ok(())
    });
    each.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    Ok(begun.elapsed())
}
