//! Remembers facts for a while, and forgets those that are too old as new ones come.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// How many facts are kept before the old ones are looked for.
const MANY: usize = 1024;

/// The facts of the last while, by key, each with the time when it was noted. Old facts are looked for only when the
/// number of facts has doubled, so that noting one costs the same for any number.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    kept: Duration,
    facts: HashMap<K, (V, Instant)>,
    /// How many facts may be kept before the old ones are looked for.
    room: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Remembers each fact at least this long.
    pub(super) fn new(kept: Duration) -> Self {
        Self { kept, facts: HashMap::new(), room: MANY }
    }

    /// Notes a fact now.
    pub(super) fn note(&mut self, key: K, value: V) {
        if self.facts.len() >= self.room {
            self.facts.retain(|_, (_, at)| at.elapsed() < self.kept);
            self.room = MANY.max(self.facts.len() * 2);
        }
        self.facts.insert(key, (value, Instant::now()));
    }

    /// Returns the fact that was noted last under this key, and when; `None` if that is too long ago.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&(V, Instant)>
    where
        K: Borrow<Q>,
    {
        self.facts.get(key).filter(|(_, at)| at.elapsed() < self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_fact_of_a_key_counts() {
        let mut recent = Recent::new(Duration::from_mins(1));
        assert!(recent.get("a").is_none());
        recent.note("a".to_owned(), 1);
        let first = recent.get("a").unwrap().1;
        recent.note("a".to_owned(), 2);
        let (value, at) = recent.get("a").unwrap();
        assert!(*value == 2 && *at >= first);
    }

    #[test]
    fn old_facts_are_forgotten() {
        let mut recent = Recent::new(Duration::ZERO);
        (0..MANY).for_each(|key| recent.note(key, ()));
        assert_eq!((recent.facts.len(), recent.get(&0)), (MANY, None));
        recent.note(MANY, ());
        assert_eq!(recent.facts.len(), 1);
        let mut recent = Recent::new(Duration::from_mins(1));
        (0..=MANY).for_each(|key| recent.note(key, ()));
        assert_eq!((recent.facts.len(), recent.room), (MANY + 1, 2 * MANY));
    }
}
