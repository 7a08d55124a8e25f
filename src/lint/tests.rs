//! Each rule by its examples, places in files, and exceptions.

use super::*;
use crate::engine::finding::Level;
use crate::lint::report::{FailOn, Verdict};

fn input(file: &str, text: &str) -> Input {
    Input { file: file.to_owned(), text: text.to_owned() }
}

fn report(text: &str) -> Report {
    lint(&[input("a.yaml", text)], Catalogue::embedded())
}

/// Returns rule, line and column of each finding.
fn places(text: &str) -> Vec<(&'static str, u64, u64)> {
    report(text).findings.iter().map(|it| (it.rule, it.line, it.column)).collect()
}

fn ids(text: &str) -> Vec<&'static str> {
    places(text).into_iter().map(|(rule, ..)| rule).collect()
}

/// A document with one finding, on its line 10.
const SEVER: &str = "apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata: { name: viewer }
spec:
  connectionRef: { name: ncloud }
  ncloud:
    policyName: viewer
    permissions:
      - effect: Allow
        targets: [{ product: Sever, actions: ['View*'], resourceNrns: ['*'] }]
";

#[test]
fn every_rule_finds_its_bad_example_and_no_good_one() {
    let rules = rules();
    assert!(rules.len() >= 20, "{}", rules.len());
    for rule in rules {
        // A comment that allows nothing leaves the finding that it was for.
        let found: Vec<&str> = if rule.id == "CP020" { vec!["CP101", "CP020"] } else { vec![rule.id] };
        assert_eq!(ids(rule.bad), found, "{}: {:#?}", rule.id, report(rule.bad).findings);
        assert_eq!(ids(rule.good), [""; 0], "{}: {:#?}", rule.id, report(rule.good).findings);
    }
}

#[test]
fn rule_ids_are_unique_and_told_apart_from_those_of_plan() {
    let rules = rules();
    for (at, rule) in rules.iter().enumerate() {
        assert!(rules[..at].iter().all(|other| other.id != rule.id && other.name != rule.name), "{}", rule.id);
        let number: u32 = rule.id.strip_prefix("CP").unwrap().parse().unwrap();
        assert_eq!(rule.level == Level::Error, number < 20, "{}: errors are CP010 to CP019", rule.id);
        assert!(number >= 10, "{}: plan has CP001 to CP009", rule.id);
    }
}

#[test]
fn place_is_right_in_a_stream_of_documents() {
    let stream = format!("# first\n---\n{SEVER}---\nkind: Secret\napiVersion: v1\n---\n{SEVER}");
    assert_eq!(places(&stream), [("CP101", 12, 21), ("CP101", 26, 21)]);
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: cloudpolicy.dev/v1alpha1\n  kind: Policy\n  metadata: {name: a}\n  spec:\n    connectionRef: {name: c}\n    spaceone: {policyId: a, name: A, permissions: [a.b.c, 'x*']}\n";
    assert_eq!(places(list), [("CP120", 9, 59)]);
    let korean = SEVER.replace("targets:", "'조건': 1\n        targets:");
    assert_eq!(places(&korean), [("CP011", 10, 9)], "columns count characters");
    let json = r#"{"apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy", "metadata": {"name": "a"},
 "spec": {"connectionRef": {"name": "c"}, "spaceone": {"policyId": "a", "name": "A", "permissions": ["x*"]}}}"#;
    assert_eq!(places(json), [("CP120", 2, 102)]);
}

#[test]
fn object_and_field_are_named() {
    let found = &report(SEVER).findings[0];
    assert_eq!(found.object.as_deref(), Some("Policy default/viewer"));
    assert_eq!(found.field.as_deref(), Some("spec.ncloud.permissions[0].targets[0].product"));
    assert_eq!(found.message, "`Sever` is not in the catalogue: did you mean `Server`?");
}

#[test]
fn comment_allows_a_finding_on_its_line_or_the_next() {
    let same = SEVER.replace("['*'] }]", "['*'] }] # cloud-policy:allow CP101 new product");
    let before = SEVER.replace(
        "        targets",
        "        # cloud-policy:allow CP101 new product\n        # more\n\n        targets",
    );
    let whole = format!("# cloud-policy:allow CP101 new product\n{SEVER}");
    let second = format!("{SEVER}---\n#cloud-policy:allow CP101 new product\n# more\n{SEVER}");
    for (text, left) in [(&same, 0), (&before, 0), (&whole, 0), (&second, 1)] {
        let report = report(text);
        assert_eq!((report.findings.len(), report.summary.allowed), (left, 1), "{text}: {:#?}", report.findings);
    }
    let elsewhere = SEVER.replace("policyName: viewer", "policyName: viewer # cloud-policy:allow CP101 here");
    assert_eq!(places(&elsewhere), [("CP021", 7, 24), ("CP101", 10, 21)]);
    let other = SEVER.replace("['*'] }]", "['*'] }] # cloud-policy:allow CP102 here");
    assert_eq!(ids(&other), ["CP101", "CP021"]);
}

#[test]
fn comment_without_rule_or_reason_allows_nothing() {
    for words in ["", " ", " CP101", " CP101 ", " CP999 reason", " cp101 reason", " CP011 reason", " because"] {
        let text = SEVER.replace("['*'] }]", &format!("['*'] }}] # cloud-policy:allow{words}"));
        assert_eq!(ids(&text), ["CP101", "CP020"], "{words:?}");
    }
    for other in ["# cloud-policy:allowed CP101 x", "# see cloud-policy:allow", "#: cloud-policy:allow CP101 x"] {
        assert_eq!(ids(&SEVER.replace("['*'] }]", &format!("['*'] }}] {other}"))), ["CP101"], "{other}");
    }
}

#[test]
fn text_of_a_value_is_no_comment() {
    let quoted =
        SEVER.replace("policyName: viewer", "policyName: viewer\n    description: 'x # cloud-policy:allow CP101 y'");
    assert_eq!(ids(&quoted), ["CP101"]);
    let block = SEVER.replace(
        "policyName: viewer",
        "policyName: viewer\n    description: |\n      a\n      # cloud-policy:allow CP101 y\n      b",
    );
    assert_eq!(ids(&block), ["CP101"]);
}

#[test]
fn verdict_follows_level_and_unreadable_input() {
    let broken = rules().into_iter().find(|rule| rule.id == "CP011").unwrap().bad;
    let unreadable = "a: [\n";
    for (text, verdicts) in [
        (SEVER.replace("Sever", "Server"), [Verdict::Passed, Verdict::Passed, Verdict::Passed]),
        (SEVER.to_owned(), [Verdict::Passed, Verdict::Found, Verdict::Passed]),
        (broken.to_owned(), [Verdict::Found, Verdict::Found, Verdict::Passed]),
        (unreadable.to_owned(), [Verdict::Failed; 3]),
        (String::new(), [Verdict::Passed; 3]),
    ] {
        let report = report(&text);
        assert_eq!(
            [FailOn::Error, FailOn::Warning, FailOn::Never].map(|fail_on| report.verdict(fail_on)),
            verdicts,
            "{text}"
        );
    }
}

#[test]
fn broken_connection_is_refused_and_not_unreadable() {
    let text = "apiVersion: cloudpolicy.dev/v1alpha1\nkind: Connection\nmetadata: {name: a}\nspec:\n  ncloud: {zone: Publik, credentialsSecretRef: {name: x}}\n";
    let report = report(text);
    assert_eq!(report.findings.iter().map(|it| (it.rule, it.line, it.column)).collect::<Vec<_>>(), [("CP011", 5, 12)]);
    assert!(report.findings[0].message.contains("did you mean Public?"), "{:?}", report.findings);
    assert_eq!((report.verdict(FailOn::Error), report.summary.objects), (Verdict::Found, 1));
}

#[test]
fn outputs_state_coverage_and_places() {
    let report = report(SEVER);
    let text = render::text(&report);
    let line =
        "a.yaml:10:21: warning CP101 unknown-product: spec.ncloud.permissions[0].targets[0].product: `Sever` is not";
    assert!(
        text.starts_with(line) && text.contains("\n0 errors, 1 warning in 1 object\nCatalogue: 97 products known"),
        "{text}"
    );
    let sarif = render::sarif(&report);
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"CP101".into(), &"warning".into()));
    let region = serde_json::json!({ "startLine": 10, "startColumn": 21 });
    assert_eq!(result["locations"][0]["physicalLocation"]["region"], region);
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "CP101");
}

#[test]
fn other_catalogue_decides_what_is_known() {
    let own = include_str!("../upstream/catalogue.json").replace("\"Server\":", "\"Sever\":");
    let own = Catalogue::parse(&own).unwrap();
    let found = lint(&[input("a.yaml", SEVER)], &own);
    assert_eq!(found.findings, []);
}
