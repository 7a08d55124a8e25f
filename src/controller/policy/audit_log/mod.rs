//! Logs every upstream write: one line for each request that may change something, with its cause, its
//! object and its outcome. Requests that failed, or whose response was lost, are logged too.
//!
//! The HTTP client sees the request; only its caller can interpret the response. So a line is pending from
//! the end of its request until the next request begins or the caller reports the result. A reconcile that
//! ends in the middle (a timeout, a panic) logs its pending line when it is dropped, with an unknown outcome.

mod write;

pub use write::Write;

use crate::controller::kinds::managed::Managed;
use crate::engine::access::Change;
use crate::engine::{ErrorKind, UpstreamError, Written};
use crate::metrics::{self, AccessChange, Metrics};
use crate::upstream::WriteObserver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use write::Description;

/// The `code` of a request whose end the operator did not see.
const ABANDONED: &str = "abandoned";

/// Logs the writes of one object in one reconcile.
pub struct AuditLog {
    object: Object,
    metrics: Arc<Metrics>,
    pending: Mutex<Pending>,
    /// The approval of the writes that follow.
    approval: Mutex<Option<String>>,
}

/// The object that the writes are made for.
struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: String,
    connection: String,
    /// How many hold the upstream object, if that is known.
    used_by: Option<i64>,
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
    /// Opens the log of an object. `used_by` is how many hold the upstream object, if that is known.
    pub fn of<K: Managed>(object: &K, used_by: Option<i64>, metrics: &Arc<Metrics>) -> Arc<Self> {
        let object = Object {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            connection: object.common().connection_ref.name.clone(),
            used_by,
        };
        Arc::new(Self { object, metrics: Arc::clone(metrics), pending: Mutex::default(), approval: Mutex::default() })
    }

    /// Names the approval of the writes that follow: its namespace and name, its uid and its field manager.
    pub fn approved_by(&self, approval: String) {
        *self.approval.lock().unwrap_or_else(PoisonError::into_inner) = Some(approval);
    }

    /// Begins a write: the requests that follow belong to it.
    pub fn open(&self, write: &Write<'_>) {
        let description = Description::of(write);
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
        self.count_access(&pending, result);
        self.log(&mut pending, Some(result));
        pending.sent
    }

    /// Counts a change of access that the upstream accepted: once for all requests of a write.
    fn count_access(&self, pending: &Pending, result: &CallResult<'_>) {
        let (Some(write), Some(entry), CallResult::Accepted(_)) = (&pending.write, &pending.entry, result) else {
            return;
        };
        let (system, cause) = (entry.system, write.cause.label());
        if write.access != Change::Equal {
            self.metrics.access_changed(&AccessChange { system, direction: write.access.label(), cause });
        }
    }

    /// Logs the pending line.
    fn log(&self, pending: &mut Pending, result: Option<&CallResult<'_>>) {
        let Some(entry) = pending.entry.take() else { return };
        let outcome = entry.effect(result).label();
        let Object { kind, namespace, name, uid, connection, used_by } = &self.object;
        let AuditEntry { system, operation, code, request, sent: _ } = &entry;
        let code = code.as_deref().unwrap_or(ABANDONED);
        let write = pending.write.as_ref();
        let cause = write.map_or("", |write| write.cause.label());
        let id = write.and_then(|write| write.id.as_deref());
        let access = write.map(|write| write.access.label());
        let used_by = used_by.filter(|_| write.is_some_and(|write| write.access.may_grant()));
        let approval = self.approval.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fields = write.map(|write| write.fields.as_str()).filter(|fields| !fields.is_empty());
        self.metrics.upstream_write(metrics::Write { system, operation, cause, outcome });
        tracing::info!(
            target: "audit",
            kind, namespace, name, uid, connection, system, operation, cause, id, fields, access, used_by, approval, code, request,
            outcome,
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

#[cfg(test)]
mod tests;
