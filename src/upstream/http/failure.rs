//! Requests that got no complete answer, and what that says about their effect.

use super::Purpose;
use super::dialer::Undialled;
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::redact::Redactor;
use std::error::Error;
use std::time::Duration;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The account's own rate limit has no room before this time has passed.
    Queued(Duration),
    /// The account failed so often in a row that only its connection's probes are sent.
    Tripped,
    /// Whoever has it sent may not write any more.
    Fenced,
    /// The credentials do not fit into a request.
    Credentials(&'static str),
    /// The host resolves to addresses that may not be dialled.
    Forbidden(String),
    /// The connection never stood: nothing was sent.
    NotSent(String),
    /// No complete answer in time.
    TimedOut,
    /// The connection broke after the request may have been sent.
    Broken,
    /// The answer is larger than the limit in bytes.
    TooLarge(usize),
}

impl Failure {
    /// What the client's error means.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if let Some(undialled) = find::<Undialled>(error) {
            return Self::Forbidden(undialled.to_string());
        }
        // First, because a connect that took too long is both.
        if error.is_connect() {
            return Self::NotSent(deepest(error));
        }
        if error.is_timeout() { Self::TimedOut } else { Self::Broken }
    }

    /// What the client's error means once the head of an answer was there.
    pub(super) fn cut(error: &reqwest::Error) -> Self {
        if error.is_timeout() { Self::TimedOut } else { Self::Broken }
    }

    /// The kind, as the request log shows it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Queued(_) => "rate_limit",
            Self::Tripped => "breaker",
            Self::Fenced => "fence",
            Self::Credentials(_) => "credentials",
            Self::Forbidden(_) => "forbidden_address",
            Self::NotSent(_) => "connect",
            Self::TimedOut => "timeout",
            Self::Broken => "broken",
            Self::TooLarge(_) => "too_large",
        }
    }

    /// Whether the same read may well succeed in a moment.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::TimedOut | Self::Broken)
    }

    /// The error for the caller.
    pub(super) fn into_error(self, purpose: Purpose, redactor: &Redactor) -> UpstreamError {
        let doubt = purpose.effect.doubt();
        let error = |kind, message: String| UpstreamError::new(kind, purpose.operation, redactor.clean(&message));
        match self {
            Self::Queued(wait) => {
                let mut error = error(ErrorKind::RateLimited, "the rate limit of the connection is used up".to_owned());
                error.retry_after = Some(wait);
                error
            }
            Self::Tripped => {
                let why = "the upstream failed several times in a row, and is asked nothing until a check succeeds";
                error(ErrorKind::Unavailable, why.to_owned())
            }
            Self::Fenced => error(ErrorKind::Unavailable, "this process leads no more, and writes nothing".to_owned()),
            Self::Credentials(why) => error(ErrorKind::Unauthorized, why.to_owned()),
            Self::Forbidden(why) => error(ErrorKind::EndpointNotAllowed, why),
            Self::NotSent(why) => error(ErrorKind::Unavailable, format!("cannot connect to the endpoint: {why}")),
            Self::TimedOut => error(doubt, "the upstream gave no complete answer in time".to_owned()),
            Self::Broken => error(doubt, "the connection broke before the answer was complete".to_owned()),
            Self::TooLarge(limit) => error(doubt, format!("the upstream's answer is larger than {limit} bytes")),
        }
    }
}

/// The innermost cause: the one that says what happened.
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
