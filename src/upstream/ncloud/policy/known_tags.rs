//! Spares the read of tags that cannot have changed: tags cost a request of their own.
//!
//! An edit does not touch tags, so the read after it takes those of the read before it. A create writes the tags
//! itself; some accounts ignore them there. Once the operator has seen that an account keeps them, the read after a
//! create takes those that were sent. Each serves one read of the reconcile that wrote; comparisons read the tags.

use super::Tags;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tags that one reconcile knows.
#[derive(Debug, Default)]
pub(super) struct KnownTags(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The tags of the policy that was read last.
    read: Option<(String, Tags)>,
    /// The tags of a policy that was written since: they serve the next read.
    written: Option<(String, Tags)>,
    /// The tags that a create sent to an account that may ignore them.
    unproven: Option<(String, Tags)>,
}

impl KnownTags {
    /// Remembers the tags that were read. Returns whether the account kept those that a create sent; `None` if this read
    /// does not tell.
    pub(super) fn read(&self, id: &str, tags: Option<&Tags>) -> Option<bool> {
        let mut state = self.lock();
        state.read = tags.map(|tags| (id.to_owned(), tags.clone()));
        let (_, sent) = state.unproven.take_if(|(created, _)| created == id)?;
        Some(tags.is_some_and(|tags| sent.iter().all(|(key, value)| tags.get(key) == Some(value))))
    }

    /// Remembers that an edit left the tags as they were read.
    pub(super) fn edited(&self, id: &str) {
        let mut state = self.lock();
        state.written = state.read.take_if(|(read, _)| read == id);
    }

    /// Remembers the tags that a create sent. `kept` tells whether the account is known to keep them.
    pub(super) fn created(&self, id: &str, sent: Tags, kept: bool) {
        let mut state = self.lock();
        if kept {
            state.written = Some((id.to_owned(), sent));
        } else {
            state.unproven = Some((id.to_owned(), sent));
        }
    }

    /// Returns the tags of a policy that this reconcile wrote, once.
    pub(super) fn take(&self, id: &str) -> Option<Tags> {
        self.lock().written.take_if(|(written, _)| written == id).map(|(_, tags)| tags)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(value: &str) -> Tags {
        Tags::from([("k".to_owned(), value.to_owned())])
    }

    #[test]
    fn edited_policy_keeps_the_tags_that_were_read_once() {
        let known = KnownTags::default();
        known.edited("a");
        assert_eq!(known.take("a"), None, "never read");
        assert_eq!(known.read("a", Some(&tags("1"))), None);
        assert_eq!(known.take("a"), None, "not written");
        known.edited("a");
        assert_eq!(known.take("b"), None);
        assert_eq!(known.take("a"), Some(tags("1")));
        assert_eq!(known.take("a"), None, "they serve one read");
    }

    #[test]
    fn created_tags_are_read_until_account_proves_to_keep_them() {
        let known = KnownTags::default();
        known.created("a", tags("1"), false);
        assert_eq!((known.take("a"), known.read("b", Some(&tags("1")))), (None, None));
        assert_eq!(known.read("a", Some(&tags("1"))), Some(true));
        assert_eq!(known.read("a", Some(&tags("1"))), None, "a later read tells nothing about the create");
        for ignored in [None, Some(Tags::new()), Some(tags("2"))] {
            known.created("a", tags("1"), false);
            assert_eq!(known.read("a", ignored.as_ref()), Some(false), "{ignored:?}");
        }
        known.created("a", tags("1"), true);
        assert_eq!(known.take("a"), Some(tags("1")));
    }
}
