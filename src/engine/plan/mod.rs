//! Decides what to do with one object: a pure function of the memory of status, the policies of the
//! spec and the objects found upstream.
//!
//! The order of the questions is the order of safety: owner, permission to write, difference, change in
//! place. A difference counts as drift when the spec has not changed since the last write.

mod decide;
mod prior_state;
mod refusal;

use super::{Cause, Diff, Observation, Ownership};

pub use decide::plan;
pub use prior_state::{PriorState, Rules, Unapplied};
pub use refusal::{Refusal, Rival};

/// The next action of the operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Create the object.
    Create,
    /// Wait: a create in flight may still take effect.
    Wait,
    /// Look again: the upstream may not show the last write to this object yet.
    Recheck(Box<Observation>),
    /// Manage an object that exists and is ours, or becomes ours.
    Existing(Existing),
    /// Report the difference only.
    Report {
        /// The object, `None` if it does not exist.
        observed: Option<Observation>,
        /// The policy that forbids a write.
        why: ReportOnly,
    },
    /// Leave the object to another object of this cluster.
    Yield(Rival),
    /// Keep the oldest of several objects that are ours, and write nothing until a human chooses.
    Duplicate {
        /// The oldest.
        oldest: Box<Observation>,
        /// Ids of all of them.
        ids: Vec<String>,
    },
    /// Write nothing until a human acts.
    Refuse(Refusal),
}

impl Plan {
    /// Returns whether this plan neither writes upstream nor makes an object ours, and can be decided
    /// from a list.
    ///
    /// A list may be out of date and may leave out fields. So a plan that was made from a listed
    /// observation is carried out only if this returns `true`; otherwise the object is read by a get
    /// and planned again. `Wait`, `Recheck`, `Yield`, `Duplicate` and `Refuse` write nothing either, but a list
    /// does not prove them.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Report { .. } => true,
            Self::Existing(Existing { acquire, tag, step, observed: _ }) => {
                acquire.is_none() && *tag == TagOwner::NotNeeded && *step == Step::None
            }
            Self::Create
            | Self::Wait
            | Self::Recheck(_)
            | Self::Yield(_)
            | Self::Duplicate { .. }
            | Self::Refuse(_) => false,
        }
    }

    /// Returns whether this plan manages an object that only the record in status shows to be ours.
    #[must_use]
    pub fn rests_on_record(&self) -> bool {
        match self {
            Self::Existing(existing) => existing.observed.owner == Ownership::Unknown,
            Self::Create
            | Self::Wait
            | Self::Recheck(_)
            | Self::Report { .. }
            | Self::Yield(_)
            | Self::Duplicate { .. }
            | Self::Refuse(_) => false,
        }
    }

    /// Returns whether this plan creates or adopts an upstream object.
    #[must_use]
    pub fn acquires(&self) -> bool {
        match self {
            Self::Create => true,
            Self::Existing(existing) => existing.acquire == Some(Acquire::Adopt),
            Self::Wait
            | Self::Recheck(_)
            | Self::Report { .. }
            | Self::Yield(_)
            | Self::Duplicate { .. }
            | Self::Refuse(_) => false,
        }
    }
}

/// An upstream object that is ours or becomes ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// The object.
    pub observed: Observation,
    /// How it becomes ours; `None` if status records it already.
    pub acquire: Option<Acquire>,
    /// Whether our owner tag must be written to it.
    pub tag: TagOwner,
    /// The write that follows.
    pub step: Step,
}

/// How an object becomes ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquire {
    /// The operator created it and lost the response.
    Recover,
    /// It existed before, and `adoptionPolicy` permits its adoption.
    Adopt,
}

/// Whether our owner tag must be written to an existing object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagOwner {
    /// The object has no owner tag yet.
    Needed,
    /// The object has our owner tag, or the upstream does not show owner tags.
    NotNeeded,
}

/// The write that brings an existing object to the spec.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// No write: the object is as wanted, or it is adopted under `CreateOnly`.
    None,
    /// Update fields in place.
    Update {
        /// The fields that differ and can be changed in place.
        diff: Diff,
        /// `Spec` or `Drift`.
        cause: Cause,
    },
    /// Delete the object and create it again.
    Recreate {
        /// The fields that differ.
        diff: Diff,
        /// `Spec` or `Drift`.
        cause: Cause,
    },
    /// No write: the upstream did not apply these fields before, or cannot change them.
    NotApplied(Diff),
    /// No write: another writer changes some fields back after each correction.
    DriftFight {
        /// The fields that differ.
        diff: Diff,
        /// The paths that the other writer changes back.
        over: Vec<String>,
    },
}

impl Step {
    /// Returns the cause of the write; `None` if nothing is written.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Update { cause, .. } | Self::Recreate { cause, .. } => Some(*cause),
            Self::None | Self::NotApplied(_) | Self::DriftFight { .. } => None,
        }
    }
}

/// The policy because of which a difference is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOnly {
    /// `managementPolicy: Observe`.
    Observe,
    /// `managementPolicy: CreateOnly`.
    CreateOnly,
    /// `driftPolicy: Report`.
    DriftReport,
    /// None: only the state of the object differs, and no call changes it.
    Ineffective,
}

#[cfg(test)]
mod tests;
