//! The rules of the code that no compiler checks: which module may import which, where capabilities (a Kubernetes
//! client, HTTP, the environment, the clock) may be held, that no imports form a circle, that a kind and a
//! collection are named in their own files only, and how long names, functions and files are.
//!
//! `make architecture` runs these tests and prints the layers.

mod graph;
mod kinds;
mod layers;
mod modules;
mod names;
mod paths;
mod sizes;

use graph::Graph;
use layers::violations;
use modules::{Source, is_below};
use paths::paths;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the files below `folder` with one of these extensions; nothing built, fetched or hidden.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            found.push(path);
        }
    }
    found
}

/// Returns the Rust files below a folder of the repository: path below it, and code.
fn code_files(folder: &str) -> Vec<(String, String)> {
    let folder = root().join(folder);
    let name = |file: &PathBuf| file.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
    let found: Vec<_> = files(&folder, &["rs"]).iter().map(|file| (name(file), read(file))).collect();
    assert!(found.len() > 20, "only {} files in {}", found.len(), folder.display());
    found
}

#[test]
fn imports_run_one_way_and_capabilities_stay_in_place() {
    let files = code_files("src");
    let modules =
        files.iter().map(|(file, code)| Source::new(file, code)).map(|s| (s.module.clone(), s.exports())).collect();
    let wrong: Vec<String> =
        files.iter().flat_map(|(file, code)| violations(&Source::new(file, code), &modules)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_form_no_circle() {
    let graph = Graph::of(&code_files("src"));
    let (modules, imports) = graph.size();
    println!("src: {modules} modules, {imports} imports, {} circles", graph.circles().len());
    for parent in ["", "controller", "controller::policy", "upstream"] {
        println!("layers of {}, from the ground:", if parent.is_empty() { "src" } else { parent });
        for (number, layer) in graph.layers(parent).iter().enumerate() {
            println!("  {} {}", number + 1, layer.join(", "));
        }
    }
    assert!(modules > 100 && imports > 300, "{modules} modules and {imports} imports were read");
    assert!(graph.circles().is_empty(), "{:#?}", graph.circles());
}

/// An oracle that shares code with the operator would share its mistakes.
#[test]
fn simulator_imports_nothing_of_the_operator() {
    let simulator = root().join("tests/simulator");
    assert!(!read(&simulator.join("Cargo.toml")).contains("cloud-policy-operator"), "the simulator depends on it");
    for (file, code) in code_files("tests/simulator") {
        let foreign: Vec<_> = paths(&code).into_iter().filter(|path| is_below(path, "cloud_policy")).collect();
        assert!(foreign.is_empty(), "{file}: {foreign:?}");
    }
}
