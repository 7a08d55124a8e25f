//! Decides what a failed upstream call means for its object, and triggers a check of the connection when
//! the connection may be the cause.

use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::controller::kinds::managed::Managed;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{ErrorKind, UpstreamError};

/// The circumstances in which a call failed.
struct Circumstances {
    /// The object's last reconcile succeeded.
    last_succeeded: bool,
    /// The circuit breaker of the connection's account is open.
    tripped: bool,
    /// `Ready` is `True` for the current spec.
    ready: bool,
}

/// How the object reacts.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    /// Report the error in status.
    Report,
    /// Leave status as it is and requeue as the outcome says.
    Wait,
    /// Leave status as it is and requeue with backoff.
    BackOff,
}

/// Returns how the reconcile ends after a failed upstream call.
pub fn failed<K: Managed>(this: &Reconciliation<'_, K>, error: &UpstreamError) -> Stop {
    let (shared, key) = (this.shared(), this.object.connection());
    let circumstances = Circumstances {
        last_succeeded: !shared.backoffs.is_failing(&this.uid()),
        tripped: shared.accounts.is_tripped(&key),
        ready: this.is_ready(),
    };
    if suspects_connection(error.kind, &circumstances) {
        shared.accounts.recheck(&key);
    }
    let (namespace, name) = (this.namespace(), this.object.name_any());
    tracing::warn!(kind = K::KIND, namespace, name, %error, request = error.request_id, "upstream call failed");
    let outcome = Outcome::failed(error, shared.settings.create_grace);
    match reaction(error.kind, &circumstances) {
        Reaction::Report => Stop::Report(outcome),
        Reaction::Wait => Stop::Silently(outcome.requeue),
        Reaction::BackOff => {
            let wait = shared.backoffs.failed(&this.uid());
            Stop::Silently(Requeue::After(wait.max(error.retry_after.unwrap_or_default())))
        }
    }
}

/// Returns whether the connection must be checked. An error that may blame the connection counts the first
/// time, and while the circuit breaker is open.
fn suspects_connection(kind: ErrorKind, circumstances: &Circumstances) -> bool {
    let Circumstances { last_succeeded, tripped, ready: _ } = circumstances;
    kind.blames_connection() || (kind.may_blame_connection() && (*last_succeeded || *tripped))
}

/// Returns how the object reacts. An error that may blame the connection is reported only when it repeats:
/// until then the connection has reported it, if it is the cause. A throttled comparison of an object that
/// is ready is not worth a report.
fn reaction(kind: ErrorKind, circumstances: &Circumstances) -> Reaction {
    let Circumstances { last_succeeded, tripped, ready } = circumstances;
    match kind {
        ErrorKind::RateLimited if *ready => Reaction::Wait,
        ErrorKind::OutcomeUnknown if *tripped => Reaction::Wait,
        ErrorKind::OutcomeUnknown => Reaction::Report,
        kind if kind.may_blame_connection() && (*last_succeeded || *tripped) => Reaction::BackOff,
        _ => Reaction::Report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Circumstances = Circumstances { last_succeeded: false, tripped: false, ready: false };

    #[test]
    fn doubtful_error_is_reported_only_when_it_repeats() {
        assert_eq!(
            reaction(ErrorKind::Unavailable, &Circumstances { last_succeeded: true, ..CALM }),
            Reaction::BackOff
        );
        assert_eq!(reaction(ErrorKind::Unavailable, &CALM), Reaction::Report);
        assert_eq!(reaction(ErrorKind::Unavailable, &Circumstances { tripped: true, ..CALM }), Reaction::BackOff);
    }

    #[test]
    fn unknown_outcome_is_reported_unless_circuit_breaker_is_open() {
        assert_eq!(
            reaction(ErrorKind::OutcomeUnknown, &Circumstances { last_succeeded: true, ..CALM }),
            Reaction::Report
        );
        assert_eq!(reaction(ErrorKind::OutcomeUnknown, &Circumstances { tripped: true, ..CALM }), Reaction::Wait);
    }

    #[test]
    fn throttled_object_keeps_its_status_while_it_is_ready() {
        assert_eq!(reaction(ErrorKind::RateLimited, &Circumstances { ready: true, ..CALM }), Reaction::Wait);
    }

    #[test]
    fn connection_is_suspected_on_the_first_doubtful_error() {
        assert!(suspects_connection(ErrorKind::Unavailable, &Circumstances { last_succeeded: true, ..CALM }));
        assert!(!suspects_connection(ErrorKind::Unavailable, &CALM));
        assert!(suspects_connection(ErrorKind::Unauthorized, &CALM));
        assert!(!suspects_connection(ErrorKind::Rejected, &Circumstances { last_succeeded: true, ..CALM }));
    }
}
