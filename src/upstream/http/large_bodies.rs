//! The permits for large bodies in memory.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many large bodies the process has in memory at once.
const LARGE_AT_ONCE: usize = 3;

/// The permits for large bodies of the whole process. Clones share them.
#[derive(Debug, Clone)]
pub struct LargeBodies(Arc<Semaphore>);

impl Default for LargeBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LARGE_AT_ONCE)))
    }
}

impl LargeBodies {
    /// Waits until the process has memory for one more; `None` only if the process ends.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// All have the same number of permits.
impl PartialEq for LargeBodies {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LargeBodies {}

/// The permission to have a large body in memory, of the account and of the process.
pub(crate) type Permits = (OwnedSemaphorePermit, OwnedSemaphorePermit);
