//! The owner tags that searches of the whole account read.
//!
//! Each search reads the tags of each policy, so objects that search at about the same time share these reads: a tenant may
//! create many objects that look as if they had lost their record, and a restart may find many that did. Who searches says
//! how old a read may be. What a search finds is read again.

use crate::engine::FoundTag;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a read serves other searches at most.
const KEPT: Duration = Duration::from_mins(1);

/// The owner tag of each policy, and when its read began.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<HashMap<String, (FoundTag, Instant)>>);

impl Owners {
    /// Returns the owner tag of a policy as a read showed it that began at this time or later.
    pub(super) fn read_since(&self, id: &str, not_before: Instant) -> Option<FoundTag> {
        let all = self.lock();
        let (owner, at) = all.get(id)?;
        (*at >= not_before && at.elapsed() < KEPT).then(|| owner.clone())
    }

    /// Remembers the owner tag of a policy, and forgets old reads.
    pub(super) fn read(&self, id: &str, owner: FoundTag, at: Instant) {
        let mut all = self.lock();
        all.retain(|_, (_, at)| at.elapsed() < KEPT);
        all.insert(id.to_owned(), (owner, at));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (FoundTag, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(tag: &str) -> FoundTag {
        Some(tag.to_owned()).into()
    }

    #[test]
    fn read_serves_searches_that_began_before_it() {
        let (owners, before) = (Owners::default(), Instant::now());
        let at = Instant::now();
        owners.read("a", owner("x"), at);
        owners.read("b", None.into(), at);
        assert_eq!(owners.read_since("a", before), Some(owner("x")));
        assert_eq!(owners.read_since("b", at), Some(None.into()));
        assert_eq!(owners.read_since("c", before), None, "never read");
        assert_eq!(owners.read_since("a", at + Duration::from_nanos(1)), None, "a later read is asked for");
    }

    #[test]
    fn old_read_serves_no_search() {
        let Some(long_ago) = Instant::now().checked_sub(KEPT) else { return };
        let owners = Owners::default();
        owners.read("a", None.into(), long_ago);
        assert_eq!(owners.read_since("a", long_ago), None);
        owners.read("b", None.into(), Instant::now());
        assert_eq!(owners.lock().len(), 1, "it is forgotten");
    }
}
