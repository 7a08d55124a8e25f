//! Where a plan goes: to standard output, and to files.

use crate::cli::output::{self, pretty, print, write_file};
use crate::cli::terminal::{self, print_emphasized};
use crate::plan::{Report, render};
use anstyle::Style;
use std::ops::Range;
use std::path::Path;

/// The format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
}

impl output::Format for Format {
    const ALL: &'static [(&'static str, Self)] =
        &[("text", Self::Text), ("markdown", Self::Markdown), ("json", Self::Json), ("sarif", Self::Sarif)];
}

/// A value of `--output`.
pub type Target = output::Target<Format>;

/// Writes a plan to all targets; as text to standard output if there are none.
pub fn write(targets: &[Target], report: &Report, all: bool) -> anyhow::Result<()> {
    let show = |format, text: &str| match format {
        Format::Text => print_emphasized(text, emphasis),
        Format::Markdown | Format::Json | Format::Sarif => print(text),
    };
    output::write(targets, |format| rendered(format, report, all), show)
}

/// Emphasizes the lines that begin with a sign.
fn emphasis(line: &str) -> Option<(Range<usize>, Style)> {
    let text = line.trim_start();
    let style = match text.split_once(' ')?.0 {
        "+" => terminal::ADDED,
        "~" | "%" => terminal::CHANGED,
        "-" => terminal::REMOVED,
        "!" => terminal::REFUSED,
        _ => return None,
    };
    Some((line.len() - text.len()..line.len(), style))
}

/// Saves a complete plan as JSON.
pub fn save(file: &Path, report: &Report) -> anyhow::Result<()> {
    anyhow::ensure!(report.failures.is_empty(), "the plan is not complete, so {} was not written", file.display());
    write_file(file, &rendered(Format::Json, report, true)?)
}

fn rendered(format: Format, report: &Report, all: bool) -> anyhow::Result<String> {
    Ok(match format {
        Format::Text => render::text(report, all),
        Format::Markdown => render::markdown(report),
        Format::Json => pretty(&serde_json::to_value(report)?)?,
        Format::Sarif => pretty(&render::sarif(report))?,
    })
}
