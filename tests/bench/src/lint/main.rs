//! Measures how long `cloud-policy lint` takes for 1,000 files, and prints it as Markdown (`make bench-lint`).

#![forbid(unsafe_code)]

use anyhow::ensure;
use cloud_policy::lint::{Report, lint};
use cloud_policy::manifests::Input;
use cloud_policy::upstream::catalogue::Catalogue;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const FILES: usize = 1_000;

/// The goal.
const GOAL: Duration = Duration::from_secs(1);

fn main() -> anyhow::Result<()> {
    println!("| {FILES} files | size | time | goal | findings |\n| --- | --- | --- | --- | --- |");
    for (name, statements, mistake) in
        [("small, valid", 1, false), ("small, each with a mistake", 1, true), ("20 statements each", 20, false)]
    {
        let inputs: Vec<Input> = (0..FILES).map(|at| file(at, statements, mistake)).collect();
        let size: usize = inputs.iter().map(|input| input.text.len()).sum();
        let start = Instant::now();
        let report = lint(&inputs, Catalogue::embedded());
        let time = start.elapsed();
        check(&report, if mistake { FILES } else { 0 })?;
        let kept = if time < GOAL { "kept" } else { "missed" };
        println!(
            "| {name} | {} kB | {:.3} s | {} s, {kept} | {} |",
            size / 1000,
            time.as_secs_f64(),
            GOAL.as_secs(),
            report.findings.len()
        );
    }
    Ok(())
}

fn check(report: &Report, findings: usize) -> anyhow::Result<()> {
    ensure!(report.summary.objects == FILES, "{} objects were read", report.summary.objects);
    ensure!(report.findings.len() == findings, "{} findings: {:?}", report.findings.len(), report.findings.first());
    Ok(())
}

/// Returns a manifest with so many statements, each about an action of its own.
fn file(at: usize, statements: usize, mistake: bool) -> Input {
    let product = if mistake { "VPCSever" } else { "VPCServer" };
    let mut text = format!(
        "# policy {at}\napiVersion: cloudpolicy.dev/v1alpha1\nkind: Policy\nmetadata: {{ name: p-{at}, namespace: team-a }}\nspec:\n  connectionRef: {{ name: ncloud }}\n  ncloud:\n    policyName: p-{at}\n    permissions:\n"
    );
    for number in 0..statements {
        let _ = write!(
            text,
            "      - effect: Allow\n        targets:\n          - product: {product}\n            actions: [\"View/getThing{number}\", \"Change/setThing{number}\"]\n            resourceNrns: [\"nrn:PUB:{product}:KR:2942:Server/{number}\"]\n        condition: {{ StringEquals: {{ \"ncp:principalName\": [alice, bob] }} }}\n"
        );
    }
    let text = if mistake { text.replace("nrn:PUB:VPCSever", "nrn:PUB:*") } else { text };
    Input { file: format!("policies/p-{at}.yaml"), text }
}
