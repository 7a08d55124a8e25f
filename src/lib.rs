//! Keeps access policies and network policies of NAVER Cloud Platform and
//! SpaceONE (Cloudforet) as Kubernetes objects say.
//!
//! # The house
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`api`] | what users write: the four kinds, as types only |
//! | [`engine`] | what should happen: documents, diff, plan, outcome. No kube client, no HTTP, no clock |
//! | [`upstream`] | how to speak: the HTTP client, each upstream collection, the registry |
//! | [`controller`] | the only holder of a `kube::Client`: wiring, reconcile, connections, leader election |
//! | [`cli`] | `cloud-policy run` and `cloud-policy crds` |
//! | [`metrics`], [`telemetry`], [`server`] | leaves: what every room may report to |
//!
//! Imports run one way only: `cli -> controller -> upstream -> engine -> api`.
//! The test `architecture` holds every file to it.

#![forbid(unsafe_code)]

#[allow(
    clippy::duplicated_attributes,
    reason = "every `printcolumn` of a kind repeats its keys; the lint takes them for one attribute"
)]
pub mod api;
pub mod cli;
pub mod controller;
pub mod engine;
pub mod metrics;
pub mod server;
pub mod telemetry;
pub mod upstream;
