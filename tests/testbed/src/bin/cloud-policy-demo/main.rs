//! `make demo`: kubectl drives NAVER Cloud and SpaceONE, with everything on loopback.
//!
//! The driver does what a user can do and nothing else: kubectl for Kubernetes, HTTP for the
//! upstreams. It knows the operator as a program. Every step is checked; the first that is not as
//! it should be ends the demo with what was expected, what was seen and the operator's last words.
//!
//! | module | what |
//! | --- | --- |
//! | [`stage`] | the real parts, steps 1 to 4, from [`programs`], [`servers`] and [`operator`] |
//! | [`story`] | what is done with them, the other steps |
//! | [`keeper`] | `KEEP=1`: the same stage in the background, and its end |
//! | [`cluster`], [`upstreams`], [`http`] | kubectl, and both upstreams as a user sees them |
//! | [`ledger`] | the upstream journals, as numbers |
//! | [`overlay`] | `deploy/samples` with endpoints and credentials patched in |
//! | [`narrator`] | standard output |

#![forbid(unsafe_code)]

mod cluster;
mod http;
mod keeper;
mod ledger;
mod narrator;
mod operator;
mod overlay;
mod programs;
mod servers;
mod stage;
mod story;
mod upstreams;

use anyhow::anyhow;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use narrator::Narrator;
use stage::{Order, Stage};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use story::Ending;

/// Watch kubectl drive NAVER Cloud and SpaceONE policies, on a real kube-apiserver.
#[derive(Debug, Parser)]
#[command(name = "cloud-policy-demo", version, max_term_width = 100)]
struct Cli {
    /// Leave everything running in the background, in .demo; `stop` ends it.
    #[arg(long, env = "KEEP", value_parser = FalseyValueParser::new())]
    keep: bool,

    /// Drive the real SpaceONE servers instead of the simulator.
    #[arg(long, env = "REAL_SPACEONE", value_parser = FalseyValueParser::new())]
    real_spaceone: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End what --keep left running.
    Stop,
    /// Hold the stage until `stop`; --keep starts this in the background.
    #[command(hide = true)]
    Hold,
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
    // The upstreams are asked over plain HTTP, yet the client wants to know its TLS.
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| anyhow!("another TLS provider is installed already"))?;
    match cli.command {
        Some(Command::Stop) => keeper::stop(),
        Some(Command::Hold) => keeper::hold(cli.real_spaceone).await,
        None => demo(cli.keep, cli.real_spaceone).await,
    }
}

async fn demo(keep: bool, real_spaceone: bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    println!("NAVER Cloud and SpaceONE policies as Kubernetes objects. Everything here listens on loopback only.");
    let played = if keep {
        let stage = keeper::raise(real_spaceone).await?;
        let played = play(&stage, Ending::Stay).await;
        keeper::explain(&stage);
        played
    } else {
        let programs = stage::prepare(real_spaceone)?;
        let order = Order { folder: scratch()?, temporary: true, real_spaceone };
        let (stage, running) = stage::raise(&programs, &order, &mut Narrator::after(0)).await?;
        let played = play(&stage, Ending::Delete).await;
        drop(running);
        played
    };
    let seconds = begun.elapsed().as_secs_f32();
    match played {
        Ok(()) => println!("Every step was as it should be. {seconds:.1} seconds in all."),
        Err(_) => println!("Not as it should be, after {seconds:.1} seconds."),
    }
    played
}

/// A new folder that only this user can read.
fn scratch() -> anyhow::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix("cloud-policy-demo-").tempdir()?.keep())
}

/// Plays all steps; a wrong one is reported with all that explains it.
async fn play(stage: &Stage, ending: Ending) -> anyhow::Result<()> {
    let mut narrator = Narrator::after(stage.steps);
    match story::play(stage, ending, &mut narrator).await {
        Ok(()) => Ok(()),
        Err(wrong) => {
            eprintln!("\nStep {} went wrong: {wrong:#}", narrator.steps());
            eprintln!("{}", stage.last_words().await);
            Err(anyhow!("step {} went wrong, see above", narrator.steps()))
        }
    }
}
