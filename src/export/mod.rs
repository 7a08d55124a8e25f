//! Describes what exists in cloud accounts by manifests, so that applying them changes nothing but owner tags.
//!
//! **Place.** Beside `plan`, whose reading of manifests judges each one that is written here. It imports `upstream` to read,
//! and has no Kubernetes client. `cli` opens the accounts and writes the files.
//!
//! **Contract.**
//! - An incomplete reading is an error, and never a short export. What is read and not exported is in [`Export::skipped`],
//!   each with its reason.
//! - Each manifest passes the schema and the rules of its kind, and equals what is upstream: the operator adopts it without
//!   another write than that of the owner tag.
//! - The same state of the account gives the same bytes, in whatever order the upstream shows it.
//!
//! | module | contents |
//! | --- | --- |
//! | [`reading`] | reads the collections of an account, and the users of its objects |
//! | [`manifests`] | one manifest for each object, checked as the API server and the operator check it |
//! | `names` | names of Kubernetes objects for upstream names of any script |
//! | [`convert`] | manifests for the objects that the task files of `spacectl` declare |
//! | `template` | the variables in such files |
//! | [`yaml`] | YAML that every parser reads alike |

pub mod convert;
pub mod manifests;
mod names;
pub mod reading;
mod template;
pub mod yaml;

pub use manifests::{Export, Manifest, Options, Skipped, export, one_text};
pub use reading::{Found, Selection, Step, read};
