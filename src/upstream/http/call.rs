//! One request, before credentials are added.

use crate::engine::ErrorKind;
use reqwest::{Method, Request};
use serde_json::Value;
use url::Url;

/// Whether a request may change something upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It cannot.
    Read,
    /// It may.
    Write,
}

impl Effect {
    /// Returns the kind of a failure that happened after the request may have reached the upstream.
    pub(crate) fn doubt(self) -> ErrorKind {
        match self {
            Self::Read => ErrorKind::Unavailable,
            Self::Write => ErrorKind::OutcomeUnknown,
        }
    }
}

/// The names of a request in logs, metrics and errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// The collection, such as `ncloud/policy`.
    pub(crate) system: &'static str,
    /// The operation, such as `create policy`.
    pub(crate) operation: &'static str,
    /// Whether it may change something.
    pub(crate) effect: Effect,
}

/// One request without credentials.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<Value>,
}

/// Adds the credentials to a request that is otherwise complete.
pub(crate) trait Authorize: Send + Sync {
    /// Adds them. The error describes what is wrong with the credentials without showing them.
    fn authorize(&self, request: &mut Request) -> Result<(), &'static str>;
}
