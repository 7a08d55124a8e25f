//! Logs every upstream write: one line for each request that may change something, with its cause, its
//! object and its outcome. Requests that failed, or whose response was lost, are logged too.
//!
//! The HTTP client sees the request; only its caller can interpret the response. So a line is pending from
//! the end of its request until the next request begins or the caller reports the result. A reconcile that
//! ends in the middle (a timeout, a panic) logs its pending line when it is dropped, with an unknown outcome.

use crate::controller::kinds::managed::Managed;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::{Cause, Diff, ErrorKind, UpstreamError, Written};
use crate::metrics::{self, Metrics};
use crate::upstream::WriteObserver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The `code` of a request whose end the operator did not see.
const ABANDONED: &str = "abandoned";

/// Logs the writes of one object in one reconcile.
pub struct AuditLog {
    object: Object,
    metrics: Arc<Metrics>,
    pending: Mutex<Pending>,
}

/// The object that the writes are made for.
struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: String,
    connection: String,
}

#[derive(Default)]
struct Pending {
    /// The write under way.
    write: Option<Description>,
    /// Its last request, not logged yet.
    entry: Option<AuditEntry>,
    /// Whether any request of the write was sent.
    sent: bool,
}

/// Describes a write to the log.
pub struct Write<'a> {
    cause: Cause,
    id: Option<&'a str>,
    diff: Option<&'a Diff>,
}

impl<'a> Write<'a> {
    /// Describes the creation of an object.
    pub fn create(cause: Cause) -> Self {
        Self { cause, id: None, diff: None }
    }

    /// Describes a write to the object with this id.
    pub fn to(cause: Cause, id: &'a str) -> Self {
        Self { cause, id: Some(id), diff: None }
    }

    /// Describes a write that changes what differs in the object with this id.
    pub fn update(cause: Cause, id: &'a str, diff: &'a Diff) -> Self {
        Self { cause, id: Some(id), diff: Some(diff) }
    }
}

/// A write, as its lines show it.
#[derive(Clone)]
struct Description {
    cause: Cause,
    id: Option<String>,
    fields: String,
}

/// One request.
struct AuditEntry {
    system: &'static str,
    operation: &'static str,
    sent: bool,
    /// The HTTP status or kind of failure, once the request has ended.
    code: Option<String>,
    request: Option<String>,
}

/// The effect of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The upstream applied it.
    Accepted,
    /// The upstream applied nothing.
    Refused,
    /// It had no effect, for a reason that may pass.
    Failed,
    /// Unknown. The operator reads the object before it writes again.
    Unknown,
}

/// The result of all requests of one write together.
pub enum CallResult<'a> {
    /// The upstream applied all of them; the id of the object, where the result names it.
    Accepted(Option<&'a str>),
    /// The upstream applied nothing.
    Refused,
    /// One request failed.
    Failed(&'a UpstreamError),
}

impl<'a, S> From<&'a crate::engine::Result<Written<S>>> for CallResult<'a> {
    fn from(written: &'a crate::engine::Result<Written<S>>) -> Self {
        match written {
            Ok(Written::Accepted { id, .. }) => Self::Accepted(Some(id)),
            Ok(Written::Refused(_)) => Self::Refused,
            Ok(Written::Incomplete { id: _, error }) | Err(error) => Self::Failed(error),
        }
    }
}

impl<'a> From<&'a crate::engine::Result<()>> for CallResult<'a> {
    fn from(done: &'a crate::engine::Result<()>) -> Self {
        done.as_ref().map_or_else(Self::Failed, |()| Self::Accepted(None))
    }
}

impl AuditLog {
    /// Opens the log of an object.
    pub fn of<K: Managed>(object: &K, metrics: &Arc<Metrics>) -> Arc<Self> {
        let object = Object {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            connection: object.common().connection_ref.name.clone(),
        };
        Arc::new(Self { object, metrics: Arc::clone(metrics), pending: Mutex::default() })
    }

    /// Begins a write: the requests that follow belong to it.
    pub fn open(&self, write: &Write<'_>) {
        let description = Description {
            cause: write.cause,
            id: write.id.map(str::to_owned),
            fields: write.diff.map(paths).unwrap_or_default(),
        };
        let mut pending = self.pending();
        self.log(&mut pending, None);
        *pending = Pending { write: Some(description), ..Pending::default() };
    }

    /// Ends a write with its result. Returns whether any request was sent.
    pub fn close(&self, result: &CallResult<'_>) -> bool {
        let mut pending = self.pending();
        if let (CallResult::Accepted(Some(id)), Some(write)) = (result, &mut pending.write) {
            write.id = Some((*id).to_owned());
        }
        self.log(&mut pending, Some(result));
        pending.sent
    }

    /// Logs the pending line.
    fn log(&self, pending: &mut Pending, result: Option<&CallResult<'_>>) {
        let Some(entry) = pending.entry.take() else { return };
        let outcome = entry.effect(result).label();
        let Object { kind, namespace, name, uid, connection } = &self.object;
        let AuditEntry { system, operation, code, request, sent: _ } = &entry;
        let code = code.as_deref().unwrap_or(ABANDONED);
        let write = pending.write.as_ref();
        let cause = write.map_or("", |write| write.cause.label());
        let id = write.and_then(|write| write.id.as_deref());
        let fields = write.map(|write| write.fields.as_str()).filter(|fields| !fields.is_empty());
        self.metrics.upstream_write(metrics::Write { system, operation, cause, outcome });
        tracing::info!(
            target: "audit",
            kind, namespace, name, uid, connection, system, operation, cause, id, fields, code, request, outcome,
            "upstream write"
        );
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut *self.pending());
        self.log(&mut pending, None);
    }
}

impl WriteObserver for AuditLog {
    fn on_begin(&self, system: &'static str, operation: &'static str) {
        let mut pending = self.pending();
        // The caller went on after the request before, so that one was accepted.
        self.log(&mut pending, None);
        pending.entry = Some(AuditEntry { system, operation, sent: false, code: None, request: None });
    }

    fn on_sent(&self) {
        let mut pending = self.pending();
        pending.sent = true;
        if let Some(entry) = &mut pending.entry {
            entry.sent = true;
        }
    }

    fn on_end(&self, code: &str, request: Option<&str>) {
        if let Some(entry) = &mut self.pending().entry {
            entry.code = Some(code.to_owned());
            entry.request = request.map(str::to_owned);
        }
    }
}

impl AuditEntry {
    fn effect(&self, result: Option<&CallResult<'_>>) -> Effect {
        match result {
            _ if !self.sent => Effect::Failed,
            Some(CallResult::Accepted(_)) => Effect::Accepted,
            Some(CallResult::Refused) => Effect::Refused,
            Some(CallResult::Failed(error)) if error.operation == self.operation => Effect::of(error.kind),
            // Another request of the write failed, or the caller never reported.
            Some(CallResult::Failed(_)) | None => self.effect_by_code(),
        }
    }

    fn effect_by_code(&self) -> Effect {
        match self.code.as_deref().and_then(|code| code.parse::<u16>().ok()) {
            Some(200..=299) => Effect::Accepted,
            Some(400..=499) => Effect::Refused,
            Some(_) | None => Effect::Unknown,
        }
    }
}

impl Effect {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::OutcomeUnknown => Self::Unknown,
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::EndpointNotAllowed => Self::Failed,
            ErrorKind::Unauthorized
            | ErrorKind::ClockSkew
            | ErrorKind::Rejected
            | ErrorKind::InvalidReference
            | ErrorKind::AlreadyExists
            | ErrorKind::NotUpdatable
            | ErrorKind::NameReserved
            | ErrorKind::InUse
            | ErrorKind::UsersUnknown
            | ErrorKind::QuotaExceeded
            | ErrorKind::Unsupported => Self::Refused,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// Returns the paths of what differs, without any value.
fn paths(diff: &Diff) -> String {
    let mut paths: Vec<&str> = diff.fields.iter().take(SHOWN_FIELDS).map(|field| field.path.as_str()).collect();
    let more = diff.fields.len().saturating_sub(paths.len());
    let rest = format!("and {more} more");
    paths.extend((more > 0).then_some(rest.as_str()));
    paths.join(", ")
}

#[cfg(test)]
mod tests;
