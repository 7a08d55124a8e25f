//! What happens to the objects of one collection, in this order: a crowd is created, rests, and gets neighbours that
//! are created, edited and deleted alone; the operator starts again, without and with drift; the crowd is deleted; and
//! the bare loop repeats the creation.
//!
//! Users create and delete a crowd while the operator does not run. So the time is the operator's own, without the time
//! that users and the API server need for the objects, and the requests do not depend on how fast objects arrive.

use crate::arguments::Arguments;
use crate::bare_loop::{self, Recorded};
use crate::cluster::{Cluster, Writes};
use crate::figures::{Alone, Creation, Figures, Work};
use crate::operator::Operator;
use crate::upstream::Upstream;
use crate::watched::Watched;
use crate::workload::Workload;
use anyhow::Context;
use cloud_policy_testbed::wait_for;
use kube::ResourceExt;
use kube::api::ListParams;
use std::cell::Cell;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::time::sleep;

/// How many objects are created, edited and deleted alone.
const ALONE: usize = 5;

/// How long no request arrives when a change is done.
const QUIET: Duration = Duration::from_secs(1);

/// How long the operator rests before its memory counts.
const REST: Duration = Duration::from_secs(5);

/// The patience for one object, and for each object of a crowd.
const PATIENCE: Duration = Duration::from_mins(1);
const PATIENCE_EACH: Duration = Duration::from_millis(500);

/// Measures one collection.
pub async fn run(cluster: &Cluster, workload: Workload, arguments: &Arguments) -> anyhow::Result<Figures> {
    let mut bench = Bench::set_up(cluster, workload, arguments).await?;
    bench.tell("creating a crowd");
    let (operator, creation) = bench.creation().await?;
    let recorded = bench.current_state().await?;
    bench.tell("creating, editing and deleting alone");
    let alone = bench.alone().await?;
    operator.stop()?;
    bench.tell("starting again, without and with drift");
    let restart = bench.restart().await?;
    let drift_of_one = bench.drift(1).await?;
    let drift_of_all = bench.drift(bench.names.len()).await?;
    bench.tell("deleting the crowd");
    let deletion = bench.deletion().await?;
    bench.tell("running the bare loop");
    let bare = bench.bare_loop(&recorded).await?;
    Ok(Figures {
        collection: workload.title(),
        objects: bench.names.len(),
        bare_loop_seconds: bare.as_secs_f64(),
        creation,
        alone,
        restart,
        drift_of_one,
        drift_of_all,
        deletion,
    })
}

struct Bench<'a> {
    cluster: &'a Cluster,
    workload: Workload,
    upstream: Upstream,
    watched: Watched,
    names: Vec<String>,
    zone: String,
    patience: Duration,
    folder: TempDir,
}

impl<'a> Bench<'a> {
    async fn set_up(cluster: &'a Cluster, workload: Workload, arguments: &Arguments) -> anyhow::Result<Self> {
        let upstream = Upstream::start(workload, arguments.latency).await?;
        cluster.create_namespace(workload.namespace()).await?;
        cluster.connect(workload, upstream.connection(), arguments.rate).await?;
        let objects = workload.at_most(arguments.objects);
        Ok(Self {
            cluster,
            workload,
            watched: Watched::start(cluster.client.clone(), workload.namespace(), &workload.resource()),
            names: (0..objects).map(|number| format!("crowd-{number}")).collect(),
            zone: upstream.zone()?,
            upstream,
            patience: PATIENCE + PATIENCE_EACH * objects,
            folder: tempfile::tempdir()?,
        })
    }

    fn tell(&self, what: &str) {
        eprintln!("bench: {} {}: {what}", self.names.len(), self.workload.title());
    }

    async fn start_operator(&self) -> anyhow::Result<Operator> {
        // A log of its own, because the address in it is that of the process.
        let folder = tempfile::tempdir_in(self.folder.path())?.keep();
        Operator::start(self.cluster, &folder).await
    }

    /// Begins to count requests and writes.
    async fn begin(&self) -> anyhow::Result<Writes> {
        self.upstream.journal().clear();
        self.cluster.writes().await
    }

    /// Returns what was counted since `before`, without what users wrote, when no more requests arrive.
    async fn finish(&self, before: Writes, by_users: u64) -> anyhow::Result<(Work, u64)> {
        self.upstream.quiet(QUIET).await;
        let Writes { objects, events } = self.cluster.writes().await? - before;
        let requests = self.upstream.requests();
        let kubernetes_writes = objects.saturating_sub(by_users);
        Ok((Work { seconds: 0.0, upstream_requests: requests, kubernetes_writes }, events))
    }

    /// Returns the time since the first upstream request.
    fn since_first_request(&self) -> anyhow::Result<Duration> {
        let entries = self.upstream.journal().entries();
        let first = entries.first().context("no request has arrived")?.at;
        Ok(Duration::try_from(self.upstream.now().duration_since(first))?)
    }

    async fn creation(&mut self) -> anyhow::Result<(Operator, Creation)> {
        self.cluster.create(self.workload, &self.names, &self.zone).await?;
        self.watched.exist(self.names.len(), self.patience).await?;
        let before = self.begin().await?;
        let operator = self.start_operator().await?;
        self.watched.all_ready(self.names.len(), self.patience).await?;
        let time = self.since_first_request()?;
        let (work, events) = self.finish(before, 0).await?;
        let cpu_millis = operator.cpu_millis()?;
        sleep(REST).await;
        let (rest_kilobytes, peak_kilobytes) = operator.memory()?;
        Ok((operator, Creation { work: work.took(time), events, cpu_millis, peak_kilobytes, rest_kilobytes }))
    }

    /// Returns the creates, and the statuses that the objects have now.
    async fn current_state(&self) -> anyhow::Result<Recorded> {
        let creates = self.upstream.creates();
        let objects = self.cluster.objects(self.workload).list(&ListParams::default()).await?;
        let status = |object: kube::api::DynamicObject| (object.name_any(), object.data["status"].clone());
        Ok(Recorded { creates, statuses: objects.items.into_iter().map(status).collect() })
    }

    async fn alone(&mut self) -> anyhow::Result<Alone> {
        let (mut create, mut edit, mut delete) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..ALONE {
            let name = [format!("alone-{number}")];
            create.push(self.create_alone(&name).await?);
            edit.push(self.edit_alone(&name[0]).await?);
            delete.push(self.delete_alone(&name).await?);
        }
        let median = |of| Work::median(of).context("nothing was measured");
        Ok(Alone { create: median(create)?, edit: median(edit)?, delete: median(delete)? })
    }

    async fn create_alone(&mut self, name: &[String; 1]) -> anyhow::Result<Work> {
        let before = self.begin().await?;
        let begun = Instant::now();
        self.cluster.create(self.workload, name, &self.zone).await?;
        self.watched.ready(&name[0], 1, PATIENCE).await?;
        let time = begun.elapsed();
        Ok(self.finish(before, 1).await?.0.took(time))
    }

    async fn edit_alone(&mut self, name: &str) -> anyhow::Result<Work> {
        let before = self.begin().await?;
        let begun = Instant::now();
        let generation = self.cluster.edit(self.workload, name).await?;
        self.watched.ready(name, generation, PATIENCE).await?;
        let time = begun.elapsed();
        Ok(self.finish(before, 1).await?.0.took(time))
    }

    async fn delete_alone(&mut self, name: &[String; 1]) -> anyhow::Result<Work> {
        let before = self.begin().await?;
        let begun = Instant::now();
        self.cluster.delete(self.workload, name).await?;
        self.watched.gone(&name[0], PATIENCE).await?;
        let time = begun.elapsed();
        Ok(self.finish(before, 1).await?.0.took(time))
    }

    /// Starts the operator with settled objects, until it reconciles none of them any more. It may reconcile an object
    /// twice, first without the connection.
    async fn restart(&self) -> anyhow::Result<Work> {
        let before = self.begin().await?;
        let begun = Instant::now();
        let operator = self.start_operator().await?;
        let wanted = self.names.len() as u64;
        let last = Cell::new((0, begun));
        wait_for("all objects to be compared", self.patience, || async {
            let done = operator.reconciles(self.workload.kind()).await?;
            if done != last.get().0 {
                last.set((done, Instant::now()));
            }
            anyhow::ensure!(done >= wanted && last.get().1.elapsed() > QUIET, "{done} of {wanted} objects");
            Ok(())
        })
        .await?;
        let time = last.get().1 - begun;
        let (work, _) = self.finish(before, 0).await?;
        operator.stop()?;
        Ok(work.took(time))
    }

    /// Starts the operator after another writer has changed this many objects, until all are corrected.
    async fn drift(&self, objects: usize) -> anyhow::Result<Work> {
        self.upstream.drift(objects);
        let before = self.begin().await?;
        let operator = self.start_operator().await?;
        wait_for("drift to be corrected", self.patience, || async {
            let left = self.upstream.drifted();
            anyhow::ensure!(left == 0, "{left} of {objects} objects drift");
            Ok(())
        })
        .await?;
        let time = self.since_first_request()?;
        let (work, _) = self.finish(before, 0).await?;
        operator.stop()?;
        Ok(work.took(time))
    }

    async fn deletion(&mut self) -> anyhow::Result<Work> {
        self.cluster.delete(self.workload, &self.names).await?;
        let before = self.begin().await?;
        let operator = self.start_operator().await?;
        self.watched.exist(0, self.patience).await?;
        let time = self.since_first_request()?;
        let (work, _) = self.finish(before, 0).await?;
        operator.stop()?;
        Ok(work.took(time))
    }

    /// Creates the objects again and runs the bare loop on them; then nothing is left.
    async fn bare_loop(&mut self, recorded: &Recorded) -> anyhow::Result<Duration> {
        self.cluster.create(self.workload, &self.names, &self.zone).await?;
        self.watched.exist(self.names.len(), self.patience).await?;
        let time = bare_loop::run(self.cluster, &self.upstream, self.workload, recorded).await?;
        self.cluster.delete(self.workload, &self.names).await?;
        Ok(time)
    }
}
