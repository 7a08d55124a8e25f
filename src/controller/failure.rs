//! What a failed upstream call means for the object it was made for, and for its connection.

use super::case::Case;
use super::managed::Managed;
use crate::engine::outcome::{Next, Outcome};
use crate::engine::{ErrorKind, UpstreamError};

/// What a failed upstream call comes to. What may be the fault of the connection has it checked, and
/// is not said of the object before it failed twice: by then the connection has said it, if it is.
/// Comparing what is well may be put off without a word.
pub fn failed<K: Managed>(case: &Case<'_, K>, error: &UpstreamError) -> Outcome {
    let shared = case.shared();
    let (connection, namespace) = (&case.object.common().connection_ref, case.namespace());
    let first = !shared.backoffs.is_failing(&case.uid());
    let tripped = shared.connections.is_tripped(connection, &namespace);
    let doubtful = error.kind.may_blame_connection();
    if error.kind.blames_connection() || (doubtful && (first || tripped)) {
        shared.connections.recheck(connection, &namespace);
    }
    tracing::warn!(kind = K::KIND, namespace = case.namespace(), name = case.object.name_any(), %error, request = error.request_id, "upstream call failed");
    let outcome = Outcome::failed(error, shared.settings.create_grace);
    match (error.kind, outcome.next) {
        (ErrorKind::RateLimited, next) if case.is_well() => outcome.unsaid(next),
        (ErrorKind::OutcomeUnknown, next) if tripped => outcome.unsaid(next),
        (ErrorKind::OutcomeUnknown, _) => outcome,
        _ if doubtful && (first || tripped) => {
            let wait = shared.backoffs.failed(&case.uid());
            outcome.unsaid(Next::After(wait.max(error.retry_after.unwrap_or_default())))
        }
        _ => outcome,
    }
}
