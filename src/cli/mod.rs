//! The command line: reads flags and environment once, and prints. No logic of its own.

#![allow(clippy::doc_markdown, reason = "doc comments of arguments are the text of --help, where backticks are noise")]

pub mod crds;
pub mod flags;
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
    Run(Box<flags::Args>),
    /// Print the CustomResourceDefinitions as YAML, or write them into a folder.
    Crds {
        /// Write one file per kind into this folder instead of printing.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
        /// Write the reference of all fields, as Markdown, into this folder instead.
        #[arg(long, value_name = "FOLDER", conflicts_with = "dir")]
        reference: Option<PathBuf>,
    },
}

/// Parses the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(*args),
        Command::Crds { reference: Some(folder), .. } => crds::write_reference(&folder),
        Command::Crds { dir, .. } => crds::print(dir.as_deref()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes in one line, without those that the words before have told already.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        before if before.contains(&cause) => told,
        _ => format!("{told}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_told_is_not_repeated() {
        let error = anyhow::anyhow!("no such file").context("cannot read the file: no such file").context("no config");
        assert_eq!(told(&error), "no config: cannot read the file: no such file");
        assert_eq!(told(&anyhow::anyhow!("b").context("a")), "a: b");
    }
}
