//! The command line: reads flags and environment once, and prints. No logic of its own.

#![allow(clippy::doc_markdown, reason = "doc comments of arguments are the text of --help, where backticks are noise")]

pub mod crds;
pub mod run;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Keeps NAVER Cloud Platform and SpaceONE policies as Kubernetes objects say.
#[derive(Debug, Parser)]
#[command(name = "cloud-policy", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator: watch the four kinds and keep the upstreams as they say.
    Run(Box<run::Args>),
    /// Print the CustomResourceDefinitions as YAML, or write them into a folder.
    Crds {
        /// Write one file per kind into this folder instead of printing.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(*args),
        Command::Crds { dir } => crds::print(dir.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
