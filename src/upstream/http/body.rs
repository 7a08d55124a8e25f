//! Reads the bodies of responses within limits: of bytes, of weight, and few large ones at once.
//!
//! The weight of a body is about what its values take in memory: `{},{},{}` takes 32 times its text. A body that is
//! heavier than [`LARGE`] waits until few others are in memory, in its account and in the whole process. So a hostile
//! upstream costs a bounded part of the memory, and delays the large bodies of other upstreams only.

use super::failure::Failure;
use super::large_bodies::{LargeBodies, Permits};
use crate::engine::json_text::JsonScanner;
use reqwest::Response;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The weight from which a body is large.
const LARGE: usize = 1 << 20;

/// What an account reads of bodies.
pub(super) struct BodyReader {
    pub(super) max_bytes: usize,
    pub(super) max_weight: usize,
    /// One large body at once for each account.
    own: Arc<Semaphore>,
    all: LargeBodies,
}

/// A body that was read.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) weight: usize,
    pub(super) permits: Option<Arc<Permits>>,
}

impl BodyReader {
    pub(super) fn new(max_bytes: usize, max_weight: usize, all: LargeBodies) -> Self {
        Self { max_bytes, max_weight, own: Arc::new(Semaphore::new(1)), all }
    }

    /// Reads a body, whatever length the header announced.
    pub(super) async fn read(&self, mut response: Response) -> Result<Body, Failure> {
        let mut body = Body { bytes: Vec::new(), weight: 0, permits: None };
        let mut scanner = JsonScanner::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::cut(&error))? {
            if body.bytes.len() + chunk.len() > self.max_bytes {
                return Err(Failure::TooLarge(self.max_bytes));
            }
            body.bytes.extend_from_slice(&chunk);
            body.weight += scanner.weigh(&chunk);
            if body.weight > self.max_weight {
                return Err(Failure::TooHeavy);
            }
            if body.weight > LARGE && body.permits.is_none() {
                body.permits = Some(Arc::new(self.permits().await?));
            }
        }
        Ok(body)
    }

    async fn permits(&self) -> Result<Permits, Failure> {
        // The account first, so that one account never takes more than one permit of the process.
        let own = Arc::clone(&self.own).acquire_owned().await.map_err(|_| Failure::TimedOut)?;
        let all = self.all.acquire().await.ok_or(Failure::TimedOut)?;
        Ok((own, all))
    }
}
