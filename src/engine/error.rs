//! Why an upstream call failed, and what that means for the next attempt.
//!
//! Retry is a property of the error: [`ErrorKind`] is matched exhaustively wherever something
//! depends on it, so that a new kind cannot be forgotten.

use crate::api::Reason;
use std::time::Duration;

/// A failed upstream call. Holds nothing secret and no response body beyond the upstream's
/// documented code and message, shortened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {message}{}", code.as_deref().map(|c| format!(" (code {c})")).unwrap_or_default())]
pub struct UpstreamError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// Which call failed, such as `create policy`.
    pub operation: &'static str,
    /// The upstream's code, verbatim.
    pub code: Option<String>,
    /// What to tell the user, one line.
    pub message: String,
    /// How long the upstream asked to wait.
    pub retry_after: Option<Duration>,
    /// The upstream's id of the request, for its support.
    pub request_id: Option<String>,
}

/// The kinds of failure, by what the operator can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The credentials are refused or lack a permission.
    Unauthorized,
    /// Signatures are refused because the clocks differ.
    ClockSkew,
    /// Too many requests. The request had no effect.
    RateLimited,
    /// Not reached, or refused before it had any effect.
    Unavailable,
    /// A write that may or may not have had its effect.
    OutcomeUnknown,
    /// The upstream refuses the content. Only another spec helps.
    Rejected,
    /// Something that the spec refers to (zone, project, repository) does not exist upstream.
    InvalidReference,
    /// The chosen id or name is taken.
    AlreadyExists,
    /// The object is used by others and cannot be deleted.
    InUse,
    /// The account may not hold more.
    QuotaExceeded,
    /// The upstream does not offer this operation.
    Unsupported,
    /// The endpoint may not be called.
    EndpointNotAllowed,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// With backoff: it may pass by itself.
    Backoff,
    /// Slowly, and at once when spec, Secret or connection change: a human is needed.
    Slow,
    /// After the grace in which a lost write may still land; then look first, never repeat.
    AfterGrace,
}

impl ErrorKind {
    /// The reason that conditions show.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::ClockSkew => Reason::ClockSkew,
            Self::RateLimited => Reason::RateLimited,
            Self::Unavailable | Self::OutcomeUnknown => Reason::UpstreamUnavailable,
            Self::Rejected => Reason::ValidationFailed,
            Self::InvalidReference => Reason::InvalidSpec,
            Self::AlreadyExists => Reason::Conflict,
            Self::InUse => Reason::InUse,
            Self::QuotaExceeded => Reason::QuotaExceeded,
            Self::Unsupported => Reason::UnsupportedByUpstream,
            Self::EndpointNotAllowed => Reason::EndpointNotAllowed,
        }
    }

    /// When to try again.
    #[must_use]
    pub fn retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::Unavailable => Retry::Backoff,
            Self::OutcomeUnknown => Retry::AfterGrace,
            Self::Unauthorized
            | Self::ClockSkew
            | Self::Rejected
            | Self::InvalidReference
            | Self::AlreadyExists
            | Self::InUse
            | Self::QuotaExceeded
            | Self::Unsupported
            | Self::EndpointNotAllowed => Retry::Slow,
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
            Self::InvalidReference => "Correct the id in the spec.",
            Self::AlreadyExists => "Choose another name, or set spec.adoptionPolicy.",
            Self::InUse => "Detach it upstream.",
            Self::QuotaExceeded => "Delete unused policies upstream, or request a higher quota.",
            Self::Unsupported => "Check spec.spaceone.apiStyle of the connection.",
            Self::EndpointNotAllowed => "Ask the operator's administrator to allow the host.",
        }
    }

    /// Whether the connection may be at fault as well as this one object: checking it tells.
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
            | Self::InvalidReference
            | Self::AlreadyExists
            | Self::InUse
            | Self::QuotaExceeded
            | Self::Unsupported => false,
        }
    }

    /// Whether the connection, rather than this one object, is at fault.
    #[must_use]
    pub fn blames_connection(self) -> bool {
        matches!(self, Self::Unauthorized | Self::ClockSkew | Self::EndpointNotAllowed)
    }
}

impl UpstreamError {
    /// An error without the upstream's own code.
    pub fn new(kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, code: None, message: message.into(), retry_after: None, request_id: None }
    }

    /// The error as a sentence. An endpoint that may not be called was not, so what it was to be
    /// called for says nothing.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        if self.kind == ErrorKind::EndpointNotAllowed {
            text.drain(..self.operation.len() + ": ".len());
        }
        let mut letters = text.chars();
        let capital: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
        format!("{capital}{}.", letters.as_str().trim_end_matches('.'))
    }

    /// With the upstream's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}
