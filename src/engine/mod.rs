//! What should happen: the pure core.
//!
//! The flow of one object is *observe, plan, act, outcome*. This room holds the contract for
//! observing and acting ([`external`]), the decision ([`plan`]) and the report ([`outcome`]).
//! Decisions are functions of values and return values: no kube client, no HTTP, no clock and
//! no environment in here.

pub mod corrections;
pub mod deletions;
pub mod diff;
pub mod error;
pub mod external;
pub mod outcome;
pub mod plan;
pub mod stamp;
pub mod subject;

pub use diff::{Diff, FieldDiff, Remedy};
pub use error::{ErrorKind, UpstreamError};
pub use external::{Document, External, Facts, Observed, Problem, Snapshot, Verdict, Written};
pub use stamp::{Mark, Ownership, Stamp};
pub use subject::{Bound, Glimpse, Leftover, Remnant, Sighting, Subject};

/// The result of every call to an upstream.
pub type Result<T> = std::result::Result<T, UpstreamError>;
