//! The failure of an upstream call and its meaning for the next attempt.
//!
//! Each [`ErrorKind`] determines its retry. Code that depends on the kind matches it exhaustively, so
//! that the compiler finds every place that a new kind concerns.

use crate::api::Reason;
use std::time::Duration;

/// A failed upstream call. It contains no secret, and of the response body only the upstream's
/// documented code and message, shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}{}{}", after(": ", message, ""), after(" (upstream code ", code.as_deref().unwrap_or_default(), ")"))]
pub struct UpstreamError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// The call that failed, such as `create policy`.
    pub operation: &'static str,
    /// The upstream's code, verbatim.
    pub code: Option<String>,
    /// The message for the user, one line.
    pub message: String,
    /// The delay that the upstream asked for.
    pub retry_after: Option<Duration>,
    /// The upstream's id of the request, for its support team.
    pub request_id: Option<String>,
    /// Whether the request surely never reached the upstream: it did not leave the queue, or no connection was established.
    /// Any other write may have taken effect, whatever the answer says: some upstreams refuse what they carried out.
    pub unsent: bool,
}

/// The kinds of failure, by the reaction of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The upstream rejects the credentials, or they lack a permission.
    Unauthorized,
    /// The upstream rejects the signature because the clocks differ.
    ClockSkew,
    /// The upstream, or the rate limit of the connection, throttles the request.
    RateLimited,
    /// The upstream cannot be reached, or failed before the request had an effect.
    Unavailable,
    /// A write may or may not have taken effect.
    OutcomeUnknown,
    /// The upstream rejects the content, so the spec must change.
    Rejected,
    /// The upstream rejects every update of the object as it is, whatever the spec says.
    NotUpdatable,
    /// The spec refers to a zone, project or repository that does not exist upstream.
    InvalidReference,
    /// Another object has the chosen id or name.
    AlreadyExists,
    /// An object that cannot be managed has the chosen name, such as one of the upstream itself.
    NameReserved,
    /// Other objects use the object, so it cannot be deleted.
    InUse,
    /// The upstream does not tell who uses the object, so it cannot be deleted safely.
    UsersUnknown,
    /// The account has reached its quota.
    QuotaExceeded,
    /// The upstream does not offer this operation.
    Unsupported,
    /// The operator may not call the endpoint.
    EndpointNotAllowed,
}

/// When the operator tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// With backoff: the failure may be temporary.
    Backoff,
    /// Slowly, and at once when spec, Secret or connection change: a human must act.
    Slow,
    /// After the grace in which a lost write may still take effect, and then only after a read.
    AfterGrace,
}

impl ErrorKind {
    /// Returns the reason of the condition.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::ClockSkew => Reason::ClockSkew,
            Self::RateLimited => Reason::RateLimited,
            Self::Unavailable | Self::OutcomeUnknown => Reason::UpstreamUnavailable,
            Self::Rejected => Reason::ValidationFailed,
            Self::NotUpdatable => Reason::RecreateRequired,
            Self::InvalidReference => Reason::InvalidSpec,
            Self::AlreadyExists | Self::NameReserved => Reason::Conflict,
            Self::InUse => Reason::InUse,
            Self::UsersUnknown => Reason::UsersUnknown,
            Self::QuotaExceeded => Reason::QuotaExceeded,
            Self::Unsupported => Reason::UnsupportedByUpstream,
            Self::EndpointNotAllowed => Reason::EndpointNotAllowed,
        }
    }

    /// Returns when the operator tries again.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::Unavailable => Retry::Backoff,
            Self::OutcomeUnknown => Retry::AfterGrace,
            Self::Unauthorized
            | Self::ClockSkew
            | Self::Rejected
            | Self::NotUpdatable
            | Self::InvalidReference
            | Self::AlreadyExists
            | Self::NameReserved
            | Self::InUse
            | Self::UsersUnknown
            | Self::QuotaExceeded
            | Self::Unsupported
            | Self::EndpointNotAllowed => Retry::Slow,
        }
    }

    /// Returns whether the failure may pass by itself: the operator tries again soon.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self.retry() {
            Retry::Backoff | Retry::AfterGrace => true,
            Retry::Slow => false,
        }
    }

    /// Returns the sentence that tells users what to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Unauthorized => "Check the Secret of the connection and the permissions of its key.",
            Self::ClockSkew => "Set the clock of the node that runs the operator.",
            Self::RateLimited => "The operator slows down and retries.",
            Self::Unavailable => "The operator retries.",
            Self::OutcomeUnknown => "The operator checks whether it took effect before retrying.",
            Self::Rejected => "Correct the spec.",
            Self::NotUpdatable => {
                "Set spec.recreatePolicy: WhenRequired to have the operator delete its object and create it again, or delete the object upstream."
            }
            Self::InvalidReference => "Correct the id in the spec.",
            Self::AlreadyExists => "Choose another name, or set spec.adoptionPolicy.",
            Self::NameReserved => "Choose another name.",
            Self::InUse => "Detach it upstream.",
            Self::UsersUnknown => {
                "Set the annotation cloudpolicy.dev/confirm-delete=true to delete the object all the same."
            }
            Self::QuotaExceeded => "Delete unused objects upstream, or request a higher quota.",
            Self::Unsupported => "Use a connection to a server that offers it.",
            Self::EndpointNotAllowed => "Ask the operator's administrator to allow the host.",
        }
    }

    /// Returns whether the connection, and not this object alone, may have caused the failure. A check of
    /// the connection decides.
    #[must_use]
    pub fn may_blame_connection(self) -> bool {
        match self {
            Self::Unauthorized
            | Self::ClockSkew
            | Self::EndpointNotAllowed
            | Self::Unavailable
            | Self::OutcomeUnknown => true,
            Self::RateLimited
            | Self::Rejected
            | Self::NotUpdatable
            | Self::InvalidReference
            | Self::AlreadyExists
            | Self::NameReserved
            | Self::InUse
            | Self::UsersUnknown
            | Self::QuotaExceeded
            | Self::Unsupported => false,
        }
    }

    /// Returns whether the connection, and not this object, caused the failure.
    #[must_use]
    pub fn blames_connection(self) -> bool {
        matches!(self, Self::Unauthorized | Self::ClockSkew | Self::EndpointNotAllowed)
    }
}

/// Returns a part of a text between `before` and `end`, and nothing if it is empty.
fn after(before: &str, part: &str, end: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{before}{part}{end}") }
}

impl UpstreamError {
    /// Returns an error without a code of the upstream.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, operation, code: None, message, retry_after: None, request_id: None, unsent: false }
    }

    /// Marks the error as that of a call of which the upstream answered an earlier request.
    #[must_use]
    pub fn sent(self) -> Self {
        Self { unsent: false, ..self }
    }

    /// Marks the error as that of a request which surely never reached the upstream.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self { unsent: true, ..self }
    }

    /// Returns the error as a sentence. An error about an endpoint that the operator may not call leaves
    /// out the operation, because no request was sent.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        if self.kind == ErrorKind::EndpointNotAllowed {
            text = text.trim_start_matches(self.operation).trim_start_matches(": ").to_owned();
        }
        let mut letters = text.chars();
        let capital: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        format!("{capital}{}.", letters.as_str().trim_end_matches('.'))
    }

    /// Returns the error and what people do about it where no operator tries again.
    #[must_use]
    pub fn told(&self) -> String {
        let advice = if self.kind.is_transient() { "Try again." } else { self.kind.advice() };
        format!("{} {advice}", self.sentence())
    }

    /// Adds the upstream's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_leaves_out_parts_that_the_upstream_did_not_give() {
        let error = |message: &str| UpstreamError::new(ErrorKind::Rejected, "add tag", message);
        assert_eq!(error("no").with_code("9").sentence(), "Add tag: no (upstream code 9).");
        assert_eq!(error("").with_code("9").sentence(), "Add tag (upstream code 9).");
        assert_eq!(error("").with_code("").sentence(), "Add tag.");
        let forbidden = UpstreamError { kind: ErrorKind::EndpointNotAllowed, ..error("the host is not allowed") };
        assert_eq!(forbidden.sentence(), "The host is not allowed.");
    }
}
