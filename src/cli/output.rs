//! Prints the results of commands, or writes them to files.

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The formats of a command.
pub trait Format: Copy + 'static {
    /// The formats by their names; the first one is the default.
    const ALL: &'static [(&'static str, Self)];
}

/// A value of `--output`: a format, and the file that takes it instead of standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<F> {
    format: F,
    file: Option<PathBuf>,
}

impl<F: Format> FromStr for Target<F> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let Some((_, format)) = F::ALL.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = F::ALL.iter().map(|(name, _)| *name).collect();
            return Err(format!("write one of {}, or one of them with =FILE", names.join(", ")));
        };
        match file {
            Some("") => Err("name the file after `=`".to_owned()),
            file => Ok(Self { format: *format, file: file.map(PathBuf::from) }),
        }
    }
}

/// Checks that no two targets are the same place.
pub fn check<F>(targets: &[Target<F>]) -> anyhow::Result<()> {
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

/// Writes a result to all targets; in the default format to standard output if there are none. `show` prints it there.
pub fn write<F: Format>(
    targets: &[Target<F>],
    rendered: impl Fn(F) -> anyhow::Result<String>,
    show: impl Fn(F, &str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Files first: a closed pipe must not cost them.
    for target in targets {
        if let Some(file) = &target.file {
            write_file(file, &rendered(target.format)?)?;
        }
    }
    let printed = targets.iter().find(|target| target.file.is_none()).map(|target| target.format);
    let default = F::ALL.first().map(|(_, format)| *format).filter(|_| targets.is_empty());
    match printed.or(default) {
        Some(format) => show(format, &rendered(format)?),
        None => Ok(()),
    }
}

/// Returns a text without control characters, which could change what a terminal shows.
pub fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Prints a text to standard output.
pub fn print(text: &str) -> anyhow::Result<()> {
    write_all(&mut io::stdout().lock(), text).context("cannot write the result")
}

/// Tells something beside the result, on standard error. Without a reader it is lost, and the command goes on.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a text whole.
pub fn write_all(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader closed the pipe, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes files, each by its name and text, into a folder, and creates the folder.
pub fn write_files<N: AsRef<Path>, T: AsRef<str>>(
    dir: &Path,
    files: impl IntoIterator<Item = (N, T)>,
) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
    for (name, text) in files {
        write_file(&dir.join(name), text.as_ref())?;
    }
    Ok(())
}

/// Writes a file.
pub fn write_file(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns objects as a list that `kubectl` and `cloud-policy plan` read.
pub fn list(items: impl Serialize) -> anyhow::Result<String> {
    pretty(&json!({ "apiVersion": "v1", "kind": "List", "items": items }))
}

/// Returns a value as JSON for people.
pub fn pretty(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Known {
        Text,
        Json,
    }

    impl Format for Known {
        const ALL: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
    }

    #[test]
    fn output_is_a_format_with_or_without_a_file() {
        let parsed: Target<Known> = "json=a=b.md".parse().unwrap();
        assert_eq!(parsed, Target { format: Known::Json, file: Some("a=b.md".into()) });
        assert_eq!("text".parse(), Ok(Target { format: Known::Text, file: None }));
        for wrong in ["", "xml", "json=", "=a"] {
            assert!(wrong.parse::<Target<Known>>().is_err(), "{wrong}");
        }
        assert!("xml".parse::<Target<Known>>().unwrap_err().contains("text, json"));
    }

    #[test]
    fn outputs_need_places_of_their_own() {
        let checked = |all: &[&str]| check(&all.iter().map(|it| it.parse().unwrap()).collect::<Vec<Target<Known>>>());
        assert!(checked(&["text", "json=a", "json=b"]).is_ok() && checked(&[]).is_ok());
        assert!(checked(&["text", "json"]).unwrap_err().to_string().contains("FORMAT=FILE"));
        assert!(checked(&["text=a", "json=a"]).unwrap_err().to_string().contains("a is named twice"));
    }
}
