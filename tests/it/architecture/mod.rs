//! The house rules that no compiler checks: which room may import which, and where the powerful
//! things (a Kubernetes client, HTTP, the environment, the clock) may be held.

mod paths;

use paths::paths;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import from this crate. `lib.rs` imports nothing; `main.rs` calls `cli`.
const ROOMS: &[(&str, &[&str])] = &[
    ("cli", &["controller", "upstream", "engine", "api", "metrics", "telemetry", "server"]),
    ("controller", &["upstream", "engine", "api", "metrics", "telemetry", "server"]),
    ("upstream", &["engine", "api"]),
    ("engine", &["api"]),
    ("api", &[]),
    ("server", &["metrics"]),
    ("metrics", &[]),
    ("telemetry", &[]),
    ("lib", &[]),
    ("main", &["cli"]),
];

/// A power, the paths that are it, and the only rooms that may hold it.
const POWERS: &[(&str, &[&str], &[&str])] = &[
    (
        "the Kubernetes client",
        &["kube::Client", "kube::client", "kube::Api", "kube::api::Api", "kube::api::*", "kube::runtime", "kube::*"],
        &["controller", "cli"],
    ),
    ("the HTTP client", &["reqwest"], &["upstream", "telemetry"]),
    ("the environment", &["std::env", "env::var", "env::var_os", "env::vars"], &["cli", "main"]),
    (
        "the clock",
        &["SystemTime::now", "Timestamp::now", "Instant::now", "Zoned::now"],
        &["controller", "upstream", "cli", "server", "telemetry", "metrics"],
    ),
];

/// Above this a file holds more than one concept.
const LONGEST_FILE: usize = 400;

/// What is wrong with a file of `src`, given by its path below `src`.
fn violations(file: &str, source: &str) -> Vec<String> {
    let room = file.split(['/', '.']).next().unwrap_or_default();
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("src/{file}: `{room}` is no room of the house")];
    };
    let mut wrong = Vec::new();
    for path in paths(source) {
        if let Some(other) = imported_room(&path).filter(|other| *other != room && !allowed.contains(other)) {
            wrong.push(format!("src/{file}: `{path}`: {room} may not import {other}"));
        }
        for (power, names, holders) in POWERS {
            if !holders.contains(&room) && names.iter().any(|name| is_or_is_below(&path, name)) {
                wrong.push(format!("src/{file}: `{path}`: only {holders:?} may hold {power}"));
            }
        }
    }
    wrong
}

/// The room that a path leads into. Any `super` that is followed by a room's name counts.
fn imported_room(path: &str) -> Option<&'static str> {
    let mut parts = path.split("::").skip_while(|part| *part == "super").peekable();
    let rooted = path.starts_with("super::") || parts.next_if(|p| matches!(*p, "crate" | "cloud_policy")).is_some();
    let target = parts.next()?;
    ROOMS.iter().map(|(name, _)| *name).find(|name| rooted && *name == target)
}

/// `std::time::Instant::now` is `Instant::now`; `reqwest::Url` is below `reqwest`.
fn is_or_is_below(path: &str, name: &str) -> bool {
    let starts = path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"));
    let ends = name.contains("::now") && path.strip_suffix(name).is_some_and(|before| before.ends_with("::"));
    starts || ends
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` with one of these extensions; nothing built, fetched or hidden.
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

#[test]
fn imports_run_one_way_and_powers_stay_in_their_rooms() {
    let sources = root().join("src");
    let files = files(&sources, &["rs"]);
    assert!(files.len() > 20, "only {} files were found", files.len());
    let check = |file: &PathBuf| {
        let name = file.strip_prefix(&sources).unwrap().to_string_lossy().into_owned();
        violations(&name, &fs::read_to_string(file).unwrap())
    };
    let wrong: Vec<String> = files.iter().flat_map(check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn planted_violations_are_found() {
    let planted = [
        ("engine/plan.rs", "use crate::upstream::Http;"),
        ("api/policy.rs", "fn f() { let x: crate::engine::Diff; }"),
        ("engine/mod.rs", "use super::{api, controller::Shared};"),
        ("upstream/http.rs", "use crate::{engine::Diff, metrics::Metrics};"),
        ("metrics/mod.rs", "use crate::api::Reason;"),
        ("main.rs", "fn main() { cloud_policy::controller::run() }"),
        ("upstream/mod.rs", "use kube::{Resource, Client};"),
        ("api/mod.rs", "use kube::api::{Api, ObjectMeta};"),
        ("controller/act.rs", "fn f(c: reqwest::Client) {}"),
        ("controller/settings.rs", "fn f() { std::env::var(\"X\"); }"),
        ("upstream/http.rs", "use std::env;"),
        ("engine/plan.rs", "fn f() { std::time::Instant::now(); }"),
        ("api/status.rs", "fn f() { jiff::Timestamp::now(); }"),
        ("helpers/mod.rs", ""),
    ];
    for (file, source) in planted {
        let found = violations(file, source);
        assert_eq!(found.len(), 1, "{file}: `{source}` gives {found:?}");
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    let fine = [
        (
            "controller/act.rs",
            "use crate::{api::Policy, engine::plan::Plan, metrics::Metrics}; use kube::{Api, Client};",
        ),
        ("engine/plan.rs", "use super::Diff; // crate::upstream is not for us\nuse std::time::Duration;"),
        ("upstream/http.rs", "use reqwest::Client; use crate::engine::UpstreamError;"),
        ("cli/run.rs", "use std::env; use crate::server::serve;"),
        ("api/policy.rs", "use kube::{CustomResource, KubeSchema}; const V: &str = env!(\"CARGO_PKG_VERSION\");"),
        ("lib.rs", "pub mod api; pub mod engine;"),
    ];
    for (file, source) in fine {
        assert_eq!(violations(file, source), [""; 0], "{file}");
    }
}

/// An oracle that shares code with what it judges would share its mistakes.
#[test]
fn the_simulator_knows_nothing_of_the_operator() {
    let simulator = root().join("tests/simulator");
    let manifest = fs::read_to_string(simulator.join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("cloud-policy-operator"), "the simulator depends on the operator");
    let sources = files(&simulator, &["rs"]);
    assert!(sources.len() > 5, "only {} files were found", sources.len());
    for file in sources {
        let found = paths(&fs::read_to_string(&file).unwrap());
        let foreign: Vec<_> = found.iter().filter(|p| is_or_is_below(p, "cloud_policy")).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", file.display());
    }
}

#[test]
fn no_file_grows_beyond_one_concept() {
    let folders = ["src", "tests", "benches", "hack"].map(|name| root().join(name));
    let files: Vec<_> =
        folders.iter().filter(|f| f.is_dir()).flat_map(|f| files(f, &["rs", "go", "py", "sh"])).collect();
    let length = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let long: Vec<_> = files.iter().map(|f| (length(f), f)).filter(|(lines, _)| *lines > LONGEST_FILE).collect();
    assert!(files.iter().any(|f| f.ends_with(file!())), "this file is among those checked");
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines: {long:#?}");
}
