//! The ledger of upstream writes: one line for every request that may change something, with why it
//! was made, for which object, and what came of it. Also of those that failed or whose answer was
//! lost.
//!
//! The request itself is seen by the HTTP client; why it is made, and what its answer means, knows
//! who had it made. So a line waits from the end of its request until the next one begins or until
//! it is known what all came to. What a reconcile leaves behind in the middle (a timeout, a panic) is
//! written when it goes: then nobody knows.

use crate::controller::kinds::managed::Managed;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::{Diff, ErrorKind, UpstreamError, Written};
use crate::metrics::{Metrics, Write};
use crate::upstream::WriteObserver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The `code` of a request of which nothing was heard any more.
const ABANDONED: &str = "abandoned";

/// The writes of one object in one reconcile.
pub struct AuditLog {
    object: Object,
    metrics: Arc<Metrics>,
    page: Mutex<Page>,
}

/// For which object.
struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: String,
    connection: String,
}

#[derive(Default)]
struct Page {
    entry: Entry,
    /// The line that waits.
    line: Option<Line>,
    /// Whether anything was sent since the entry was opened.
    sent: bool,
}

/// Why writes are made.
#[derive(Default, Clone)]
struct Entry {
    cause: &'static str,
    id: Option<String>,
    fields: String,
}

/// One request.
struct Line {
    system: &'static str,
    operation: &'static str,
    sent: bool,
    /// Once it has ended.
    code: Option<String>,
    request: Option<String>,
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The upstream took it.
    Accepted,
    /// The upstream took nothing.
    Refused,
    /// It had no effect, for a reason that may pass.
    Failed,
    /// Nobody knows. It is looked up before anything else is written.
    Unknown,
}

/// What all requests of one entry came to together.
pub enum End<'a> {
    /// The upstream took all of them; the id of the object, where that is news.
    Accepted(Option<&'a str>),
    /// It took nothing.
    Refused,
    /// One of them failed.
    Failed(&'a UpstreamError),
}

impl<'a> From<&'a crate::engine::Result<Written>> for End<'a> {
    fn from(written: &'a crate::engine::Result<Written>) -> Self {
        match written {
            Ok(Written::Accepted { id, .. }) => Self::Accepted(Some(id)),
            Ok(Written::Refused(_)) => Self::Refused,
            Err(error) => Self::Failed(error),
        }
    }
}

impl<'a> From<&'a crate::engine::Result<()>> for End<'a> {
    fn from(done: &'a crate::engine::Result<()>) -> Self {
        done.as_ref().map_or_else(Self::Failed, |()| Self::Accepted(None))
    }
}

impl AuditLog {
    /// An empty one for this object.
    pub fn of<K: Managed>(object: &K, metrics: &Arc<Metrics>) -> Arc<Self> {
        let object = Object {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
            connection: object.common().connection_ref.name.clone(),
        };
        Arc::new(Self { object, metrics: Arc::clone(metrics), page: Mutex::default() })
    }

    /// From now on writes are made for this cause, to the object with this id, where there is one, and
    /// to these fields of it, where it is updated.
    pub fn open(&self, cause: &'static str, id: Option<&str>, diff: Option<&Diff>) {
        let fields = diff.map(paths).unwrap_or_default();
        let mut page = self.page();
        self.write(&mut page, None);
        *page = Page { entry: Entry { cause, id: id.map(str::to_owned), fields }, ..Page::default() };
    }

    /// What they came to. Whether anything was sent at all.
    pub fn close(&self, end: &End<'_>) -> bool {
        let mut page = self.page();
        if let End::Accepted(Some(id)) = end {
            page.entry.id = Some((*id).to_owned());
        }
        self.write(&mut page, Some(end));
        page.sent
    }

    /// Writes the line that waits.
    fn write(&self, page: &mut Page, end: Option<&End<'_>>) {
        let Some(line) = page.line.take() else { return };
        let fate = line.fate(end);
        let Object { kind, namespace, name, uid, connection } = &self.object;
        let (Entry { cause, id, fields }, Line { system, operation, code, request, .. }) = (&page.entry, &line);
        let code = code.as_deref().unwrap_or(ABANDONED);
        let fields = Some(fields).filter(|fields| !fields.is_empty());
        let outcome = fate.label();
        self.metrics.upstream_write(Write { system, operation, cause, outcome });
        tracing::info!(
            target: "ledger",
            kind, namespace, name, uid, connection, system, operation, cause, id, fields, code, request, outcome,
            "upstream write"
        );
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        let mut page = std::mem::take(&mut *self.page());
        self.write(&mut page, None);
    }
}

impl WriteObserver for AuditLog {
    fn on_begin(&self, system: &'static str, operation: &'static str) {
        let mut page = self.page();
        // The one before was followed by another: its answer was taken.
        self.write(&mut page, None);
        page.line = Some(Line { system, operation, sent: false, code: None, request: None });
    }

    fn on_sent(&self) {
        let mut page = self.page();
        page.sent = true;
        if let Some(line) = &mut page.line {
            line.sent = true;
        }
    }

    fn on_end(&self, code: &str, request: Option<&str>) {
        if let Some(line) = &mut self.page().line {
            line.code = Some(code.to_owned());
            line.request = request.map(str::to_owned);
        }
    }
}

impl Line {
    fn fate(&self, end: Option<&End<'_>>) -> Fate {
        match end {
            _ if !self.sent => Fate::Failed,
            Some(End::Accepted(_)) => Fate::Accepted,
            Some(End::Refused) => Fate::Refused,
            Some(End::Failed(error)) if error.operation == self.operation => Fate::of(error.kind),
            // The call that failed was another one.
            Some(End::Failed(_)) | None => self.fate_by_code(),
        }
    }

    fn fate_by_code(&self) -> Fate {
        match self.code.as_deref().and_then(|code| code.parse::<u16>().ok()) {
            Some(200..=299) => Fate::Accepted,
            Some(400..=499) => Fate::Refused,
            Some(_) | None => Fate::Unknown,
        }
    }
}

impl Fate {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::OutcomeUnknown => Self::Unknown,
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::EndpointNotAllowed => Self::Failed,
            ErrorKind::Unauthorized
            | ErrorKind::ClockSkew
            | ErrorKind::Rejected
            | ErrorKind::InvalidReference
            | ErrorKind::AlreadyExists
            | ErrorKind::InUse
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

/// The paths of what differs, and no value.
fn paths(diff: &Diff) -> String {
    let mut paths: Vec<&str> = diff.fields.iter().take(SHOWN_FIELDS).map(|field| field.path.as_str()).collect();
    let more = diff.fields.len().saturating_sub(paths.len());
    let rest = format!("and {more} more");
    paths.extend((more > 0).then_some(rest.as_str()));
    paths.join(", ")
}

#[cfg(test)]
mod tests;
