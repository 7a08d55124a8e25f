//! What should happen: the pure core.
//!
//! The flow of one object is *observe, plan, act, outcome*. This room holds the contract for
//! observing and acting ([`external`]), the decision ([`plan`]) and the report ([`outcome`]).
//! Decisions are functions of values and return values: no kube client, no HTTP, no clock and
//! no environment in here.

pub mod bound;
pub mod corrections;
pub mod deletions;
pub mod diff;
pub mod error;
pub mod external;
pub mod outcome;
pub mod owner_tag;
pub mod plan;

pub use bound::{
    Binding, BoundExternal, Deleter, ExternalDeleter, ListedObservation, Observation, SnapshotFuture, Snapshots,
};
pub use diff::{Diff, FieldDiff, Remedy};
pub use error::{ErrorKind, UpstreamError};
pub use external::{Details, Document, External, Observed, Problem, Snapshot, Verdict, Written};
pub use owner_tag::{FoundTag, OwnerTag, Ownership};

/// The result of every call to an upstream.
pub type Result<T> = std::result::Result<T, UpstreamError>;
