//! The context of upstream requests: their priority, the observer of writes, and the permission to
//! write.

use serde_json::Value;
use std::sync::Arc;

/// Observes every request that may change something upstream. Requests of one context are sent one
/// after the other.
pub trait WriteObserver: Send + Sync {
    /// Returns whether the observer takes the write in place of the upstream: it is then never sent, and its caller goes on
    /// as if the upstream had accepted it. This is how a plan rehearses a reconcile. By default, no write is taken.
    fn takes(&self, _write: &WriteRequest<'_>) -> bool {
        false
    }

    /// Handles the begin of a write, before it waits for the rate limit; it may still not be sent. `system` and
    /// `operation` are those of [`RequestLog`](super::RequestLog).
    fn on_begin(&self, system: &'static str, operation: &'static str);

    /// Handles the sending of the write: from here on it may take effect.
    fn on_sent(&self);

    /// Handles the end of the write, also if it was not sent. `code` is the HTTP status or the kind of
    /// failure, `request` the upstream's id of the request. The HTTP status alone does not show
    /// whether the write took effect: the caller decides that from the response.
    fn on_end(&self, code: &str, request: Option<&str>);
}

/// A write right before it would be sent, without credentials.
#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    /// The collection, such as in [`RequestLog`](super::RequestLog).
    pub system: &'static str,
    /// The operation, such as `create policy`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'a str,
    /// The path of the URL.
    pub path: &'a str,
    /// The body.
    pub body: Option<&'a Value>,
}

/// The id that the upstream would assign to an object whose create an observer takes.
pub const UNASSIGNED: &str = "(assigned at creation)";

/// Reports whether writes may still be sent. It is called for each write, after all waiting.
pub type WritePermission = Arc<dyn Fn() -> bool + Send + Sync>;

/// The context of a group of requests, such as those of one reconcile.
#[derive(Clone)]
pub struct RequestContext {
    /// Their priority.
    pub priority: Priority,
    /// The namespace that they are for. Namespaces take turns at equal priority.
    pub namespace: Arc<str>,
    /// The observer of writes.
    pub writes: Option<Arc<dyn WriteObserver>>,
    /// The permission to write; `None` permits all writes.
    pub write_permission: Option<WritePermission>,
}

impl RequestContext {
    /// Reports whether a write may be sent now.
    pub(super) fn may_write(&self) -> bool {
        self.write_permission.as_ref().is_none_or(|permits| permits())
    }
}

impl From<Priority> for RequestContext {
    /// Creates a context of no namespace and without observer, in which writes are always permitted.
    fn from(priority: Priority) -> Self {
        Self { priority, namespace: Arc::from(""), writes: None, write_permission: None }
    }
}

/// The priority of a request, lowest first. Deletions go before changes, because a policy grants
/// access until it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Periodic comparison, and retries after a failure. They must not delay a user's change.
    Background,
    /// The first apply of a new object. Nothing is granted yet, and creations come in crowds.
    Creation,
    /// A changed spec, which may take access away.
    Change,
    /// A deletion.
    Deletion,
    /// The check of a connection, on which all other requests depend.
    Probe,
}

impl Priority {
    /// Returns the value of the metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Creation => "creation",
            Self::Change => "change",
            Self::Deletion => "deletion",
            Self::Probe => "probe",
        }
    }
}
