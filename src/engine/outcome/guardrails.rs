//! The outcome of an object beyond the guardrails of its connection.

use super::{Outcome, Requeue, Truth};
use crate::api::Reason;
use crate::engine::Diff;

impl Outcome {
    /// Reports that the operator writes nothing for an object beyond the guardrails.
    #[must_use]
    pub fn guardrail_denied(message: impl Into<String>) -> Self {
        Self::refused(Reason::GuardrailDenied, message)
    }

    /// Reports the same of an object whose upstream object differs. `drifted` tells whether another writer changed it.
    #[must_use]
    pub fn guardrail_kept(message: impl Into<String>, diff: Diff, drifted: bool) -> Self {
        Self { drifted, diff, ..Self::guardrail_denied(message) }
    }

    /// Returns whether the outcome describes an object that exists, and of which the operator writes nothing now.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(
            self.reason,
            Reason::UpToDate
                | Reason::Observed
                | Reason::DriftReported
                | Reason::NotApplied
                | Reason::RecreateRequired
                | Reason::DriftFight
        )
    }

    /// Adds that the object is beyond the guardrails: it stays as it is.
    #[must_use]
    pub fn beyond_guardrails(self, message: String) -> Self {
        let (reason, ready) = (Reason::GuardrailDenied, Truth::False);
        Self { reason, message, ready, stalled: true, reconciling: false, requeue: Requeue::Slow, ..self }
    }
}
