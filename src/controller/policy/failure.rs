//! What a failed upstream call means for the object it was made for, and for its connection.

use super::reconciliation::Reconciliation;
use crate::controller::kinds::managed::Managed;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{ErrorKind, UpstreamError};

/// What a failed upstream call comes to. What may be the fault of the connection has it checked, and
/// is not said of the object before it failed twice: by then the connection has said it, if it is.
/// Comparing what is well may be put off without a word.
pub fn failed<K: Managed>(this: &Reconciliation<'_, K>, error: &UpstreamError) -> Outcome {
    let shared = this.shared();
    let (connection, namespace) = (&this.object.common().connection_ref, this.namespace());
    let first = !shared.backoffs.is_failing(&this.uid());
    let tripped = shared.connections.is_tripped(connection, &namespace);
    let doubtful = error.kind.may_blame_connection();
    if error.kind.blames_connection() || (doubtful && (first || tripped)) {
        shared.connections.recheck(connection, &namespace);
    }
    tracing::warn!(kind = K::KIND, namespace = this.namespace(), name = this.object.name_any(), %error, request = error.request_id, "upstream call failed");
    let outcome = Outcome::failed(error, shared.settings.create_grace);
    match (error.kind, outcome.requeue) {
        (ErrorKind::RateLimited, requeue) if this.is_ready() => outcome.without_status(requeue),
        (ErrorKind::OutcomeUnknown, requeue) if tripped => outcome.without_status(requeue),
        (ErrorKind::OutcomeUnknown, _) => outcome,
        _ if doubtful && (first || tripped) => {
            let wait = shared.backoffs.failed(&this.uid());
            outcome.without_status(Requeue::After(wait.max(error.retry_after.unwrap_or_default())))
        }
        _ => outcome,
    }
}
