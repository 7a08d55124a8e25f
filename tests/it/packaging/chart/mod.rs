//! The Helm chart, with the real Helm 3 and Helm 4, against a real API server.
//!
//! | module | tests |
//! | --- | --- |
//! | `generated` | generated files of the chart are up to date |
//! | `rights` | the chart grants the permissions that the operator needs, and no others |
//! | `subchart` | the chart as a part of another chart: global values, `OpenShift` |
//! | `proxy` | the forward proxy: flags, credentials and egress |
//! | `render`, `refusals` | the API server accepts the rendered objects; the chart refuses wrong values |
//! | `alerts` | the alerts of a release are about its own operator |
//! | `pages` | the values and commands in the README, the notes and the task pages work |
//! | `lifecycle` | install, upgrade, rollback, uninstall and reinstall with live objects |
//!
//! There is no kubelet: [`FakeKubelet`](crate::support::fake_kubelet::FakeKubelet) runs the Deployment.

mod alerts;
mod generated;
mod helm;
mod lifecycle;
mod pages;
mod proxy;
mod refusals;
mod render;
mod rights;
mod subchart;
mod values;

use cloud_policy_testbed::repository;
use std::fs;
use std::path::PathBuf;

/// Returns the path of a file of the chart.
fn place(file: &str) -> PathBuf {
    repository().join("charts/cloud-policy-operator").join(file)
}

/// Reads a file of the chart.
fn text(file: &str) -> String {
    fs::read_to_string(place(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
