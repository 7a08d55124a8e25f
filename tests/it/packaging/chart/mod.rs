//! The Helm chart, by the real Helm 3 and Helm 4, against a real API server.
//!
//! | what | where |
//! | --- | --- |
//! | what in the chart is made of something else is in step with it | `generated` |
//! | what it grants is what the operator needs | `rights` |
//! | what it makes of values is taken by the API server, what is wrong is refused | `render`, `refusals` |
//! | its alerts speak for its own operator | `alerts` |
//! | installed, upgraded, uninstalled, installed again, with live objects | `story` |
//!
//! There is no kubelet: `node` does with the Deployment what a cluster would.

mod alerts;
mod generated;
mod helm;
mod lifecycle;
mod pages;
mod refusals;
mod render;
mod rights;
mod values;

use cloud_policy_testbed::repository;
use std::fs;
use std::path::PathBuf;

/// Where a file of the chart is.
fn place(file: &str) -> PathBuf {
    repository().join("charts/cloud-policy-operator").join(file)
}

/// A file of the chart.
fn text(file: &str) -> String {
    fs::read_to_string(place(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
