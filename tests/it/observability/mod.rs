//! Metrics, alerts, dashboard, audit log and traces, checked against a running operator and with the real
//! promtool and Prometheus.

mod alerts;
mod audit_log;
mod dashboard;
mod events;
mod exposition;
mod prometheus;
mod promql;
mod traces;
mod watched;

use cloud_policy_testbed::repository;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The folder of the chart with the files for Prometheus and Grafana.
const FILES: &str = "charts/cloud-policy-operator/files";

fn file(name: &str) -> PathBuf {
    repository().join(FILES).join(name)
}

/// Returns the rules of the alerts file.
fn rules() -> Vec<Value> {
    let text = std::fs::read_to_string(file("alerts.yaml")).unwrap();
    let groups: Value = serde_saphyr::from_str(&text).unwrap();
    let rules = groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.cloned().collect()
}

/// Runs promtool with this standard input.
pub fn promtool(arguments: &[&str], input: &str) -> Output {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool: `make tools` installs it");
    let mut stdin = promtool.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
    drop(stdin);
    promtool.wait_with_output().unwrap()
}

/// Returns the whole output of a program.
pub fn output_of(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
