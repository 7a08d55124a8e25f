//! An operator that manages access policies and network policies of NAVER Cloud Platform and
//! SpaceONE (Cloudforet) as Kubernetes objects.
//!
//! # Modules
//!
//! | module | contents |
//! | --- | --- |
//! | [`api`] | the five kinds that users write, as types only |
//! | [`engine`] | decisions: documents, diff, plan, outcome. No Kubernetes client, no HTTP, no clock |
//! | [`upstream`] | the HTTP client, the collections of each provider, and the registry that lists them |
//! | [`controller`] | watches and reconciles the kinds, and elects a leader. Only it and [`cli`] use a `kube::Client` |
//! | [`manifests`], [`sarif`] | reads manifests with files and lines; the form of results for code scanning |
//! | [`plan`] | what the operator would do with manifests: decides and rehearses, and writes nothing |
//! | [`export`] | describes what exists in cloud accounts by manifests |
//! | [`review`] | reports every policy of cloud accounts, who holds it, and which object describes it |
//! | [`lint`] | what is wrong with manifests, without any network |
//! | [`cli`] | the commands `cloud-policy run`, `plan`, `export`, `report`, `lint` and others |
//! | [`metrics`], [`telemetry`], [`server`] | metrics, logs and traces, and the HTTP server for probes and metrics |
//!
//! # Layers
//!
//! Imports run in one direction: `cli -> review -> export -> plan, lint -> manifests -> controller -> upstream -> engine -> api`. Of
//! `controller`, `plan` and `manifests` import only the traits of the kinds. The test `architecture` checks every file;
//! `make architecture` runs it and prints the layers.
//!
//! Inside [`controller`] and [`upstream`], a module imports only modules on the lines below it. `controller`:
//!
//! | modules | contents |
//! | --- | --- |
//! | `setup` | builds, starts and stops the controllers |
//! | `policy`, `connection` | the reconcile of one policy, and of one connection. Neither imports the other |
//! | `context` | the dependencies of a reconcile. Only here client, state and leadership meet |
//! | `k8s`, `state`, `queue`, `leader` | requests to the API server; memory of the process; which object is next; the Lease |
//! | `kinds` | what the kinds have in common |
//! | `settings`, `error`, `clock` | the basis of the others |
//!
//! `upstream`:
//!
//! | modules | contents |
//! | --- | --- |
//! | `registry` | the list of collections |
//! | `account` | one open account, shared by the objects of a connection |
//! | `ncloud`, `spaceone` | the providers, each with a folder for each collection. Neither imports the other |
//! | `collection`, `snapshots` | what a collection implements for the registry; its last list |
//! | `http` | the HTTP client |
//! | `endpoint`, `request`, `redact`, `lenient`, `catalogue` | the basis of the others |

#![forbid(unsafe_code)]

#[allow(
    clippy::duplicated_attributes,
    reason = "every `printcolumn` of a kind repeats its keys; the lint takes them for one attribute"
)]
pub mod api;
pub mod cli;
pub mod controller;
pub mod engine;
pub mod export;
pub mod lint;
pub mod manifests;
pub mod metrics;
pub mod plan;
pub mod review;
pub mod sarif;
pub mod server;
pub mod telemetry;
pub mod upstream;
