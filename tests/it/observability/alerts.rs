//! The alerts: that each fires when it should and is silent when it should be, by promtool's own unit
//! tests; that each leads to its page; that no reason of an object falls between them.

use super::{file, promql, promtool, rules, said};
use crate::docs::markdown::PUBLISHED;
use cloud_policy::api::Reason;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// The unit tests, for promtool.
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
fn each_alert_fires_and_is_silent_as_its_unit_tests_say() {
    let rules = file("alerts.yaml");
    let checked = promtool(&["check", "rules", rules.to_str().unwrap()], "");
    assert!(checked.status.success(), "{}", said(&checked));
    let tests = tests();
    let files = tests.iter().map(|test| test.to_str().unwrap());
    let tested = promtool(&["test", "rules"].into_iter().chain(files).collect::<Vec<_>>(), "");
    assert!(tested.status.success(), "{}", said(&tested));
}

#[test]
fn every_alert_is_seen_to_fire_and_to_be_silent() {
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
fn every_alert_says_how_bad_it_is_and_leads_to_a_page_that_says_what_to_do() {
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
    assert_eq!(there.collect::<BTreeSet<_>>(), pages, "a page without an alert");
}

/// Reasons that are as somebody wants it.
const FINE: [&str; 3] = ["UpToDate", "Observed", "Suspended"];
/// Reasons that pass by themselves, or what else a policy does not keep for an hour.
const PASSING: [&str; 7] =
    ["Creating", "Updating", "Deleting", "ConnectionNotReady", "RateLimited", "UpstreamUnavailable", "Unseen"];
/// Reasons of connections and of events, never of a policy.
const ELSEWHERE: [&str; 6] =
    ["Orphaned", "InternalError", "Authenticated", "Unreachable", "SecretNotFound", "SecretsNotPermitted"];

/// The reasons that the alert's query has between the quotes.
fn reasons(alert: &str) -> Vec<String> {
    let all = rules();
    let rule = all.iter().find(|rule| name(rule) == alert).unwrap_or_else(|| panic!("{alert}"));
    let selectors = promql::selectors(rule["expr"].as_str().unwrap());
    let matcher = selectors.iter().flat_map(|selector| &selector.matchers).find(|matcher| matcher.label == "reason");
    matcher.expect(alert).alternatives().map(str::to_owned).collect()
}

#[test]
fn every_reason_of_an_object_belongs_to_one_alert_or_to_none_on_purpose() {
    let single = ["CloudPolicyDriftFight", "CloudPolicyDriftReported", "CloudPolicyDeletionsHeld"];
    let single = single.into_iter().chain(["CloudPolicyObjectsUnreadable", "CloudPolicyObjectsStalled"]);
    let alerted: Vec<String> = single.flat_map(reasons).collect();
    let others = FINE.iter().chain(&PASSING).chain(&ELSEWHERE).map(|reason| (*reason).to_owned());
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
    let expected = alerted.into_iter().chain(FINE.map(str::to_owned)).collect();
    assert_eq!(left_out, expected, "what is not told elsewhere is told after an hour");
}
