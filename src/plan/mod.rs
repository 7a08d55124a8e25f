//! What the operator would do with manifests, before they are applied.
//!
//! **Place.** Between `cli` and the rooms that decide and read: it imports `manifests`, `engine`, `upstream` and, of
//! `controller`, only the traits of the kinds. It has no Kubernetes client, and reads neither files nor the environment: `cli` hands both over.
//!
//! **Contract.**
//! - The decision is that of the controller: the same [`crate::engine::plan`], the same guardrails, the same comparison.
//! - The requests are those of the controller: a plan calls the same functions of the collection, and a
//!   [`WriteObserver`](crate::upstream::WriteObserver) takes each write before it is sent. A second lock, the write
//!   permission, is closed all the time.
//! - What could not be read or decided is an error of the report, and never "no changes".
//! - No output contains a credential: the clients redact what upstreams say, and documents of other kinds are not kept.
//!
//! | module | contents |
//! | --- | --- |
//! | [`connections`] | opens the accounts of connections |
//! | [`planner`] | plans each object |
//! | [`cluster`] | puts the manifests beside the objects that a cluster has |
//! | [`owners`] | what is known of the owners of upstream objects |
//! | `prior` | what earlier reconciles left, as far as status tells it |
//! | `look` | finds the upstream objects |
//! | `removal` | plans the deletion of an object that no manifest describes any more |
//! | `rehearsal` | carries a plan out without the writes |
//! | `claims` | objects that claim the same upstream object |
//! | `approval` | tells which change needs an approval |
//! | `bound` | judges by guardrails |
//! | `between` | compares manifests with earlier ones, without any upstream |
//! | [`report`] | the result, which is also the JSON output |
//! | `hash` | identifies what a plan writes |
//! | `show` | describes what a plan does: fields, access, users |
//! | [`verdict`] | how a plan ended: the exit code |
//! | [`render`] | the other outputs: text, Markdown, SARIF |

mod approval;
mod between;
mod bound;
mod claims;
pub mod cluster;
pub mod connections;
mod hash;
mod look;
pub mod owners;
pub mod planner;
mod prior;
mod rehearsal;
mod removal;
pub mod render;
pub mod report;
mod show;
#[cfg(test)]
mod tests;
pub mod verdict;

pub use crate::manifests::{Input, Manifests};
pub use between::between;
pub use bound::{Judged, TestResult, Tested, test as test_guardrails};
pub use cluster::Cluster;
pub use connections::{Connections, Given};
pub use planner::Planner;
pub use report::{Failure, Report};
