//! What is told of requests: the source of metrics, traces and the ledger.

use super::{Effect, Failure, Outcome, Purpose};
use crate::upstream::{Priority, RequestContext, WriteObserver};
use std::time::Duration;
use tracing::Span;
use tracing::field::Empty;

/// Told of every request of an account. `system` is the collection, such as `ncloud/policy`;
/// `operation` what was asked, such as `create policy`. All texts are of bounded sets, fit for metric
/// labels.
pub trait RequestLog: Send + Sync {
    /// A request has ended; `code` is the HTTP status or, without one, a kind of failure.
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration);

    /// A request was kept back; `why` is `rate_limit`, `breaker` or `credentials`.
    fn unsent(&self, _system: &'static str, _why: &'static str) {}

    /// A request has waited for the rate limit, and is sent now.
    fn waited(&self, _system: &'static str, _urgency: Priority, _waited: Duration) {}
}

/// Who is told of this request as a write, if it may be one.
pub(super) fn writes(request_context: &RequestContext, purpose: Purpose) -> Option<&dyn WriteObserver> {
    request_context.writes.as_deref().filter(|_| purpose.effect == Effect::Write)
}

/// The part of a trace that one request is, from sending it to the end of its answer. Neither its
/// URL nor anything of its content belongs there.
pub(super) fn span(purpose: Purpose, priority: Priority) -> Span {
    let Purpose { system, operation, .. } = purpose;
    tracing::debug_span!(
        "upstream request",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        system,
        operation,
        priority = priority.label(),
        code = Empty,
        request = Empty,
    )
}

/// How it ended.
pub(super) fn note(span: &Span, outcome: &Outcome) {
    span.record("code", code(outcome).as_str());
    match outcome {
        Ok(answer) => {
            if let Some(request) = &answer.request_id {
                span.record("request", request.as_str());
            }
            if answer.status >= 400 {
                span.record("otel.status_code", "ERROR");
            }
        }
        Err(_) => {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// The HTTP status or, without one, the kind of failure.
pub(super) fn code(outcome: &Outcome) -> String {
    outcome.as_ref().map_or_else(|failure| Failure::code(failure).to_owned(), |answer| answer.status.to_string())
}
