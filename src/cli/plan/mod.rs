//! `cloud-policy plan`: shows what the operator would do with manifests, and writes nothing.

mod cluster;
mod given;

use crate::cli::files;
use crate::cli::output::{pretty, print};
use crate::manifests::Input;
use crate::plan::Judged;
use crate::plan::connections::Limits;
use crate::plan::owners::Owners;
use crate::plan::verdict::{FailOn, Verdict};
use crate::plan::{Connections, Given, Manifests, Planner, Report, render, test_guardrails};
use crate::upstream::{EndpointRules, HostPattern, HttpSettings};
use clap::{Args as ClapArgs, ValueEnum};
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

pub use given::GivenName;

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

    /// Credentials of a connection, such as `ncloud=env:NCLOUD_`: the connection with this name uses the variables
    /// NCLOUD_ACCESS_KEY and NCLOUD_SECRET_KEY, or NCLOUD_TOKEN for SpaceONE. NCLOUD_ENDPOINT (and NCLOUD_DOMAIN_ID,
    /// NCLOUD_API_STYLE and NCLOUD_REPOSITORY_ID) replace the endpoint of its manifest. Can be repeated.
    #[arg(long = "connection", value_name = "NAME=env:PREFIX")]
    connections: Vec<GivenName>,

    /// Identifies the cluster in the owner tags of upstream objects, as in `cloud-policy run`. Without it, every upstream
    /// object with an owner tag counts as that of another owner.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// What the manifests are compared with: the objects in the cloud accounts alone (`upstream`), or also what the cluster
    /// of the kubeconfig knows of them (`cluster`).
    #[arg(long, value_enum, default_value_t = Against::Upstream)]
    against: Against,

    /// With `--against cluster`: also plan the deletion of the objects in the namespaces of the manifests that no manifest
    /// describes.
    #[arg(long, value_enum)]
    prune_scope: Option<PruneScope>,

    /// Format of the output.
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// Exit with 4 if some request gets more access (`widening`), or if anything changes (`change`).
    #[arg(long, value_enum, default_value_t = FailOnArg::Never)]
    fail_on: FailOnArg,

    /// Show the number of users of an upstream object whose access changes (`count`), or their names, too (`names`).
    #[arg(long = "holders", value_enum, default_value_t = Shown::Count)]
    used_by: Shown,

    /// Also show objects of which nothing changes.
    #[arg(long)]
    all: bool,

    /// Hosts that get credentials besides those of the gateways of NAVER Cloud and of the variables that end in ENDPOINT:
    /// manifests may name others, and not everyone who writes a manifest may see the credentials.
    #[arg(long, env = "CLOUD_POLICY_ALLOWED_HOSTS", value_delimiter = ',')]
    allowed_hosts: Vec<HostPattern>,

    /// Allow endpoints on loopback and private addresses.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES")]
    allow_private_addresses: bool,

    /// Allow endpoints without TLS. Credentials are then sent unencrypted.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_HTTP")]
    allow_http: bool,

    /// Requests per second of each connection, instead of those of its manifest.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    requests_per_second: Option<u16>,
}

/// Flags of `cloud-policy guardrails test`.
#[derive(Debug, ClapArgs)]
pub struct GuardrailArgs {
    #[command(flatten)]
    files: FileArgs,

    /// Format of the output.
    #[arg(short = 'o', long, value_enum, default_value_t = PlainOutput::Text)]
    output: PlainOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    /// The objects in the cloud accounts.
    Upstream,
    /// Also the objects of the cluster, and their status.
    Cluster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PruneScope {
    /// The namespaces of the manifests.
    Namespace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlainOutput {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
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

/// Plans, prints the plan, and returns the exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut manifests = read(&args.files)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let owners = runtime.block_on(compare(args, &mut manifests))?;
    let given = args.connections.iter().map(given::read).collect::<anyhow::Result<Vec<Given>>>()?;
    let connections = Connections::open(&manifests, &given, &limits(args, &given));
    for name in connections.unused(&given) {
        eprintln!("warning: no object uses connection {name}");
    }
    for key in connections.without_guardrails() {
        eprintln!("warning: the guardrails of {key} are not known: plan its manifest, too");
    }
    let planner = Planner {
        connections,
        owners,
        since: Instant::now(),
        now: Timestamp::now(),
        names_users: args.used_by == Shown::Names,
    };
    let report = runtime.block_on(planner.plan(&manifests));
    print(&rendered(args, &report)?)?;
    let fail_on = match args.fail_on {
        FailOnArg::Widening => FailOn::Widening,
        FailOnArg::Change => FailOn::Change,
        FailOnArg::Never => FailOn::Never,
    };
    Ok(code(report.verdict(fail_on)))
}

/// Puts the manifests beside what the cluster has, if it is asked. Returns what is known of owners.
async fn compare(args: &Args, manifests: &mut Manifests) -> anyhow::Result<Owners> {
    let id = args.cluster_id.clone().filter(|id| !id.is_empty());
    if args.against == Against::Upstream {
        anyhow::ensure!(args.prune_scope.is_none(), "--prune-scope needs --against cluster");
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

fn rendered(args: &Args, report: &Report) -> anyhow::Result<String> {
    Ok(match args.output {
        Output::Text => render::text(report, args.all),
        Output::Markdown => render::markdown(report),
        Output::Json => pretty(&serde_json::to_value(report)?)?,
        Output::Sarif => pretty(&render::sarif(report))?,
    })
}

/// Judges manifests by the guardrails of the connections among them.
pub fn test(args: &GuardrailArgs) -> anyhow::Result<ExitCode> {
    let manifests = read(&args.files)?;
    let tested = test_guardrails(&manifests);
    let unreadable =
        manifests.unreadable.iter().map(|it| format!("{}:{}: {}", it.origin.file, it.origin.line, it.message));
    let unreadable: Vec<String> = unreadable.collect();
    let is_known = |it: &crate::plan::Tested| matches!(it.result, crate::plan::TestResult::Judged(_));
    let complete = unreadable.is_empty() && tested.iter().all(is_known);
    let is_beyond = |it: &crate::plan::Tested| {
        matches!(&it.result, crate::plan::TestResult::Judged(Judged { beyond: Some(_), .. }))
    };
    let beyond = tested.iter().any(is_beyond);
    let text = match args.output {
        PlainOutput::Json => pretty(
            &json!({ "version": "cloudpolicy.dev/guardrails-test/v1", "objects": tested, "failures": unreadable }),
        )?,
        PlainOutput::Text => tested_text(&tested, &unreadable),
    };
    print(&text)?;
    Ok(code(match (complete, beyond) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::Refused,
        (true, false) => Verdict::Nothing,
    }))
}

fn tested_text(tested: &[crate::plan::Tested], unreadable: &[String]) -> String {
    use crate::plan::TestResult;
    let line = |it: &crate::plan::Tested| {
        let (sign, note) = match &it.result {
            TestResult::Judged(Judged { beyond: Some(beyond), .. }) => ("denied ", format!(": {beyond}")),
            TestResult::Judged(Judged { warning: Some(warning), .. }) => ("warning", format!(": {warning}")),
            TestResult::Judged(_) => ("allowed", String::new()),
            TestResult::Failed(why) => ("unknown", format!(": {why}")),
        };
        format!("{sign} {} [{}:{}]{note}\n", it.object, it.file, it.line)
    };
    let unreadable = unreadable.iter().map(|message| format!("unknown {message}\n"));
    tested.iter().map(line).chain(unreadable).collect()
}

fn read(args: &FileArgs) -> anyhow::Result<Manifests> {
    let inputs: Vec<Input> = files::read(&args.filenames)?;
    let manifests = Manifests::read(&inputs, &args.namespace);
    let is_empty = manifests.objects.is_empty() && manifests.unreadable.is_empty();
    anyhow::ensure!(!is_empty, "no object to plan in the manifests: they contain no object of this API");
    Ok(manifests)
}

fn limits(args: &Args, given: &[Given]) -> Limits {
    let mut rules = EndpointRules {
        allow_http: args.allow_http,
        allow_private: args.allow_private_addresses,
        ..EndpointRules::default()
    };
    rules.allowed_hosts.extend(args.allowed_hosts.iter().cloned());
    rules.allowed_hosts.extend(given.iter().filter_map(given::host));
    let rate = args.requests_per_second.map(|rate| crate::api::connection::RateLimit {
        requests_per_second: i32::from(rate),
        burst: 2 * i32::from(rate),
    });
    Limits { rules, http: HttpSettings::default(), rate }
}
