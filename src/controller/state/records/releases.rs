//! Remembers what this process let go: objects, and the owner tags that it removed for that.

use super::Records;
use crate::controller::state::tagged::Tagged;
use std::time::{Duration, Instant};

impl Records {
    /// Remembers that this process tells of an object before it removes the owner tag. Returns whether that is new.
    pub fn announce(&self, uid: &str, object: &Tagged) -> bool {
        let mut all = self.lock();
        let announced = &mut all.entry(uid.to_owned()).or_default().letting_go.get_or_insert_default().announced;
        let is_new = !announced.contains(object);
        if is_new {
            announced.push(object.clone());
        }
        is_new
    }

    /// Remembers that the upstream accepted the removal of an owner tag, to let the object go.
    pub fn untag(&self, uid: &str, object: &Tagged) {
        let mut all = self.lock();
        let untagged = &mut all.entry(uid.to_owned()).or_default().letting_go.get_or_insert_default().untagged;
        if !untagged.iter().any(|(known, _)| known == object) {
            untagged.push((object.clone(), Instant::now()));
        }
    }

    /// Returns the upstream objects whose owner tags this process removed.
    #[must_use]
    pub fn untagged(&self, uid: &str) -> Vec<Tagged> {
        let all = self.lock();
        let untagged = all.get(uid).and_then(|memory| memory.letting_go.as_ref()).map(|it| &it.untagged);
        untagged.into_iter().flatten().map(|(object, _)| object.clone()).collect()
    }

    /// Returns how long ago the upstream accepted the removal of the owner tag of this object.
    #[must_use]
    pub fn since_untagged(&self, uid: &str, id: &str) -> Option<Duration> {
        let all = self.lock();
        all.get(uid)?.letting_go.as_ref()?.untagged.iter().find(|(known, _)| known.id == id).map(|(_, at)| at.elapsed())
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
