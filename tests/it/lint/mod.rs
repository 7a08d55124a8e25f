//! `cloud-policy lint`: the program that users run, on the manifests of this repository and on broken ones.

mod editors;
mod page;

use crate::docs::markdown::Page;
use crate::plan::setup::{self, Ended};
use cloud_policy::lint::{Report, lint, rules};
use cloud_policy::manifests::Input;
use cloud_policy::upstream::catalogue::Catalogue;
use cloud_policy_testbed::repository;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A document with one finding, on its line 9.
const SEVER: &str = "apiVersion: cloudpolicy.dev/v1alpha1
kind: Policy
metadata: { name: viewer, namespace: team-a }
spec:
  connectionRef: { name: ncloud }
  ncloud:
    policyName: viewer
    permissions:
      - { effect: Allow, targets: [{ product: Sever, actions: ['View*'], resourceNrns: ['*'] }] }
";

/// Runs the program in a folder, in an empty environment: no kubeconfig, no proxy, no credentials.
fn run(folder: &Path, arguments: &[&str], stdin: &str) -> Ended {
    setup::run(folder, &[&["lint"], arguments].concat(), &[], stdin)
}

/// Checks an object as `cloud-policy lint` does.
pub fn check(object: &Value) -> Report {
    let text = serde_saphyr::to_string(object).unwrap();
    lint(&[Input { file: "object.yaml".to_owned(), text }], Catalogue::embedded())
}

#[test]
fn samples_have_no_errors() {
    let folder = repository().join("deploy/samples");
    let ended = run(&folder, &["-f", ".", "-o", "json"], "");
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &report["summary"]["errors"]), (0, &0.into()), "{ended:?}");
    assert!(report["summary"]["objects"].as_u64().unwrap() >= 6, "{report}");
    let warned = report["findings"].as_array().unwrap();
    // One sample shows a refusal.
    assert!(warned.iter().all(|it| it["file"].as_str().unwrap().contains("refused")), "{warned:#?}");
}

#[test]
fn documented_manifests_have_no_errors() {
    let pages = Page::all();
    let fences = pages.iter().flat_map(|page| &page.fences).filter(|fence| fence.language == "yaml");
    let inputs: Vec<Input> =
        fences.map(|fence| Input { file: fence.place.clone(), text: fence.body.clone() }).collect();
    let report = lint(&inputs, Catalogue::embedded());
    let errors: Vec<_> = report.findings.iter().filter(|it| it.level == "error").collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(report.summary.objects >= 20, "{:?}", report.summary);
}

#[test]
fn exit_code_and_formats_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), SEVER).unwrap();
    let code = |arguments: &[&str]| run(folder.path(), arguments, SEVER).code;
    assert_eq!(code(&["-f", "a.yaml"]), 0, "warnings are no failure by default");
    assert_eq!(code(&["-f", "a.yaml", "--fail-on", "warning"]), 3);
    assert_eq!(code(&["a.yaml", "--fail-on=warning"]), 3, "without -f");
    assert_eq!(code(&["-f", "-", "--fail-on=warning"]), 3, "standard input");
    assert_eq!(code(&["-f", "a.yaml", "--fail-on", "never"]), 0);
    for arguments in
        [&["-f", "none.yaml"][..], &[], &["-f", "a.yaml", "--catalogue", "a.yaml"], &["-f", "a.yaml", "-x"]]
    {
        let ended = run(folder.path(), arguments, "");
        assert!(ended.code == 1 && ended.err.starts_with("error: ") && ended.out.is_empty(), "{ended:?}");
    }
    let sarif: Value = serde_json::from_str(&run(folder.path(), &["-f", ".", "-o", "sarif"], "").out).unwrap();
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]["startLine"]), (&"a.yaml".into(), &9.into()));
    let known = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len();
    assert_eq!(known, rules().len());
}

#[test]
fn secret_beside_a_manifest_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: canary-name}\nstringData: {k: canary} # cloud-policy:allow canary\n";
    let broken = "a: [canary\n";
    let misplaced = "canary: x\n";
    for text in [secret, broken, misplaced] {
        fs::write(folder.path().join("a.yaml"), format!("{secret}---\n{SEVER}---\n{text}")).unwrap();
        for output in ["text", "json", "sarif"] {
            let ended = run(folder.path(), &["-f", ".", "-o", output], "");
            assert!(!ended.out.contains("canary") && !ended.err.contains("canary"), "{ended:?}");
        }
    }
    fs::write(folder.path().join("catalogue.json"), "{\"canary\": 1}").unwrap();
    let ended = run(folder.path(), &["-f", "a.yaml", "--catalogue", "catalogue.json"], "");
    assert!(ended.code == 1 && ended.err.contains("of another form"), "{ended:?}");
}

#[test]
fn catalogue_of_the_reader_replaces_the_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), SEVER).unwrap();
    let own = fs::read_to_string(repository().join("src/upstream/catalogue.json")).unwrap();
    fs::write(folder.path().join("own.json"), own.replace("\"Server\":", "\"Sever\":")).unwrap();
    let ended = run(folder.path(), &["-f", "a.yaml", "--catalogue", "own.json", "--fail-on", "warning"], "");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.out.contains("97 products known"), "{ended:?}");
}
