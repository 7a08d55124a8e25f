//! Reviews who has access: every policy of cloud accounts, who holds it, and which object describes it.
//!
//! **Place.** Above `export`, whose reading it uses. It has no Kubernetes client and no clock: `cli` reads accounts, cluster
//! and files, and says what time it is.
//!
//! **Contract.**
//! - An incomplete reading is an error, and never a short report: [`crate::export::read`] fails as a whole.
//! - The same state gives the same bytes, in whatever order the upstream shows it, but for the time in the header.
//! - What is not known is never a number: a policy without users has the count 0, and an object that cannot have users none.
//! - Names of users are personal data: they are in a report only if they were asked for.
//!
//! | module | contents |
//! | --- | --- |
//! | [`sources`] | the Kubernetes objects that are known, from a cluster or from files |
//! | [`policy`] | one policy: who manages it, who uses it, and which object describes it |
//! | [`report`] | the report, which is also the JSON output |
//! | [`render`] | Markdown and CSV |

pub mod policy;
pub mod render;
pub mod report;
pub mod sources;

pub use report::{Header, Report};
pub use sources::Sources;
