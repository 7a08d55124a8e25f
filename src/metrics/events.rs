//! The queue of Kubernetes events.

use super::Metrics;

impl Metrics {
    /// Records an event that waits for its publication.
    pub fn event_queued(&self) {
        self.events_queued.inc();
    }

    /// Records an event that does not wait any more.
    pub fn event_left_queue(&self) {
        self.events_queued.dec();
    }

    /// Records an event that was dropped.
    pub fn event_dropped(&self) {
        self.events_dropped.inc();
    }

    /// Returns how many events wait for their publication.
    #[must_use]
    pub fn queued_events(&self) -> i64 {
        self.events_queued.get()
    }
}
