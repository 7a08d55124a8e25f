//! The pure core: decisions without side effects.
//!
//! A reconcile of one object observes, plans, applies and reports. This module contains the contract
//! for observing and applying ([`external`]), the decisions ([`plan`], [`deletion_plan`]) and the report
//! ([`outcome`]). Decisions are functions of values: this module has no kube client, no HTTP, no clock
//! and no access to the environment.

pub mod access;
pub mod actions;
pub mod approval;
pub mod bound;
pub mod cause;
pub mod contradiction;
pub mod corrections;
pub mod deleter;
pub mod deletion_plan;
pub mod deletions;
pub mod diff;
pub mod error;
pub mod external;
pub mod finding;
pub mod fingerprint;
pub mod json_text;
pub mod location;
pub mod nearest;
pub mod number;
pub mod observation;
pub mod orphan_reason;
pub mod outcome;
pub mod owner_tag;
pub mod plan;
pub mod problem;
pub mod snapshot;
pub mod user;
pub mod weighed;

pub use bound::{Binding, BoundExternal};
pub use cause::Cause;
pub use deleter::{Absence, Deleter, ExternalDeleter};
pub use diff::{Diff, FieldDiff, Remedy};
pub use error::{ErrorKind, UpstreamError};
pub use external::{Details, Document, External, Observed, Verdict, Written};
pub use observation::{ListedObservation, Observation};
pub use orphan_reason::OrphanReason;
pub use owner_tag::{FoundTag, OwnerTag, Ownership};
pub use problem::Problem;
pub use snapshot::{Confirmation, Snapshot, SnapshotFuture, Snapshots};
pub use user::{User, UserKind};
pub use weighed::Weighed;

/// The result of every call to an upstream.
pub type Result<T> = std::result::Result<T, UpstreamError>;
