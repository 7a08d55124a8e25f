//! One request as received and one answer as decided, before HTTP plumbing.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;

use crate::journal::{Collection, Operation, System};

/// A request, wholly read. `target` is the request target byte for byte as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// The target without its query.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }

    /// Decoded query parameters in the order sent.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The first value of a header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What a request asks for and about which object, known before it is carried out.
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
    /// `body` as JSON. A value that cannot be written as JSON becomes a 500, so that the fault shows.
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::text(status, "application/json", body),
            Err(error) => Self::text(500, "text/plain", error.to_string()),
        }
    }

    /// A body of any type.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
        Self { status: status_code(status), headers, body: body.into() }
    }

    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status: status_code(status), headers: BTreeMap::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_owned(), value.into());
        self
    }
}

/// A status by number; numbers outside HTTP become 500.
pub(crate) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A reply together with what carrying the request out did.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    /// A write was carried out.
    pub(crate) effect: bool,
    /// The object that came into being, where the request could not name it.
    pub(crate) created: Option<String>,
}

impl Answer {
    /// An answer that changed nothing.
    pub(crate) fn read(reply: Reply) -> Self {
        Self { reply, effect: false, created: None }
    }

    /// An answer to a write that was carried out.
    pub(crate) fn wrote(reply: Reply) -> Self {
        Self { reply, effect: true, created: None }
    }

    /// Names the object that came into being.
    pub(crate) fn creating(mut self, id: impl Into<String>) -> Self {
        self.created = Some(id.into());
        self
    }
}

/// A simulated upstream: a pure-looking function from calls to answers over its own state.
///
/// `identify` must not depend on state, because faults are chosen by it before anything happens.
pub(crate) trait Upstream: Send + Sync + 'static {
    fn system(&self) -> System;
    fn identify(&self, call: &Call) -> Identity;
    fn answer(&self, call: &Call) -> Answer;
    /// Bodies beyond this many bytes are not read.
    fn body_limit(&self) -> usize;
    /// What the sender of such a body is told.
    fn too_large(&self) -> Reply;
}
