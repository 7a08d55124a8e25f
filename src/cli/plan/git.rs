//! Reads the manifests of a git reference, by the program `git`.

use crate::cli::files::is_manifest;
use crate::manifests::Input;
use anyhow::Context as _;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

/// The modes of files whose content is a file. Others are links and repositories.
const FILES: [&str; 2] = ["100644", "100755"];

/// Reads the same paths as they are at a reference. A path that does not exist there has no manifests.
pub fn read(reference: &str, paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let commit = commit(reference)?;
    let mut inputs = Vec::new();
    for path in paths {
        anyhow::ensure!(path.as_os_str() != "-", "--against git: compares files: name them instead of `-`");
        let listed =
            git(&["ls-tree".as_ref(), "-r".as_ref(), "-z".as_ref(), commit.as_ref(), "--".as_ref(), path.as_ref()])
                .with_context(|| format!("cannot list {} at {reference}", path.display()))?;
        for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
            inputs.extend(input(entry, path, reference)?);
        }
    }
    Ok(inputs)
}

/// Reads one line of `git ls-tree`; `None` for a file that is no manifest.
fn input(entry: &str, path: &Path, reference: &str) -> anyhow::Result<Option<Input>> {
    let (meta, name) = entry.split_once('\t').context("git ls-tree prints an unknown form")?;
    let folder: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let below = Path::new(name).strip_prefix(&folder).unwrap_or_else(|_| Path::new(name));
    // Nothing is below a file: it is the path itself.
    if !below.as_os_str().is_empty() && !is_manifest(below) {
        return Ok(None);
    }
    let mut meta = meta.split(' ');
    let (mode, blob) = (meta.next().unwrap_or_default(), meta.nth(1).unwrap_or_default());
    let file = format!("{reference}:{name}");
    anyhow::ensure!(FILES.contains(&mode), "{file} is a link or a repository: name its target with -f");
    let text = git(&["cat-file".as_ref(), "blob".as_ref(), blob.as_ref()]);
    let text = text.with_context(|| format!("cannot read {file}"))?;
    Ok(Some(Input { file, text }))
}

/// Returns the commit of a reference.
fn commit(reference: &str) -> anyhow::Result<String> {
    git(&["rev-parse".as_ref(), "--is-inside-work-tree".as_ref()])
        .context("--against git: needs to run inside a git repository")?;
    let named = format!("{reference}^{{commit}}");
    // A reference that begins with a hyphen is no option.
    let found = git(&["rev-parse".as_ref(), "--verify".as_ref(), "--end-of-options".as_ref(), named.as_ref()]);
    let unknown = || {
        format!(
            "--against git:{reference}: no commit has this name: fetch it (a shallow clone has only the newest commit)"
        )
    };
    Ok(found.with_context(unknown)?.trim().to_owned())
}

/// Runs git and returns what it prints.
fn git(arguments: &[&OsStr]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git: install it, or add it to PATH")?;
    let told = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git: {}", told.trim().replace('\n', " "));
    String::from_utf8(output.stdout).context("it is no UTF-8")
}
