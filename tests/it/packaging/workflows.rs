//! The workflows: a release is published only after every check.

use cloud_policy_testbed::repository;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::fs;

fn workflow(name: &str) -> Value {
    let text = fs::read_to_string(repository().join(".github/workflows").join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Returns the names of all jobs that must succeed before this job, and the job itself.
fn needed(workflow: &Value, job: &str) -> BTreeSet<String> {
    let (mut needed, mut queue) = (BTreeSet::new(), VecDeque::from([job.to_owned()]));
    while let Some(name) = queue.pop_front() {
        let needs = &workflow["jobs"][&name]["needs"];
        let one = needs.as_str().map(ToOwned::to_owned).into_iter();
        let many = needs.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned());
        queue.extend(one.chain(many));
        needed.insert(name);
    }
    needed
}

#[test]
fn release_is_published_only_after_the_advisories_check() {
    let release = workflow("release.yml");
    let needed = needed(&release, "publish");
    let gates = needed.iter().filter_map(|job| release["jobs"][job]["uses"].as_str());
    let gates: BTreeSet<&str> = gates.collect();
    assert!(gates.contains("./.github/workflows/ci.yml"), "{gates:?}");
    assert!(gates.contains("./.github/workflows/advisories.yml"), "{gates:?}");
    for job in &needed {
        let job = &release["jobs"][job];
        assert!(job["if"].is_null() && job["continue-on-error"].is_null(), "a failed gate stops the release: {job}");
    }
}

#[test]
fn advisories_check_can_be_called_and_fails_on_any_advisory() {
    let advisories = workflow("advisories.yml");
    assert!(advisories["on"].as_object().unwrap().contains_key("workflow_call"), "{advisories}");
    let steps = advisories["jobs"]["check"]["steps"].as_array().unwrap();
    let run = steps.iter().filter_map(|step| step["run"].as_str()).collect::<String>();
    assert!(run.contains("cargo-deny --locked check advisories") && !run.contains("||"), "{run}");
    let deny = fs::read_to_string(repository().join("deny.toml")).unwrap();
    let section = deny.split("[advisories]").nth(1).expect("a section for advisories").split("\n[").next().unwrap();
    assert!(section.contains("yanked = \"deny\"") && section.contains("ignore = []"), "{section}");
}
