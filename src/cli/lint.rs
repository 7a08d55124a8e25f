//! `cloud-policy lint`: tells what is wrong with manifests, without any network.

use super::files;
use super::output::{pretty, print};
use super::terminal::{CHANGED, REFUSED, print_emphasized, word};
use crate::lint::report::FailOn;
use crate::lint::{lint, render};
use crate::upstream::catalogue::Catalogue;
use anyhow::{Context as _, anyhow};
use clap::{Args as ClapArgs, ValueEnum};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `cloud-policy lint`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// File or folder with manifests in YAML or JSON, or `-` for standard input. Folders are read with
    /// everything below them. Can be repeated.
    #[arg(short = 'f', long = "filename", value_name = "PATH", required_unless_present = "paths")]
    filenames: Vec<PathBuf>,

    /// The same, as pre-commit and shells pass files: files without objects are fine.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// File with a catalogue of products instead of the built-in one, in its form (src/upstream/catalogue.json).
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,

    /// Format of the output.
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Text)]
    output: Output,

    /// Exit with 3 at errors (`error`), also at warnings (`warning`), or never (`never`).
    #[arg(long, value_enum, default_value_t = FailOnArg::Error)]
    fail_on: FailOnArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOnArg {
    /// The API server or the operator would refuse something.
    Error,
    /// Anything is found.
    Warning,
    /// Never.
    Never,
}

/// Checks manifests, prints what was found, and returns the exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let paths: Vec<PathBuf> = args.filenames.iter().chain(&args.paths).cloned().collect();
    let inputs = files::read(&paths)?;
    let own = args.catalogue.as_deref().map(catalogue).transpose()?;
    let report = lint(&inputs, own.as_ref().unwrap_or_else(|| Catalogue::embedded()));
    // Shells and pre-commit pass files of others as PATH; --filename names what must be there.
    let is_empty = report.summary.objects == 0 && report.findings.is_empty();
    anyhow::ensure!(
        !is_empty || args.filenames.is_empty(),
        "no object to check in the manifests: they contain no object of this API"
    );
    match args.output {
        Output::Text => print_emphasized(&render::text(&report), |line| {
            word(line, &[(": error ", REFUSED), (": warning ", CHANGED)])
        })?,
        Output::Json => print(&pretty(&report)?)?,
        Output::Sarif => print(&pretty(&render::sarif(&report))?)?,
    }
    let fail_on = match args.fail_on {
        FailOnArg::Error => FailOn::Error,
        FailOnArg::Warning => FailOn::Warning,
        FailOnArg::Never => FailOn::Never,
    };
    Ok(ExitCode::from(report.verdict(fail_on) as u8))
}

fn catalogue(file: &Path) -> anyhow::Result<Catalogue> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Catalogue::parse(&text).map_err(|why| anyhow!("the catalogue {} is of another form: {why}", file.display()))
}
