//! On whose behalf requests are sent: how urgent they are, who is told of those that write, and who
//! may forbid them.

use super::Urgency;
use std::sync::Arc;

/// Told of every request that may change something upstream, while it goes its way. Requests of one
/// errand are sent one after the other.
pub trait WriteLog: Send + Sync {
    /// One is about to be sent; it may still be kept back. `system` and `operation` are those of
    /// [`RequestLog`](super::RequestLog).
    fn begins(&self, system: &'static str, operation: &'static str);

    /// It is being sent: from here on it may have its effect.
    fn is_sent(&self);

    /// It has ended, or was kept back. `code` is the HTTP status or a kind of failure, `request` the
    /// upstream's id of it. What it came to only its sender can tell: who reads the answer.
    fn ended(&self, code: &str, request: Option<&str>);
}

/// Whether requests that may change something may still be sent. Asked for each of them, when nothing is
/// waited for any more.
pub type Fence = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a sender of requests is about.
#[derive(Clone)]
pub struct Errand {
    /// How urgent it is.
    pub urgency: Urgency,
    /// Who is told of writes.
    pub writes: Option<Arc<dyn WriteLog>>,
    /// Without one, writes may always be sent.
    pub fence: Option<Fence>,
}

impl Errand {
    /// Whether a write may be sent now.
    pub(super) fn may_write(&self) -> bool {
        self.fence.as_ref().is_none_or(|stands| stands())
    }
}

impl From<Urgency> for Errand {
    /// An errand that writes nothing, or of whose writes nobody needs to know.
    fn from(urgency: Urgency) -> Self {
        Self { urgency, writes: None, fence: None }
    }
}
