//! Alerts: each fires and is silent as its promtool unit tests require, each has a page, and each reason of an
//! object belongs to one alert.

use super::{file, output_of, promql, promtool, rules};
use crate::docs::markdown::PUBLISHED;
use cloud_policy::api::Reason;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// Returns the files with unit tests for promtool.
fn tests() -> Vec<PathBuf> {
    let folder = repository().join("tests/it/observability/alerts");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn name(rule: &Value) -> &str {
    rule["alert"].as_str().unwrap()
}

#[test]
fn alerts_pass_promtool_unit_tests() {
    let rules = file("alerts.yaml");
    let checked = promtool(&["check", "rules", rules.to_str().unwrap()], "");
    assert!(checked.status.success(), "{}", output_of(&checked));
    let tests = tests();
    let files = tests.iter().map(|test| test.to_str().unwrap());
    let tested = promtool(&["test", "rules"].into_iter().chain(files).collect::<Vec<_>>(), "");
    assert!(tested.status.success(), "{}", output_of(&tested));
}

#[test]
fn every_alert_has_firing_and_silent_unit_test() {
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for test in tests() {
        let cases: Value = serde_saphyr::from_str(&fs::read_to_string(test).unwrap()).unwrap();
        let cases = cases["tests"].as_array().unwrap().iter();
        for case in cases.flat_map(|test| test["alert_rule_test"].as_array().unwrap()) {
            let seen = if case["exp_alerts"].as_array().unwrap().is_empty() { &mut silent } else { &mut fires };
            seen.insert(case["alertname"].as_str().unwrap().to_owned());
        }
    }
    let known: BTreeSet<String> = rules().iter().map(|rule| name(rule).to_owned()).collect();
    assert_eq!(fires, known);
    assert_eq!(silent, known);
}

#[test]
fn every_alert_has_severity_and_runbook_page() {
    let index = fs::read_to_string(repository().join("docs/alerts.md")).unwrap();
    let mut pages = BTreeSet::new();
    for rule in rules() {
        let (name, notes) = (name(&rule), &rule["annotations"]);
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}");
        for note in ["summary", "description"] {
            assert!(notes[note].as_str().is_some_and(|text| text.len() > 20), "{name} has no {note}");
        }
        let path = notes["runbook_url"].as_str().and_then(|url| url.strip_prefix(PUBLISHED)).expect(name);
        let page = fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(page.starts_with(&format!("# {name}\n")), "{path}");
        for section in ["What it means", "What to look at", "What to do", "If it is left"] {
            assert!(page.contains(&format!("\n## {section}\n")), "{path}: no section `{section}`");
        }
        let row = format!("| [{name}]({}) | {severity} |", path.trim_start_matches("docs/"));
        assert!(index.contains(&row), "docs/alerts.md: {row}");
        pages.insert(repository().join(path));
    }
    let there = fs::read_dir(repository().join("docs/alerts")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(there.collect::<BTreeSet<_>>(), pages, "pages and alerts differ");
}

/// Reasons of objects that are in the wanted state.
const WANTED: [&str; 3] = ["UpToDate", "Observed", "Suspended"];
/// Reasons that a policy does not keep for an hour.
const TRANSIENT: [&str; 7] =
    ["Creating", "Updating", "Deleting", "ConnectionNotReady", "RateLimited", "UpstreamUnavailable", "Unseen"];
/// Reasons that wait for people who are told elsewhere. After an hour the alert for all other reasons tells, too.
const WAITING: [&str; 1] = ["ApprovalRequired"];
/// Reasons of connections and events, never of a policy.
const NOT_OF_POLICIES: [&str; 7] = [
    "Orphaned",
    "InternalError",
    "Authenticated",
    "FormerKeyInUse",
    "Unreachable",
    "SecretNotFound",
    "SecretsNotPermitted",
];

/// Returns the reasons in the query of an alert.
fn reasons(alert: &str) -> Vec<String> {
    let all = rules();
    let rule = all.iter().find(|rule| name(rule) == alert).unwrap_or_else(|| panic!("{alert}"));
    let selectors = promql::selectors(rule["expr"].as_str().unwrap());
    let matcher = selectors.iter().flat_map(|selector| &selector.matchers).find(|matcher| matcher.label == "reason");
    matcher.expect(alert).alternatives().map(str::to_owned).collect()
}

#[test]
fn object_reason_belongs_to_one_alert_or_none() {
    let single = ["CloudPolicyDriftFight", "CloudPolicyDriftReported", "CloudPolicyDeletionsHeld"];
    let single = single.into_iter().chain(["CloudPolicyObjectsUnreadable", "CloudPolicyObjectsStalled"]);
    let alerted: Vec<String> = single.flat_map(reasons).collect();
    let others =
        WANTED.iter().chain(&TRANSIENT).chain(&WAITING).chain(&NOT_OF_POLICIES).map(|reason| (*reason).to_owned());
    let mut owners = BTreeMap::<String, usize>::new();
    for reason in alerted.iter().cloned().chain(others) {
        *owners.entry(reason).or_default() += 1;
    }
    let twice: Vec<_> = owners.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let known = Reason::ALL.iter().map(|reason| reason.as_str().to_owned());
    let counted = ["Unseen", "Unreadable"].map(str::to_owned);
    assert_eq!(owners.into_keys().collect::<BTreeSet<_>>(), known.chain(counted).collect());

    let left_out: BTreeSet<String> = reasons("CloudPolicyObjectsNotReady").into_iter().collect();
    let expected = alerted.into_iter().chain(WANTED.map(str::to_owned)).collect();
    assert_eq!(left_out, expected, "the alert covers every reason without an alert of its own");
}
