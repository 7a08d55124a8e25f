//! Where a plan goes: to standard output, and to files.

use crate::cli::output::{pretty, print, write_file};
use crate::cli::terminal::{self, print_emphasized};
use crate::plan::{Report, render};
use anstyle::Style;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// For a terminal.
    Text,
    /// For a comment on a pull request.
    Markdown,
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
}

/// A value of `--output`: a format, and the file that takes it instead of standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    format: Format,
    file: Option<PathBuf>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
        let format = match format {
            "text" => Format::Text,
            "markdown" => Format::Markdown,
            "json" => Format::Json,
            "sarif" => Format::Sarif,
            _ => return Err("write text, markdown, json or sarif, or one of them with =FILE".to_owned()),
        };
        match file {
            Some("") => Err("name the file after `=`".to_owned()),
            file => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }
}

/// Checks that no two targets are the same place.
pub fn check(targets: &[Target]) -> anyhow::Result<()> {
    for (at, target) in targets.iter().enumerate() {
        let is_taken = targets.iter().take(at).any(|before| before.file == target.file);
        match &target.file {
            None if is_taken => {
                anyhow::bail!("--output: only one format can go to standard output: write the others as FORMAT=FILE")
            }
            Some(file) if is_taken => {
                anyhow::bail!("--output: {} is named twice: name another file", file.display())
            }
            None | Some(_) => {}
        }
    }
    Ok(())
}

/// Writes a plan to all targets; as text to standard output if there are none.
pub fn write(targets: &[Target], report: &Report, all: bool) -> anyhow::Result<()> {
    // Files first: a closed pipe must not cost them.
    for target in targets {
        if let Some(file) = &target.file {
            write_file(file, &rendered(target.format, report, all)?)?;
        }
    }
    let printed = targets.iter().find(|target| target.file.is_none()).map(|target| target.format);
    match printed.or(targets.is_empty().then_some(Format::Text)) {
        Some(Format::Text) => print_emphasized(&render::text(report, all), emphasis),
        Some(format) => print(&rendered(format, report, all)?),
        None => Ok(()),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_a_format_with_or_without_a_file() {
        let parsed: Target = "markdown=a=b.md".parse().unwrap();
        assert_eq!(parsed, Target { format: Format::Markdown, file: Some("a=b.md".into()) });
        assert_eq!("sarif".parse(), Ok(Target { format: Format::Sarif, file: None }));
        for wrong in ["", "xml", "json=", "=a"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn outputs_need_places_of_their_own() {
        let checked = |all: &[&str]| check(&all.iter().map(|it| it.parse().unwrap()).collect::<Vec<Target>>());
        assert!(checked(&["text", "json=a", "json=b"]).is_ok() && checked(&[]).is_ok());
        assert!(checked(&["text", "json"]).unwrap_err().to_string().contains("FORMAT=FILE"));
        assert!(checked(&["text=a", "json=a"]).unwrap_err().to_string().contains("a is named twice"));
    }
}
