//! The command line. It reads flags and environment variables once, and has no logic of its own.

#![allow(clippy::doc_markdown, reason = "clap shows doc comments of arguments in --help, where backticks do not help")]

mod accounts;
mod cluster;
pub mod crds;
pub mod export;
mod files;
pub mod flags;
mod given;
pub mod lint;
mod output;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod run;
pub mod shell;
mod terminal;

use clap::{FromArgMatches, Parser, Subcommand};
use output::{print, tell};
use shell::Caller;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Manages NAVER Cloud Platform and SpaceONE policies as Kubernetes objects.
#[derive(Debug, Parser)]
#[command(name = "cloud-policy", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator: watch policies and apply them to NAVER Cloud and SpaceONE.
    Run(Box<flags::Args>),
    /// Show what the operator would do with manifests, and write nothing. Exit codes: 0 nothing to do, 2 changes, 3
    /// something would be refused, 4 what --fail-on names, 1 the plan could not be made.
    Plan(Box<plan::Args>),
    /// Find mistakes in manifests, without any network: what the API server or the operator would refuse, and what probably
    /// means something else. Exit codes: 0 nothing that --fail-on names, 3 something, 1 it could not be told.
    Lint(lint::Args),
    /// Print manifests for what exists in cloud accounts, so that applying them changes nothing but owner tags. Exit codes: 0
    /// all is exported, 3 some object cannot be described, 1 something could not be read: then nothing is printed.
    Export(Box<export::Args>),
    /// Report who has access to cloud accounts: every policy, who holds it, and which object describes it. Exit codes: 0 all
    /// is in the report, 1 something could not be read: then there is no report.
    Report(Box<report::Args>),
    /// Print manifests for what files of other tools declare, without any network. Exit codes: 0 all is converted, 3 some
    /// object cannot be, 1 a file cannot be read.
    Convert {
        #[command(subcommand)]
        command: ConvertCommand,
    },
    /// Check what manifests grant by the guardrails of connections.
    Guardrails {
        #[command(subcommand)]
        command: GuardrailsCommand,
    },
    /// Print the CustomResourceDefinitions, or write them to a folder.
    Crds {
        /// Write one file per kind to this folder instead of printing.
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
        /// Write the reference of all fields as Markdown to this folder instead of printing.
        #[arg(long, value_name = "FOLDER", conflicts_with = "dir")]
        reference: Option<PathBuf>,
        /// Write JSON schemas to this folder instead of printing, for editors and for checks without a cluster.
        #[arg(long, value_name = "FOLDER", conflicts_with_all = ["dir", "reference"])]
        json_schema: Option<PathBuf>,
        /// Format of the output.
        #[arg(short = 'o', long, value_enum, default_value_t = crds::Format::Yaml, conflicts_with_all = ["dir", "reference", "json_schema"])]
        output: crds::Format,
    },
    /// Print a script that completes this command line in a shell. For `kubectl cloud-policy`, link this program as
    /// kubectl-cloud_policy and kubectl_complete-cloud_policy into a folder of PATH.
    Completion(shell::CompletionArgs),
    /// Print the man page of this command line, or write a page for each command to a folder.
    Man(shell::ManArgs),
}

#[derive(Debug, Subcommand)]
enum ConvertCommand {
    /// Convert the task files of `spacectl apply`.
    Spacectl(export::SpacectlArgs),
}

#[derive(Debug, Subcommand)]
enum GuardrailsCommand {
    /// Judge the objects in manifests by the guardrails of the connections in them, without any network. Exit codes: 0 all
    /// are within, 3 one is beyond, 1 it could not be told.
    Test(plan::GuardrailArgs),
}

/// Parses the command line and runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let caller = Caller::of(words.next().as_ref());
    let result = match caller {
        Caller::KubectlCompletion => complete(caller, words.collect()),
        Caller::Kubectl | Caller::Shell => match parse(caller) {
            Ok(cli) => execute(cli.command, caller),
            Err(error) => return usage(&error),
        },
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("error: {}", message(&error)));
            ExitCode::FAILURE
        }
    }
}

fn parse(caller: Caller) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&caller.command::<Cli>().try_get_matches()?)
}

fn execute(command: Command, caller: Caller) -> anyhow::Result<ExitCode> {
    let success = |()| ExitCode::SUCCESS;
    match command {
        Command::Run(args) => run::run(*args).map(success),
        Command::Plan(args) => plan::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Convert { command: ConvertCommand::Spacectl(args) } => export::spacectl(&args),
        Command::Guardrails { command: GuardrailsCommand::Test(args) } => plan::test(&args),
        Command::Crds { reference: Some(folder), .. } => crds::write_reference(&folder).map(success),
        Command::Crds { json_schema: Some(folder), .. } => crds::write_schemas(&folder).map(success),
        Command::Crds { dir, output, .. } => crds::print(dir.as_deref(), output).map(success),
        Command::Completion(args) => print(&shell::completion(Caller::Shell.command::<Cli>(), &args)).map(success),
        Command::Man(args) => print(&shell::man(caller.command::<Cli>(), &args)?).map(success),
    }
}

fn complete(caller: Caller, words: Vec<OsString>) -> anyhow::Result<ExitCode> {
    print(&shell::kubectl_completion(caller.command::<Cli>(), words)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints help, or what is wrong with the command line. The exit code of a wrong command line is 1, because 2 tells of
/// changes.
fn usage(error: &clap::Error) -> ExitCode {
    // Without a terminal to write to nothing can be told.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns the error and its causes in one line, without causes that the text before already contains.
fn message(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |message, cause| match message.as_str() {
        "" => cause,
        before if before.contains(&cause) => message,
        _ => format!("{message}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_omits_repeated_causes() {
        let error = anyhow::anyhow!("no such file").context("cannot read the file: no such file").context("no config");
        assert_eq!(message(&error), "no config: cannot read the file: no such file");
        assert_eq!(message(&anyhow::anyhow!("b").context("a")), "a: b");
    }
}
