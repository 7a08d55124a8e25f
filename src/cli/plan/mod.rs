//! `cloud-policy plan`: shows what the operator would do with manifests, and writes nothing.

mod against;
pub(super) mod cluster;
mod git;
mod guardrails;
mod output;

use super::accounts::AccountArgs;
use super::files;
use super::output::{check, tell};
use super::terminal::Progress;
use crate::plan::owners::Owners;
use crate::plan::verdict::{FailOn, Verdict};
use crate::plan::{Connections, Manifests, Planner, Report, between};
use against::Against;
use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use output::Target;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

pub use guardrails::{GuardrailArgs, test};

/// Flags that name manifests.
#[derive(Debug, ClapArgs)]
pub struct FileArgs {
    /// File or folder with manifests in YAML or JSON, or `-` for standard input. Folders are read with
    /// everything below them. Can be repeated.
    #[arg(short = 'f', long = "filename", value_name = "PATH", required = true)]
    filenames: Vec<PathBuf>,

    /// Namespace of objects that name none.
    #[arg(short = 'n', long, default_value = "default")]
    namespace: String,
}

/// Flags of `cloud-policy plan`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    files: FileArgs,

    #[command(flatten)]
    accounts: AccountArgs,

    /// Identifies the cluster in the owner tags of upstream objects, as in `cloud-policy run`. Without it, every upstream
    /// object with an owner tag counts as that of another owner.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// What the manifests are compared with: the objects in the cloud accounts alone (`upstream`), or also what the cluster
    /// of the kubeconfig knows of them (`cluster`), or the same files at a branch, tag or commit, such as `git:main`, without
    /// any cloud account.
    #[arg(long, value_name = "upstream|cluster|git:REF", default_value = "upstream")]
    against: Against,

    /// With `--against cluster`: also plan the deletion of the objects in the namespaces of the manifests that no manifest
    /// describes.
    #[arg(long, value_enum)]
    prune_scope: Option<PruneScope>,

    /// Format of the output: `text` (the default), `markdown`, `json` or `sarif`. With `=FILE`, such as
    /// `markdown=plan.md`, the file takes it instead of standard output. Can be repeated.
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]")]
    outputs: Vec<Target>,

    /// Save the plan to this file as JSON, with the hash of what would be written. A plan that is not complete is not saved.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,

    /// Exit with 4 if some request gets more access (`widening`), or if anything changes (`change`).
    #[arg(long, value_enum, default_value_t = FailOnArg::Never)]
    fail_on: FailOnArg,

    /// Show the number of users of an upstream object whose access changes (`count`), or their names, too (`names`).
    #[arg(long = "holders", value_enum, default_value_t = Shown::Count)]
    used_by: Shown,

    /// Also show objects of which nothing changes.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PruneScope {
    /// The namespaces of the manifests.
    Namespace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOnArg {
    /// Some request gets more access, or may get it.
    Widening,
    /// Anything changes.
    Change,
    /// Never.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Only their number.
    Count,
    /// Their names, too.
    Names,
}

/// Plans, writes the plan, and returns the exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    check(&args.outputs)?;
    let is_pruned_elsewhere = args.prune_scope.is_some() && args.against != Against::Cluster;
    anyhow::ensure!(!is_pruned_elsewhere, "--prune-scope needs --against cluster");
    let report = match &args.against {
        Against::Git(reference) => against_git(args, reference)?,
        Against::Upstream | Against::Cluster => planned(args)?,
    };
    output::write(&args.outputs, &report, args.all)?;
    if let Some(file) = &args.save {
        output::save(file, &report)?;
    }
    let fail_on = match args.fail_on {
        FailOnArg::Widening => FailOn::Widening,
        FailOnArg::Change => FailOn::Change,
        FailOnArg::Never => FailOn::Never,
    };
    Ok(code(report.verdict(fail_on)))
}

/// Compares the files with the same ones at a git reference.
fn against_git(args: &Args, reference: &str) -> anyhow::Result<Report> {
    let paths = &args.files.filenames;
    let before = Manifests::read(&git::read(reference, paths)?, &args.files.namespace);
    let after = Manifests::read(&files::read_existing(paths)?, &args.files.namespace);
    let is_empty = |it: &Manifests| it.objects.is_empty() && it.unreadable.is_empty();
    anyhow::ensure!(!is_empty(&before) || !is_empty(&after), NOTHING);
    Ok(between(&before, &after))
}

/// Plans the files against the upstreams, and a cluster if it is asked.
fn planned(args: &Args) -> anyhow::Result<Report> {
    let given = args.accounts.given()?;
    let mut manifests = read(&args.files)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let owners = runtime.block_on(compare(args, &mut manifests))?;
    let connections = Connections::open(&manifests, &given, &args.accounts.limits(&given));
    for name in connections.unused(&given) {
        tell(&format!("warning: no object uses connection {name}"));
    }
    for key in connections.without_guardrails() {
        tell(&format!("warning: the guardrails of {key} are not known: plan its manifest, too"));
    }
    let planner = Planner {
        connections,
        owners,
        since: Instant::now(),
        now: Timestamp::now(),
        names_users: args.used_by == Shown::Names,
        on_planned: Box::new({
            let progress = Progress::new("planned");
            progress.expect(manifests.objects.len() + manifests.removed.len());
            move || progress.advance()
        }),
    };
    Ok(runtime.block_on(planner.plan(&manifests)))
}

/// Puts the manifests beside what the cluster has, if it is asked. Returns what is known of owners.
async fn compare(args: &Args, manifests: &mut Manifests) -> anyhow::Result<Owners> {
    let id = args.cluster_id.clone().filter(|id| !id.is_empty());
    if args.against != Against::Cluster {
        return Ok(id.map_or(Owners::Unknown, |id| Owners::Cluster { id }));
    }
    let namespaces = manifests.objects.iter().map(|object| object.namespace.clone()).collect();
    let cluster::Read { cluster, connections } = cluster::read(id, &namespaces).await?;
    manifests.add_connections(&connections);
    manifests.compare(&cluster, args.prune_scope.is_some());
    Ok(cluster.owners())
}

fn code(verdict: Verdict) -> ExitCode {
    ExitCode::from(verdict as u8)
}

/// The error of manifests without any object.
const NOTHING: &str = "no object to plan in the manifests: they contain no object of this API";

fn read(args: &FileArgs) -> anyhow::Result<Manifests> {
    let manifests = Manifests::read(&files::read(&args.filenames)?, &args.namespace);
    let is_empty = manifests.objects.is_empty() && manifests.unreadable.is_empty();
    anyhow::ensure!(!is_empty, NOTHING);
    Ok(manifests)
}
