//! `Cargo.toml` has the version of the project, and every other file has the same version; likewise for the
//! toolchain.

use cloud_policy_testbed::repository;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");
const CHART: &str = "charts/cloud-policy-operator/Chart.yaml";

#[test]
fn every_file_has_version_of_cargo_toml() {
    assert_version(repository(), VERSION);
}

#[test]
fn version_script_updates_every_file() {
    let copy = tempfile::tempdir().unwrap();
    let root = copy.path();
    let parts = "Cargo.toml Cargo.lock rust-toolchain.toml CHANGELOG.md SECURITY.md src tests charts deploy docs hack";
    run(repository(), &format!("cp --recursive {parts}"), &[root.to_str().unwrap()]);
    run(root, "hack/version.sh", &["9.8.7-rc.1"]);
    assert_version(root, "9.8.7-rc.1");
    let files = "deploy charts docs/release.md docs/tasks SECURITY.md";
    assert_eq!(run(root, &format!("! grep -rnF {VERSION} {files}"), &[]), "", "no file has the old version");
    let notes = fs::read_to_string(root.join("CHANGELOG.md")).unwrap();
    let (unreleased, rest) = notes.split_once("## [Unreleased]\n").unwrap();
    assert!(rest.trim_start().starts_with("## [9.8.7-rc.1] - 20"), "{unreleased}...{}", &rest[..200]);
    assert!(!run(root, "hack/changelog.sh", &["9.8.7-rc.1"]).is_empty());
}

#[test]
fn workflows_use_toolchain_of_project() {
    let toolchain = read(repository(), "rust-toolchain.toml");
    let channel = &Regex::new(r#"channel = "(.+)""#).unwrap().captures(&toolchain).unwrap()[1];
    let pinned = Regex::new(r"image: (\S+)").unwrap();
    let mut images = BTreeSet::new();
    for file in yaml_files(&repository().join(".github/workflows")) {
        let text = fs::read_to_string(&file).unwrap();
        images.extend(pinned.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert_eq!(images.len(), 1, "{images:?}");
    let expected = format!("docker.io/library/rust:{channel}-bookworm@sha256:");
    assert!(images.iter().all(|image| image.starts_with(&expected)), "{images:?}: not {expected}");
}

fn assert_version(root: &Path, version: &str) {
    assert_eq!(run(root, "hack/version.sh", &[]).trim(), version);
    let lock = read(root, "Cargo.lock");
    let locked = Regex::new(r#"name = "cloud-policy-[a-z]+"\nversion = "(.+)""#).unwrap();
    let locked: Vec<_> = locked.captures_iter(&lock).map(|found| found[1].to_owned()).collect();
    assert!(locked.len() >= 3 && locked.iter().all(|locked| locked == version), "Cargo.lock: {locked:?}");
    let chart: Value = serde_saphyr::from_str(&read(root, CHART)).unwrap();
    assert_eq!((&chart["version"], &chart["appVersion"]), (&version.into(), &version.into()), "{CHART}");
    // The image by its full name, and the versions that Argo CD and Flux fetch. The chart derives the tag from its version.
    let image = r#"(?m)(?:ghcr\.io/[a-z-]+/cloud-policy-operator:|^ *targetRevision: v?|^ *tag: v?|@refs/tags/v)([0-9][^\s"'@$]+)"#;
    let image = Regex::new(image).unwrap();
    for file in ["deploy", "charts"].map(|folder| yaml_files(&root.join(folder))).concat() {
        let text = fs::read_to_string(&file).unwrap();
        for found in image.captures_iter(&text) {
            assert_eq!(&found[1], version, "{}", file.display());
        }
    }
    let notes = read(root, "CHANGELOG.md");
    assert!(notes.contains("## [Unreleased]") || notes.contains(&format!("## [{version}]")), "CHANGELOG.md");
}

fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { yaml_files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|kind| kind == "yaml" || kind == "yml")).collect()
}

/// Runs a command line with these arguments in a folder.
fn run(folder: &Path, line: &str, arguments: &[&str]) -> String {
    let script = format!("set -euo pipefail; {line} \"$@\"");
    let output = Command::new("bash").args(["-c", &script, "bash"]).args(arguments).current_dir(folder).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
