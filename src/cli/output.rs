//! Prints the results of commands, or writes them to files.

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

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
