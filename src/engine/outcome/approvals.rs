//! The outcome of a change that waits for an approval.

use super::{Outcome, Requeue, Truth};
use crate::api::Reason;

impl Outcome {
    /// Reports that a change grants more, and waits for an approval. It goes on without a change of the object, so it is
    /// not stalled.
    #[must_use]
    pub fn approval_required(message: impl Into<String>) -> Self {
        Self { synced: Truth::False, ..Self::working(Reason::ApprovalRequired, message, Requeue::Slow) }
    }
}
