//! On whose behalf requests are sent: how urgent they are, who is told of those that write, and who
//! may forbid them.

use std::sync::Arc;

/// Told of every request that may change something upstream, while it goes its way. Requests of one
/// errand are sent one after the other.
pub trait WriteObserver: Send + Sync {
    /// One is about to be sent; it may still be kept back. `system` and `operation` are those of
    /// [`RequestLog`](super::RequestLog).
    fn on_begin(&self, system: &'static str, operation: &'static str);

    /// It is being sent: from here on it may have its effect.
    fn on_sent(&self);

    /// It has ended, or was kept back. `code` is the HTTP status or a kind of failure, `request` the
    /// upstream's id of it. What it came to only its sender can tell: who reads the answer.
    fn on_end(&self, code: &str, request: Option<&str>);
}

/// Whether requests that may change something may still be sent. Asked for each of them, when nothing is
/// waited for any more.
pub type WritePermission = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a sender of requests is about.
#[derive(Clone)]
pub struct RequestContext {
    /// How urgent it is.
    pub priority: Priority,
    /// Who is told of writes.
    pub writes: Option<Arc<dyn WriteObserver>>,
    /// Without one, writes may always be sent.
    pub permission: Option<WritePermission>,
}

impl RequestContext {
    /// Whether a write may be sent now.
    pub(super) fn may_write(&self) -> bool {
        self.permission.as_ref().is_none_or(|stands| stands())
    }
}

impl From<Priority> for RequestContext {
    /// An errand that writes nothing, or of whose writes nobody needs to know.
    fn from(priority: Priority) -> Self {
        Self { priority, writes: None, permission: None }
    }
}

/// How urgent the work is that a request belongs to, least urgent first. Deletions go before
/// changes, because what is deleted grants access until it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Comparing what is settled, and another try for what failed before: neither may hold up
    /// what somebody waits for.
    Background,
    /// A new or changed spec.
    Change,
    /// Something is to go.
    Deletion,
    /// Whether the connection works at all: all others depend on it.
    Probe,
}

impl Priority {
    /// The value of the metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Change => "change",
            Self::Deletion => "deletion",
            Self::Probe => "probe",
        }
    }
}
