//! The documentation, checked against its subjects: manifests against the API server, tables against the
//! schemas and the code, and links against their targets.

mod decisions;
mod fields;
mod manifests;
pub mod markdown;
mod metrics;
mod pictures;
mod runbooks;
mod site;
pub mod walkthrough;

use cloud_policy::api::Reason;
use cloud_policy_testbed::repository;
use markdown::{PUBLISHED, Page, code_in};
use regex::Regex;
use std::collections::BTreeSet;
use std::process::Command;

/// The languages of fenced blocks. The set is closed, so that a typing error cannot exclude a
/// manifest from the tests.
const LANGUAGES: [&str; 5] = ["yaml", "yaml,fragment", "sh", "text", "mermaid"];
/// Reasons that only events have.
const EVENT_REASONS: [Reason; 2] = [Reason::Orphaned, Reason::InternalError];

#[test]
fn fenced_block_has_known_language() {
    for page in Page::all() {
        for fence in &page.fences {
            assert!(LANGUAGES.contains(&fence.language.as_str()), "{}: `{}`", fence.place, fence.language);
        }
    }
}

#[test]
fn relative_link_has_existing_target() {
    let broken: Vec<String> = Page::everywhere().iter().flat_map(Page::broken_links).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn chart_readme_uses_absolute_links() {
    let page = Page::read("charts/cloud-policy-operator/README.md");
    let links = page.links_into_the_repository();
    assert!(links.len() > 3 && links.iter().all(|link| link.starts_with(PUBLISHED)), "{links:?}");
}

#[test]
fn docs_index_leads_to_every_page() {
    let mut open = vec!["docs/README.md".to_owned()];
    let mut reached: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let links = Page::read(&name).linked_pages();
        open.extend(links.into_iter().filter(|page| reached.insert(page.clone())));
    }
    let lost: Vec<String> =
        Page::all().into_iter().map(|page| page.name).filter(|page| !reached.contains(page)).collect();
    assert!(lost.is_empty(), "docs/README.md does not lead to {lost:?}");
}

#[test]
fn reasons_page_has_one_section_for_each_reason() {
    let page = Page::read("docs/reasons.md");
    let titled = page.sections(3);
    let documented: Vec<&str> = titled.iter().map(|(title, _)| title.as_str()).collect();
    let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(documented.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(documented.len(), known.len(), "a reason has two sections");
    for (title, text) in &titled {
        assert!(text.trim().len() > 20, "the section of {title} is empty");
    }
}

#[test]
fn flags_page_lists_every_flag_with_variable_and_default() {
    assert_lists_flags("docs/operator-flags.md", "run");
    assert_lists_flags("docs/export-flags.md", "export");
    assert_lists_flags("docs/report-flags.md", "report");
}

fn assert_lists_flags(page: &str, command: &str) {
    let page = Page::read(page);
    let rows = page.tables().into_iter().find(|table| table.header[0] == "flag").expect("a table of flags").rows;
    let help = help(&[command]);
    let documented: Vec<String> = rows.iter().filter_map(|row| code_in(&row[0]).into_iter().next()).collect();
    assert_eq!(documented, help.iter().map(|flag| flag.name.clone()).collect::<Vec<_>>());
    for (row, Flag { name, variable, default }) in rows.iter().zip(help) {
        let variables: Vec<String> = [variable].into_iter().filter(|it| !it.is_empty()).collect();
        assert_eq!(code_in(&row[1]), variables, "the variable of {name}");
        if let Some(default) = default {
            assert_eq!(code_in(&row[2]), [default], "the default of {name}");
        }
    }
}

#[test]
fn page_names_only_existing_flags() {
    let commands: [&[&str]; 8] = [
        &["run"],
        &["plan"],
        &["export"],
        &["report"],
        &["convert", "spacectl"],
        &["lint"],
        &["guardrails", "test"],
        &["crds"],
    ];
    let all = commands.into_iter().flat_map(help);
    let known: BTreeSet<String> = all.map(|flag| flag.name).collect();
    let flag = Regex::new("--[a-z][a-z-]+").unwrap();
    let is_ours = |line: &&str| {
        let commands =
            ["run", "plan", "export", "report", "convert", "lint", "guardrails", "crds", "completion", "man"];
        commands.iter().any(|it| line.contains(&format!("cloud-policy {it}")))
    };
    for page in Page::all() {
        let run = page.fences.iter().flat_map(|fence| fence.body.lines()).filter(is_ours);
        let code = code_in(&page.prose).into_iter().filter(|code| code.starts_with("--"));
        for text in run.map(str::to_owned).chain(code) {
            for found in flag.find_iter(&text) {
                assert!(known.contains(found.as_str()), "{}: {}", page.name, found.as_str());
            }
        }
    }
}

#[test]
fn troubleshoot_page_covers_every_status_reason() {
    let tables = Page::read("docs/tasks/troubleshoot.md").tables();
    let rows = tables.iter().filter(|table| table.header[0] == "STATUS").flat_map(|table| &table.rows);
    let documented: BTreeSet<String> = rows.map(|row| code_in(&row[0]).concat()).collect();
    let shown = Reason::ALL.iter().filter(|reason| !EVENT_REASONS.contains(reason));
    assert_eq!(documented, shown.map(|reason| reason.as_str().to_owned()).collect());
}

/// Returns the code of the operator.
fn sources() -> String {
    let mut folders = vec![repository().join("src")];
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                code += &std::fs::read_to_string(entry).unwrap();
            }
        }
    }
    code
}

#[test]
fn page_names_only_existing_tests() {
    let list = Command::new(std::env::current_exe().unwrap()).arg("--list").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let known: BTreeSet<&str> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    // The last part has at least three words, unlike other paths.
    let test = Regex::new("^([a-z0-9_]+::)+[a-z0-9]+(_[a-z0-9]+){2,}$").unwrap();
    let named = Page::all().into_iter().flat_map(|page| code_in(&page.prose)).filter(|code| test.is_match(code));
    let named: BTreeSet<String> = named.collect();
    // The unit tests are in another binary: their code has them.
    let code = sources();
    let unit = |test: &str| code.contains(&format!("fn {}(", test.rsplit("::").next().unwrap_or_default()));
    let missing: Vec<&String> = named.iter().filter(|test| !known.contains(test.as_str()) && !unit(test)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named.len() >= 50, "{} tests are named", named.len());
}

#[test]
fn deletion_case_threat_and_fault_name_their_test() {
    let pages = [
        ("docs/deletion.md", "shown by", 20),
        ("docs/threat-model.md", "shown by", 25),
        ("docs/how-it-is-tested.md", "test", 80),
    ];
    for (page, column, least) in pages {
        let tables = Page::read(page).tables();
        let of_tests = tables.iter().filter(|table| table.header.last().is_some_and(|last| last == column));
        let cells = of_tests.flat_map(|table| &table.rows).filter_map(|row| row.last());
        let shown: Vec<bool> = cells.map(|cell| cell.contains("::") || cell.contains("](")).collect();
        assert!(shown.len() >= least && shown.iter().all(|shown| *shown), "{page}: {shown:?}");
    }
}

struct Flag {
    name: String,
    variable: String,
    default: Option<String>,
}

/// Returns the flags of a command from its help.
fn help(command: &[&str]) -> Vec<Flag> {
    let output = Command::new(env!("CARGO_BIN_EXE_cloud-policy")).args(command).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let flag = Regex::new(r"(?m)^ +(?:-\w, )?(--[a-z-]+)").unwrap();
    let starts: Vec<_> = flag.captures_iter(&help).filter_map(|found| found.get(1)).collect();
    let ends = starts.iter().skip(1).map(regex::Match::start).chain([help.len()]);
    let value = |text: &str, what: &str| {
        let found = Regex::new(&format!(r"\[{what}([^\]]+)\]")).unwrap().captures(text)?;
        Some(found[1].trim_end_matches('=').to_owned())
    };
    let flags = starts.iter().zip(ends).map(|(start, end)| {
        let text = &help[start.start()..end];
        let variable = value(text, "env: ").unwrap_or_default();
        Flag { name: start.as_str().to_owned(), variable, default: value(text, "default: ") }
    });
    let flags: Vec<_> = flags.filter(|flag| flag.name != "--help").collect();
    assert!(flags.len() >= 3, "{help}");
    flags
}
