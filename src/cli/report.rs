//! `cloud-policy report`: reviews who has access to cloud accounts, and writes nothing there.

use super::accounts::AccountArgs;
use super::output::{self, plain, pretty, print};
use super::terminal::Progress;
use super::{files, plan};
use crate::export::{Selection, read};
use crate::manifests::Manifests;
use crate::plan::{Given, connections};
use crate::review::report::Reviewed;
use crate::review::{Header, Report, Sources, render};
use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// The program and its version.
const TOOL: &str = concat!("cloud-policy ", env!("CARGO_PKG_VERSION"));

/// Flags of `cloud-policy report`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    accounts: AccountArgs,

    /// File or folder with manifests, or `-` for standard input: the report names the file and line of the object that describes
    /// a policy. Can be repeated.
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    filenames: Vec<PathBuf>,

    /// Namespace of objects that name none.
    #[arg(short = 'n', long, default_value = "default")]
    namespace: String,

    /// What the owner tags are compared with: nothing (`upstream`), or all objects of the cluster of the kubeconfig (`cluster`).
    #[arg(long, value_enum, default_value_t = Against::Upstream)]
    against: Against,

    /// With `--against cluster`: identifies the cluster in owner tags, as in `cloud-policy run`.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// Annotation of the objects that names their revision, such as `example.com/git-revision`.
    #[arg(long, value_name = "KEY")]
    revision_annotation: Option<String>,

    /// Show the number of holders of each policy (`count`), or their names, too (`names`).
    #[arg(long = "holders", value_enum, default_value_t = Shown::Count)]
    used_by: Shown,

    /// Leave out the policies that the provider manages. Each takes up to two requests.
    #[arg(long)]
    without_provider_policies: bool,

    /// Format of the report: `markdown` (the default), `csv` or `json`. With `=FILE`, such as `csv=review.csv`, the file takes it
    /// instead of standard output. Can be repeated.
    #[arg(short = 'o', long = "output", value_name = "FORMAT[=FILE]")]
    outputs: Vec<Target>,

    /// Time in the report, in seconds since 1970, instead of now: two reports of one state are then equal.
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "SECONDS")]
    source_date_epoch: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    /// Nothing.
    Upstream,
    /// The cluster of the kubeconfig.
    Cluster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Only their number.
    Count,
    /// Their names, too.
    Names,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// For people.
    Markdown,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

impl output::Format for Format {
    const ALL: &'static [(&'static str, Self)] =
        &[("markdown", Self::Markdown), ("csv", Self::Csv), ("json", Self::Json)];
}

/// A value of `--output`.
type Target = output::Target<Format>;

/// Reports, and returns the exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    output::check(&args.outputs)?;
    let given = args.accounts.given()?;
    anyhow::ensure!(!given.is_empty(), "nothing to report: name a connection with --connection NAME=env:PREFIX_");
    let names: BTreeSet<&str> = given.iter().map(|given| given.name.as_str()).collect();
    anyhow::ensure!(names.len() == given.len(), "--connection names a connection twice: remove one");
    let time = match args.source_date_epoch {
        Some(seconds) => Timestamp::from_second(seconds)?,
        None => Timestamp::from_second(Timestamp::now().as_second())?,
    };
    let header = Header { time: time.to_string(), tool: TOOL.to_owned(), names_users: args.used_by == Shown::Names };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (known, reviewed) = runtime.block_on(async {
        let known = known(args).await?;
        Ok::<_, anyhow::Error>((known, read_all(args, &given).await?))
    })?;
    let report = Report::of(header, &reviewed, &known);
    output::write(&args.outputs, |format| rendered(format, &report), |_, text| print(text))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the objects of the cluster and of the files.
async fn known(args: &Args) -> anyhow::Result<Sources> {
    let revision = args.revision_annotation.as_deref();
    let mut known = Sources::default();
    if args.against == Against::Cluster {
        let id = args.cluster_id.clone().filter(|id| !id.is_empty());
        known = known.with_cluster(&plan::cluster::whole(id).await?, revision);
    }
    let manifests = Manifests::read(&files::read(&args.filenames)?, &args.namespace);
    known.with_files(&manifests, revision).map_err(anyhow::Error::msg)
}

/// Reads the accounts of all connections.
async fn read_all(args: &Args, given: &[Given]) -> anyhow::Result<Vec<Reviewed>> {
    let limits = args.accounts.limits(given);
    let selection =
        Selection { with_users: true, with_reserved: !args.without_provider_policies, ..Selection::default() };
    let progress = Progress::new("read");
    let on_step = |step| progress.step(step);
    let mut all = Vec::new();
    for given in given {
        let account = connections::account(given, &limits).map_err(anyhow::Error::msg)?;
        let found = read(&account, &selection, Instant::now(), &on_step).await;
        let found = found.map_err(|unread| anyhow::anyhow!(plain(&unread.sentence(&given.name))))?;
        all.push(Reviewed {
            connection: given.name.clone(),
            endpoint: account.endpoint().to_owned(),
            account: account.id(),
            found,
        });
    }
    Ok(all)
}

fn rendered(format: Format, report: &Report) -> anyhow::Result<String> {
    match format {
        Format::Markdown => Ok(render::markdown(report)),
        Format::Csv => Ok(render::csv(report)),
        Format::Json => pretty(report),
    }
}
