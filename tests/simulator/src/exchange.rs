//! A received request and its answer, independent of the HTTP library.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::journal::{Collection, Operation, System};

/// A request that has been read completely. `target` is the request target byte for byte as received.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Returns the target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Returns the decoded query parameters in the order in which they were sent.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Returns the first value of a header if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The operation and the object of a request, known before the request is carried out.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) operation: Operation,
    pub(crate) collection: Collection,
    pub(crate) object_id: Option<String>,
}

/// An answer to send.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// Serializes `body` as JSON. A value that cannot be serialized becomes a 500, so that the mistake shows.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::text(status, "application/json", body),
            Err(error) => Self::text(500, "text/plain", error.to_string()),
        }
    }

    /// Returns an answer with a body of any type.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
        Self { status: status_code(status), headers, body: body.into() }
    }

    /// Returns an answer without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status: status_code(status), headers: BTreeMap::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

/// Converts a number to a status. Numbers that are no HTTP status become 500.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A reply, and the effect of the request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// Whether a write was carried out.
    pub(crate) effect: bool,
    /// The id of the created object, when the request could not name it.
    pub(crate) created: Option<String>,
}

impl Answer {
    /// Returns an answer to a request that changed nothing.
    pub(crate) fn read(reply: Reply) -> Self {
        Self { reply, effect: false, created: None }
    }

    /// Returns an answer to a write that was carried out.
    pub(crate) fn wrote(reply: Reply) -> Self {
        Self { reply, effect: true, created: None }
    }

    /// Sets the id of the created object.
    pub(crate) fn creating(mut self, id: impl Into<String>) -> Self {
        self.created = Some(id.into());
        self
    }
}

/// A simulated upstream: it computes the answer to a call from its own state.
///
/// `identify` must not depend on that state: the fault proxy selects faults by its result before the
/// upstream carries out the request.
pub(crate) trait Upstream: Send + Sync + 'static {
    fn system(&self) -> System;
    fn identify(&self, call: &Call) -> Identity;
    fn answer(&self, call: &Call) -> Answer;
    /// Returns the largest body in bytes. The server does not read more.
    fn body_limit(&self) -> usize;
    /// Returns the answer to a larger body.
    fn too_large(&self) -> Reply;
}
