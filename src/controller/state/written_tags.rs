//! Remembers the owner tags that this process wrote: reads that lag may show the object without one for a while.
//!
//! Two objects may lead to one upstream object through two connections. The second must not take for untagged what the
//! first has just tagged.

use super::claims::Claim;
use super::recent::Recent;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The owner tags that were written last, by upstream object: the uid of the owner, and when.
#[derive(Debug)]
pub struct WrittenTags(Mutex<Recent<Claim, String>>);

/// How long a tag is remembered: longer than any grace.
const KEPT: Duration = Duration::from_hours(1);

impl Default for WrittenTags {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(KEPT)))
    }
}

impl WrittenTags {
    /// Remembers that the tag of the object with this uid was written.
    pub fn record(&self, object: Claim, uid: &str) {
        self.lock().note(object, uid.to_owned());
    }

    /// Returns the uid whose tag was written within this time.
    #[must_use]
    pub fn owner(&self, object: &Claim, within: Duration) -> Option<String> {
        self.lock().get(object).filter(|(_, at)| at.elapsed() < within).map(|(uid, _)| uid.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Recent<Claim, String>> {
        // Each entry is inserted and removed whole, so a panic elsewhere leaves a valid map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_tag_of_an_object_is_known_for_a_while() {
        let object = |id: &str| Claim::Object("https://a".to_owned(), "ncloud/policy", id.to_owned());
        let (tags, long) = (WrittenTags::default(), Duration::from_hours(1));
        tags.record(object("1"), "a");
        assert_eq!(tags.owner(&object("1"), long).as_deref(), Some("a"));
        tags.record(object("1"), "b");
        assert_eq!(tags.owner(&object("1"), long).as_deref(), Some("b"));
        assert_eq!((tags.owner(&object("1"), Duration::ZERO), tags.owner(&object("2"), long)), (None, None));
    }
}
