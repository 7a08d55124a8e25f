//! The pictures: the drawing is that of its script, and the recording shows the demo as it is.

use cloud_policy_testbed::repository;
use regex::Regex;
use std::fs;
use std::path::Path;
use std::process::Command;

fn text(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the sources of the demo.
fn demo(folder: &Path) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { demo(&path) } else { fs::read_to_string(path).unwrap() }).collect()
}

fn sources() -> String {
    demo(&repository().join("tests/testbed/src/bin/cloud-policy-demo"))
}

/// Returns the lines of a class in the recording.
fn recorded(class: &str) -> Vec<String> {
    let line = Regex::new(&format!(r#"<text class="{class}"[^>]*>([^<]*)</text>"#)).unwrap();
    let plain = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#x27;", "'");
        text.replace("&amp;", "&")
    };
    line.captures_iter(&text("docs/pictures/demo.svg")).map(|found| plain(&found[1])).collect()
}

#[test]
fn architecture_picture_is_drawn_by_its_script() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = Command::new(repository().join("hack/pictures.py")).arg(folder.path()).status().unwrap();
    assert!(drawn.success());
    let drawn = fs::read_to_string(folder.path().join("architecture.svg")).unwrap();
    assert!(drawn == text("docs/pictures/architecture.svg"), "docs/pictures is out of date: make pictures");
}

#[test]
fn recording_shows_every_step_of_the_demo() {
    let literal = Regex::new(r#"(?s)\.step\(.{0,150}?"((?:[^"\\]|\\.)*)""#).unwrap();
    let sources = sources();
    let written: Vec<Regex> = literal
        .captures_iter(&sources)
        .map(|found| {
            let holes = Regex::new(r"\\\{[^}]*\\\}").unwrap();
            Regex::new(&format!("^{}$", holes.replace_all(&regex::escape(&found[1]), ".*"))).unwrap()
        })
        .collect();
    let shown = recorded("step");
    let titles: Vec<&str> = shown.iter().map(|line| line.trim_start().split_once(". ").unwrap().1).collect();
    assert!(titles.len() >= 12, "{titles:?}");
    for title in &titles {
        let title = title.trim_end_matches('…');
        let known = |pattern: &Regex| pattern.is_match(title) || pattern.as_str().contains(&regex::escape(title));
        assert!(written.iter().any(known), "the demo has no step `{title}`: make recording");
    }
    assert_eq!(titles.len(), written.len(), "the demo has other steps than the recording: make recording");
}

#[test]
fn recording_shows_only_commands_of_the_demo() {
    let sources = sources();
    let word = Regex::new(r"^-{0,2}[a-z][a-z-]+$").unwrap();
    let commands = recorded("command");
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        for word in command.split_whitespace().filter(|text| word.is_match(text)) {
            assert!(sources.contains(word), "the demo has no `{word}`, which the recording shows in `{command}`");
        }
    }
}

#[test]
fn recording_has_no_path_of_a_machine() {
    let svg = text("docs/pictures/demo.svg");
    for folder in ["/tmp/", "/home/", "/root/"] {
        assert!(!svg.contains(folder), "{folder}");
    }
}
