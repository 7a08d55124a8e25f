//! What shells and `kubectl` ask of the command line: scripts that complete it, its man pages, and its names.
//!
//! All of it comes from the definition of the command line, so it never differs from `--help`. `kubectl` finds a plugin by
//! the name of its program: as `kubectl-cloud_policy` the program is the command `kubectl cloud-policy`, and as
//! `kubectl_complete-cloud_policy` it answers what `kubectl` asks when the user presses Tab.

use anyhow::Context as _;
use clap::{Args as ClapArgs, Command, CommandFactory};
use clap_complete::{Shell, engine};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The program as its users call it.
const PROGRAM: &str = "cloud-policy";

/// The name of the program by which `kubectl` runs `kubectl cloud-policy`: a hyphen becomes `_`, because each `-` begins
/// the next word of the command.
const PLUGIN: &str = "kubectl-cloud_policy";

/// The name of the program that `kubectl` asks for completions of `kubectl cloud-policy`.
const COMPLETER: &str = "kubectl_complete-cloud_policy";

/// Directives of Cobra, whose protocol `kubectl` speaks: add no space after the word, and offer no files.
const NO_SPACE: u8 = 2;
const NO_FILES: u8 = 4;

/// How the program was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// By its own name, or any other.
    Shell,
    /// As a plugin of `kubectl`.
    Kubectl,
    /// By `kubectl`, which asks how the command goes on.
    KubectlCompletion,
}

impl Caller {
    /// Tells the caller by the first argument of the process.
    pub(super) fn of(program: Option<&OsString>) -> Self {
        let name = program.map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
        match name {
            Some(PLUGIN) => Self::Kubectl,
            Some(COMPLETER) => Self::KubectlCompletion,
            _ => Self::Shell,
        }
    }

    /// Returns the command line with the name by which the caller knows it.
    pub(super) fn command<C: CommandFactory>(self) -> Command {
        let name = if self == Self::Shell { PROGRAM } else { "kubectl cloud-policy" };
        C::command().bin_name(name)
    }
}

/// Flags of `cloud-policy completion`.
#[derive(Debug, ClapArgs)]
pub struct CompletionArgs {
    /// Shell that reads the script.
    #[arg(value_enum)]
    shell: Shell,
}

/// Flags of `cloud-policy man`.
#[derive(Debug, ClapArgs)]
pub struct ManArgs {
    /// Write one page for each command to this folder instead of printing the first one.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Returns the script that completes `cloud-policy` in a shell.
pub(super) fn completion(mut command: Command, args: &CompletionArgs) -> String {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, PROGRAM, &mut script);
    // The script for bash calls the program by two names where its own contains a hyphen, so values were not completed.
    String::from_utf8_lossy(&script).replace("cloud__subcmd__policy", "cloud__policy")
}

/// Returns the man page of `cloud-policy`, or writes the pages of all commands to a folder.
pub(super) fn man(command: Command, args: &ManArgs) -> anyhow::Result<String> {
    let mut page = Vec::new();
    let Some(folder) = &args.dir else {
        clap_mangen::Man::new(command).render(&mut page)?;
        return Ok(String::from_utf8(page)?);
    };
    let place = || format!("cannot write the man pages to {}", folder.display());
    fs::create_dir_all(folder).with_context(place)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder).with_context(place)?;
    Ok(String::new())
}

/// Returns what `kubectl` offers for the last of these words of `kubectl cloud-policy`: a line for each candidate, its
/// help after a tab, and the directive in the last line.
pub(super) fn kubectl_completion(mut command: Command, words: Vec<OsString>) -> anyhow::Result<String> {
    let last = words.len();
    let line: Vec<OsString> = std::iter::once(OsString::from(PROGRAM)).chain(words).collect();
    let here = std::env::current_dir().ok();
    let candidates = engine::complete(&mut command, line, last, here.as_deref())?;
    let (mut out, mut directive) = (String::new(), NO_FILES);
    for candidate in candidates.iter().filter(|candidate| !candidate.is_hide_set()) {
        let value = candidate.get_value().to_string_lossy();
        if value.ends_with(['/', '=']) {
            directive |= NO_SPACE;
        }
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = help.lines().next().unwrap_or_default();
        writeln!(out, "{value}{}{help}", if help.is_empty() { "" } else { "\t" })?;
    }
    writeln!(out, ":{directive}")?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_is_told_by_the_name_of_the_program() {
        let caller = |name: &str| Caller::of(Some(&OsString::from(name)));
        assert_eq!(caller("/usr/local/bin/kubectl-cloud_policy"), Caller::Kubectl);
        assert_eq!(caller("kubectl_complete-cloud_policy"), Caller::KubectlCompletion);
        assert_eq!(caller("./cloud-policy"), Caller::Shell);
        assert_eq!((caller("kubectl-cloud_policy-more"), Caller::of(None)), (Caller::Shell, Caller::Shell));
    }
}
