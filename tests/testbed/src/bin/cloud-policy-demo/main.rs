//! `make demo`: kubectl manages NAVER Cloud and SpaceONE policies. All servers run on loopback.
//!
//! The demo uses only the interfaces of a user: kubectl for Kubernetes, HTTP for the upstreams. It
//! runs the operator as a program. It checks each step. At the first failure it ends and prints the
//! expected value, the actual value and the end of the operator's log.
//!
//! | module | content |
//! | --- | --- |
//! | [`environment`] | the servers and the operator, steps 1 to 4, from [`programs`], [`servers`] and [`operator`] |
//! | [`scenario`] | the other steps |
//! | [`background`] | `KEEP=1`: the same environment in the background, and its end |
//! | [`cluster`], [`upstreams`], [`http`] | kubectl, and both upstreams as a user sees them |
//! | [`write_counts`] | the number of writes in the upstream journals |
//! | [`overlay`] | `deploy/samples` with patched endpoints and credentials |
//! | [`output`] | standard output |

#![forbid(unsafe_code)]

mod background;
mod cluster;
mod environment;
mod http;
mod operator;
mod output;
mod overlay;
mod programs;
mod scenario;
mod servers;
mod upstreams;
mod write_counts;

use anyhow::anyhow;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use environment::{Environment, Options};
use output::Output;
use scenario::Cleanup;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Show how kubectl manages NAVER Cloud and SpaceONE policies on a real kube-apiserver.
#[derive(Debug, Parser)]
#[command(name = "cloud-policy-demo", version, max_term_width = 100)]
struct Cli {
    /// Leave everything running in the background, in .demo; `stop` ends it.
    #[arg(long, env = "KEEP", value_parser = FalseyValueParser::new())]
    keep: bool,

    /// Use the real SpaceONE servers instead of the simulator.
    #[arg(long, env = "REAL_SPACEONE", value_parser = FalseyValueParser::new())]
    real_spaceone: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End the background processes of --keep.
    Stop,
    /// Run the environment until `stop`; --keep starts this in the background.
    #[command(hide = true)]
    Serve,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    // The client needs a TLS provider, although the demo uses only plain HTTP.
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow!("another TLS provider is installed already"))?;
    match cli.command {
        Some(Command::Stop) => background::stop(),
        Some(Command::Serve) => background::serve(cli.real_spaceone).await,
        None => demo(cli.keep, cli.real_spaceone).await,
    }
}

async fn demo(keep: bool, real_spaceone: bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    println!("NAVER Cloud and SpaceONE policies as Kubernetes objects. All servers listen only on loopback.");
    let result = if keep {
        let environment = background::start(real_spaceone).await?;
        let result = run_scenario(&environment, Cleanup::Keep).await;
        background::explain(&environment);
        result
    } else {
        let programs = environment::prepare(real_spaceone)?;
        let options = Options { folder: scratch()?, temporary: true, real_spaceone };
        let (environment, running) = environment::start(&programs, &options, &mut Output::after(0)).await?;
        let result = run_scenario(&environment, Cleanup::Delete).await;
        drop(running);
        result
    };
    let seconds = begun.elapsed().as_secs_f32();
    match result {
        Ok(()) => println!("All steps passed in {seconds:.1} seconds."),
        Err(_) => println!("The demo failed after {seconds:.1} seconds."),
    }
    result
}

/// Creates a folder that only this user can read.
fn scratch() -> anyhow::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix("cloud-policy-demo-").tempdir()?.keep())
}

/// Runs all steps. Prints diagnostics when a step fails.
async fn run_scenario(environment: &Environment, cleanup: Cleanup) -> anyhow::Result<()> {
    let mut output = Output::after(environment.steps);
    match scenario::run(environment, cleanup, &mut output).await {
        Ok(()) => Ok(()),
        Err(error) => {
            eprintln!("\nStep {} failed: {error:#}", output.steps());
            eprintln!("{}", environment.diagnostics().await);
            Err(anyhow!("step {} failed, see above", output.steps()))
        }
    }
}
