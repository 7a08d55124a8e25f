//! Requests without a complete response, and whether they can have had an effect.

use super::call::Purpose;
use super::dialer::ForbiddenHost;
use super::proxy::ForwardProxy;
use super::response::Response;
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::redact::Redactor;
use std::error::Error;
use std::time::Duration;

/// The result of one attempt to send a request.
pub(super) type AttemptResult = Result<Response, Failure>;

/// The reason why there is no response.
#[derive(Debug)]
pub(super) enum Failure {
    /// The account's own rate limit allows the request only after this time.
    Queued(Duration),
    /// The circuit breaker is open: the account failed several times in a row, and only probes are sent.
    Tripped,
    /// This process is no longer the leader and may not write.
    Fenced,
    /// The credentials cannot be written into a request.
    Credentials(&'static str),
    /// The host resolves only to addresses that are not allowed.
    Forbidden(String),
    /// The forward proxy did not lead to the host: nothing was sent.
    Proxy(String),
    /// The connection was not established: nothing was sent.
    NotSent(String),
    /// The time limit passed before the response was complete.
    TimedOut,
    /// The connection broke after the request may have been sent.
    Broken,
    /// The response is larger than this limit in bytes.
    TooLarge(usize),
    /// The values of the response would take more memory than the operator has for them.
    TooHeavy,
}

impl Failure {
    /// Classifies the client's error.
    pub(super) fn of(error: &reqwest::Error, proxy: Option<&ForwardProxy>) -> Self {
        if let Some(forbidden) = find::<ForbiddenHost>(error) {
            return Self::Forbidden(forbidden.to_string());
        }
        if let Some(refusal) = proxy.and_then(|proxy| proxy.refusal(error)) {
            return Self::Proxy(refusal);
        }
        // Before the timeout: a connect that took too long is both.
        if error.is_connect() {
            return Self::NotSent(deepest(error));
        }
        if error.is_timeout() { Self::TimedOut } else { Self::Broken }
    }

    /// Classifies the client's error after the head of a response arrived.
    pub(super) fn cut(error: &reqwest::Error) -> Self {
        if error.is_timeout() { Self::TimedOut } else { Self::Broken }
    }

    /// Returns the kind for logs and metrics.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Queued(_) => "rate_limit",
            Self::Tripped => "breaker",
            Self::Fenced => "fence",
            Self::Credentials(_) => "credentials",
            Self::Forbidden(_) => "forbidden_address",
            Self::Proxy(_) => "proxy",
            Self::NotSent(_) => "connect",
            Self::TimedOut => "timeout",
            Self::Broken => "broken",
            Self::TooLarge(_) | Self::TooHeavy => "too_large",
        }
    }

    /// Reports whether the same read may succeed soon.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::TimedOut | Self::Broken)
    }

    /// Returns whether the request surely never reached the upstream.
    fn is_unsent(&self) -> bool {
        match self {
            Self::Queued(_)
            | Self::Tripped
            | Self::Fenced
            | Self::Credentials(_)
            | Self::Forbidden(_)
            | Self::Proxy(_)
            | Self::NotSent(_) => true,
            Self::TimedOut | Self::Broken | Self::TooLarge(_) | Self::TooHeavy => false,
        }
    }

    /// Returns the error for the caller.
    pub(super) fn into_error(self, purpose: Purpose, redactor: &Redactor) -> UpstreamError {
        let doubt = purpose.effect.doubt();
        let unsent = self.is_unsent();
        let error = |kind, message: String| {
            let message = redactor.clean(&message);
            UpstreamError { unsent, ..UpstreamError::new(kind, purpose.operation, message) }
        };
        match self {
            Self::Queued(wait) => {
                let mut error = error(ErrorKind::RateLimited, "the rate limit of the connection is used up".to_owned());
                error.retry_after = Some(wait);
                error
            }
            Self::Tripped => {
                let message =
                    "the upstream failed several times in a row, and no requests are sent until a check succeeds";
                error(ErrorKind::Unavailable, message.to_owned())
            }
            Self::Fenced => {
                error(ErrorKind::Unavailable, "this process is no longer the leader and sends no writes".to_owned())
            }
            Self::Credentials(message) => error(ErrorKind::Unauthorized, message.to_owned()),
            Self::Forbidden(message) => error(ErrorKind::EndpointNotAllowed, message),
            Self::Proxy(message) => error(ErrorKind::Unavailable, message),
            Self::NotSent(cause) => error(ErrorKind::Unavailable, format!("cannot connect to the endpoint: {cause}")),
            Self::TimedOut => error(doubt, "the upstream sent no complete response in time".to_owned()),
            Self::Broken => error(doubt, "the connection broke before the response was complete".to_owned()),
            Self::TooLarge(limit) => error(doubt, format!("the upstream's response is larger than {limit} bytes")),
            Self::TooHeavy => {
                error(doubt, "the upstream's response has more values than the operator has memory for".to_owned())
            }
        }
    }
}

/// Returns the text of the innermost cause, which is the most specific one.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        next = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::http::Effect;

    #[test]
    fn only_request_that_was_not_sent_is_without_effect() {
        let purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };
        let error = |failure: Failure| failure.into_error(purpose, &Redactor::default());
        let text = || "x".to_owned();
        for failure in [
            Failure::Queued(Duration::ZERO),
            Failure::Tripped,
            Failure::Fenced,
            Failure::Credentials("x"),
            Failure::Forbidden(text()),
            Failure::NotSent(text()),
        ] {
            assert!(error(failure).unsent);
        }
        for failure in [Failure::TimedOut, Failure::Broken, Failure::TooLarge(1), Failure::TooHeavy] {
            let error = error(failure);
            assert!(!error.unsent && error.kind == ErrorKind::OutcomeUnknown, "{error}");
        }
    }
}
