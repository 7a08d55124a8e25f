//! What a comparison finds of an upstream object.

use super::external::Details;
use super::{Diff, Ownership};

/// An upstream object, compared with the desired one.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The upstream's id.
    pub id: String,
    /// Its owner.
    pub owner: Ownership,
    /// Its differences from the desired object.
    pub diff: Diff,
    /// The further fields that status shows.
    pub details: Details,
}

/// The evidence that the latest list gives about an object.
#[derive(Debug, Clone, PartialEq)]
pub enum ListedObservation {
    /// The list shows the object completely.
    Complete(Box<Observation>),
    /// The object exists and the listed fields match. Only a get shows the other fields.
    PartialMatch,
    /// The list is missing, does not show the object, or shows a difference.
    Inconclusive,
}
