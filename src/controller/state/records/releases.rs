//! Remembers what this process let go: objects, and the owner tags that it removed for that.

use super::{Records, Untagged};
use std::time::{Duration, Instant};

impl Records {
    /// Remembers that the upstream accepted the removal of an owner tag, to let the object go.
    pub fn untag(&self, uid: &str, id: &str, endpoint: &str) {
        let mut all = self.lock();
        let untagged = &mut all.entry(uid.to_owned()).or_default().untagged;
        if !untagged.iter().any(|known| known.id == id && known.endpoint == endpoint) {
            untagged.push(Untagged { id: id.to_owned(), endpoint: endpoint.to_owned(), at: Instant::now() });
        }
    }

    /// Returns the ids and endpoints of the upstream objects whose owner tags this process removed.
    #[must_use]
    pub fn untagged(&self, uid: &str) -> Vec<(String, String)> {
        let named = |known: &Untagged| (known.id.clone(), known.endpoint.clone());
        self.lock().get(uid).map(|memory| memory.untagged.iter().map(named).collect()).unwrap_or_default()
    }

    /// Returns how long ago the upstream accepted the removal of the owner tag of this object.
    #[must_use]
    pub fn since_untagged(&self, uid: &str, id: &str) -> Option<Duration> {
        let all = self.lock();
        all.get(uid)?.untagged.iter().find(|known| known.id == id).map(|known| known.at.elapsed())
    }

    /// Remembers that this process lets the object go. Returns whether that is new.
    pub fn release(&self, uid: &str) -> bool {
        !std::mem::replace(&mut self.lock().entry(uid.to_owned()).or_default().released, true)
    }

    /// Takes back a release that the API server refused.
    pub fn keep(&self, uid: &str) {
        if let Some(memory) = self.lock().get_mut(uid) {
            memory.released = false;
        }
    }

    /// Returns whether this process let the object go.
    #[must_use]
    pub fn is_released(&self, uid: &str) -> bool {
        self.lock().get(uid).is_some_and(|memory| memory.released)
    }
}
