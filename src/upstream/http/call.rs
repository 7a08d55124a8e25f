//! One request, before credentials are added.

use crate::engine::ErrorKind;
use crate::upstream::request::{UNASSIGNED, WriteRequest};
use reqwest::{Method, Request};
use serde_json::{Value, json};
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
    /// The object that it is about.
    pub(crate) object: Object,
}

/// The object of a request, as a response names it.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// The field of the id.
    pub(crate) id_field: &'static str,
    /// The id; `None` if the body has it, or the upstream assigns it.
    pub(crate) id: Option<String>,
}

impl Call {
    /// Returns the request as an observer sees it.
    pub(super) fn as_write(&self) -> WriteRequest<'_> {
        let Purpose { system, operation, effect: _ } = self.purpose;
        WriteRequest {
            system,
            operation,
            method: self.method.as_str(),
            path: self.url.path(),
            body: self.body.as_ref(),
        }
    }

    /// Returns the body of the response of an upstream that accepts the write: what was sent, with the id.
    pub(super) fn accepted(&self) -> Value {
        let Object { id_field, id } = &self.object;
        let mut body = self.body.clone().filter(Value::is_object).unwrap_or_else(|| json!({}));
        match id {
            Some(id) => body[*id_field] = json!(id),
            None if body.get(*id_field).is_none() => body[*id_field] = json!(UNASSIGNED),
            None => {}
        }
        body
    }
}

/// Adds the credentials to a request that is otherwise complete.
pub(crate) trait Authorize: Send + Sync {
    /// Adds them. The error describes what is wrong with the credentials without showing them.
    fn authorize(&self, request: &mut Request) -> Result<(), &'static str>;
}
