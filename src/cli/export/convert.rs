//! `cloud-policy convert`: manifests for the objects that files of other tools declare.

use super::REFUSED;
use super::output::OutputArgs;
use crate::cli::output::tell;
use crate::export::convert::{Converted, Task, convert};
use crate::manifests::Input;
use anyhow::Context as _;
use clap::Args as ClapArgs;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

/// Flags of `cloud-policy convert spacectl`.
#[derive(Debug, ClapArgs)]
pub struct SpacectlArgs {
    /// Files of `spacectl apply -f`, in its order. Variables of all of them count.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Name of the connection in the manifests.
    #[arg(long = "connection-name", value_name = "NAME", default_value = "spaceone")]
    connection: String,

    #[command(flatten)]
    output: OutputArgs,
}

/// Converts, and returns the exit code.
pub fn spacectl(args: &SpacectlArgs) -> anyhow::Result<ExitCode> {
    args.output.check()?;
    let read = |file: &PathBuf| {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Ok(Input { file: file.display().to_string(), text })
    };
    let inputs = args.files.iter().map(read).collect::<anyhow::Result<Vec<Input>>>()?;
    let tasks = convert(&inputs, &args.connection, &args.output.options(false)).map_err(anyhow::Error::msg)?;
    let (mut manifests, mut refused) = (Vec::new(), 0);
    for Task { file, line, title, result } in tasks {
        match result {
            Converted::Manifest(manifest, note) => {
                if let Some(note) = note {
                    tell(&format!("note: {file}:{line}: {title}: {note}"));
                }
                manifests.push(manifest);
            }
            Converted::Other(why) => tell(&format!("skipped: {file}:{line}: {title}: {why}")),
            Converted::Refused(why) => {
                refused += 1;
                tell(&format!("not converted: {file}:{line}: {title}: {why}"));
            }
        }
    }
    manifests.sort();
    args.output.write(&manifests)?;
    Ok(if refused > 0 { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}
