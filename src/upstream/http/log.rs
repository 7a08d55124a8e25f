//! The observers of requests: the sources of metrics, traces and the audit log.

use super::call::{Effect, Purpose};
use super::failure::AttemptResult;
use crate::upstream::request::{Priority, RequestContext, WriteObserver};
use std::time::Duration;
use tracing::Span;
use tracing::field::Empty;

/// Observes every request of an account. `system` is the collection, such as `ncloud/policy`;
/// `operation` is the operation, such as `create policy`. All texts come from bounded sets and are fit
/// for metric labels.
pub trait RequestLog: Send + Sync {
    /// Handles the end of a request. `code` is the HTTP status or, without one, the kind of failure.
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration);

    /// Handles a request that was not sent. `reason` is `rate_limit`, `breaker`, `fence` or `credentials`.
    fn unsent(&self, _system: &'static str, _reason: &'static str) {}

    /// Handles a request that has waited for the rate limit and is sent now.
    fn waited(&self, _system: &'static str, _priority: Priority, _waited: Duration) {}
}

/// Returns the observer of this request if it is a write.
pub(super) fn write_observer(request_context: &RequestContext, purpose: Purpose) -> Option<&dyn WriteObserver> {
    request_context.writes.as_deref().filter(|_| purpose.effect == Effect::Write)
}

/// Returns the trace span of a request, from sending it to the end of its response. It contains
/// neither the URL nor any of the content.
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

/// Records the result of a request in its span.
pub(super) fn record(span: &Span, result: &AttemptResult) {
    span.record("code", code(result).as_str());
    match result {
        Ok(response) => {
            if let Some(request) = &response.request_id {
                span.record("request", request.as_str());
            }
            if response.status >= 400 {
                span.record("otel.status_code", "ERROR");
            }
        }
        Err(_) => {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// Returns the HTTP status or, without one, the kind of failure.
pub(super) fn code(result: &AttemptResult) -> String {
    result.as_ref().map_or_else(|failure| failure.code().to_owned(), |response| response.status.to_string())
}
