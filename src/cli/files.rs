//! Reads manifests from files, folders and standard input.

use crate::manifests::Input;
use anyhow::Context as _;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// The names that stand for standard input in `--filename`.
const STDIN: &str = "-";

/// The endings of the files in a folder that are read.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Files in folders of manifests that are no manifests.
const OTHERS: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// Reads all inputs, folders in the order of their names. Each path must have something to read.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    for path in paths.iter().filter(|path| path.is_dir()) {
        anyhow::ensure!(!below(path)?.is_empty(), "{}: no file that ends in .yaml, .yml or .json", path.display());
    }
    read_any(paths)
}

/// Reads the inputs that exist: everything may have been deleted.
pub fn read_existing(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    read_any(&paths.iter().filter(|path| path.exists()).cloned().collect::<Vec<_>>())
}

fn read_any(paths: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == STDIN {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            inputs.push(Input { file: STDIN.to_owned(), text });
            continue;
        }
        let files = if path.is_dir() { below(path)? } else { vec![path.clone()] };
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            inputs.push(Input { file: file.display().to_string(), text });
        }
    }
    Ok(inputs)
}

/// Returns the manifests below a folder. Hidden files and folders are left out.
fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("cannot read the folder {}", folder.display());
    let mut entries =
        fs::read_dir(folder).with_context(unreadable)?.collect::<Result<Vec<_>, _>>().with_context(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if name.starts_with('.') || OTHERS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if has_ending(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn has_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// Returns whether a file in a folder of manifests is read, by its path below the folder.
pub fn is_manifest(path: &Path) -> bool {
    let is_hidden = |name: &OsStr| name.to_string_lossy().starts_with('.');
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_) => None,
    });
    let is_other = path.file_name().is_none_or(|name| OTHERS.iter().any(|other| name == *other));
    has_ending(path) && !is_other && !names.into_iter().any(is_hidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_in_order_without_other_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a/c.yml", "a/a.json", "README.md", ".hidden.yaml", "kustomization.yaml"] {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        }
        let found = read(&[folder.path().to_owned()]).unwrap();
        assert_eq!(
            found.iter().map(|input| input.text.as_str()).collect::<Vec<_>>(),
            ["a/a.json", "a/c.yml", "b.yaml"]
        );
    }

    #[test]
    fn missing_and_empty_inputs_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: PathBuf| format!("{:#}", read(&[path]).unwrap_err());
        assert!(error(folder.path().to_owned()).contains("no file that ends in .yaml"));
        assert!(error(folder.path().join("none.yaml")).contains("none.yaml"));
        fs::write(folder.path().join("x.yaml"), [0xff, 0xfe]).unwrap();
        assert!(error(folder.path().to_owned()).contains("cannot read"));
    }
}
