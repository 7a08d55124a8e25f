//! Defines why a reconcile ends before its last step.

use crate::controller::Error;
use crate::engine::outcome::{Outcome, Requeue};

/// Why a reconcile ends early.
#[derive(Debug)]
pub enum Stop {
    /// Report this outcome in status.
    Report(Outcome),
    /// Nothing is known that status could show: requeue, and leave the conditions as they are.
    Silently(Requeue),
    /// Kubernetes failed: the runtime retries.
    Retry(Error),
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self::Report(outcome)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Retry(error)
    }
}

impl From<kube::Error> for Stop {
    fn from(error: kube::Error) -> Self {
        Self::Retry(error.into())
    }
}
