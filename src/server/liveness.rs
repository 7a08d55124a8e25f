//! Whether the process is alive, for `/healthz`.

use crate::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns one line for each thing that stands still.
type Stalls = dyn Fn() -> Vec<String> + Send + Sync;

/// Whether the process makes progress. Clones share the state.
#[derive(Clone)]
pub struct Liveness {
    stalls: Arc<Stalls>,
    failing: Arc<AtomicBool>,
}

impl Liveness {
    /// Asks `stalls` at each request: one line for each thing that stands still.
    pub fn new(stalls: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self { stalls: Arc::new(stalls), failing: Arc::default() }
    }

    /// Returns what stands still, and sets the gauge. Logs a change once.
    pub(super) fn check(&self, metrics: &Metrics) -> Vec<String> {
        let stalls = (self.stalls)();
        metrics.set_stalled(stalls.len());
        let failed_before = self.failing.swap(!stalls.is_empty(), Ordering::Relaxed);
        if !stalls.is_empty() && !failed_before {
            tracing::warn!(stalled = stalls.join("; "), "the controllers make no progress, so /healthz fails");
        } else if stalls.is_empty() && failed_before {
            tracing::info!("the controllers make progress again");
        }
        stalls
    }
}
