//! Spares the read of tags that cannot have changed: tags cost a request of their own.
//!
//! An edit does not touch tags, so the read after it takes those of the read before it. A response to a create that
//! shows the tags spares their read, too, if a read proved lately that such responses are true ([`Echoes`]). They serve
//! one read of the reconcile that wrote; comparisons read the tags.
//!
//! [`Echoes`]: super::echoes::Echoes

use crate::upstream::ncloud::wire::Tags;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tags that one reconcile knows.
#[derive(Debug, Default)]
pub(super) struct KnownTags(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The tags of the policy that was read last.
    read: Option<(String, Tags)>,
    /// The tags of a policy that was written since: they serve the next read.
    written: Option<(String, Known)>,
}

/// Tags of a policy that were not read since it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A read before an edit showed them.
    Read(Tags),
    /// The response to the create showed them.
    Echoed(Tags),
}

impl KnownTags {
    /// Remembers the tags that were read.
    pub(super) fn read(&self, id: &str, tags: Option<&Tags>) {
        self.lock().read = tags.map(|tags| (id.to_owned(), tags.clone()));
    }

    /// Remembers that an edit left the tags as they were read.
    pub(super) fn edited(&self, id: &str) {
        let mut state = self.lock();
        let read = state.read.take_if(|(read, _)| read == id);
        state.written = read.map(|(id, tags)| (id, Known::Read(tags)));
    }

    /// Remembers the tags that the response to a create shows.
    pub(super) fn created(&self, id: &str, tags: Tags) {
        self.lock().written = Some((id.to_owned(), Known::Echoed(tags)));
    }

    /// Returns the tags of a policy that this reconcile wrote, once.
    pub(super) fn take(&self, id: &str) -> Option<Known> {
        self.lock().written.take_if(|(written, _)| written == id).map(|(_, tags)| tags)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edited_policy_keeps_the_tags_that_were_read_once() {
        let (known, tags) = (KnownTags::default(), Tags::from([("k".to_owned(), "v".to_owned())]));
        known.edited("a");
        assert_eq!(known.take("a"), None, "never read");
        known.read("a", Some(&tags));
        assert_eq!(known.take("a"), None, "not edited");
        known.edited("a");
        assert_eq!(known.take("b"), None);
        assert_eq!(known.take("a"), Some(Known::Read(tags)));
        assert_eq!(known.take("a"), None, "they serve one read");
        known.read("a", None);
        known.edited("a");
        assert_eq!(known.take("a"), None, "the upstream does not show them");
    }

    #[test]
    fn created_policy_has_the_tags_of_the_response_once() {
        let (known, tags) = (KnownTags::default(), Tags::from([("k".to_owned(), "v".to_owned())]));
        known.created("a", tags.clone());
        assert_eq!(known.take("b"), None);
        assert_eq!((known.take("a"), known.take("a")), (Some(Known::Echoed(tags)), None));
    }
}
