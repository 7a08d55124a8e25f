//! Identifiers in the format of the real services, reproducible from a seed.

use std::sync::atomic::{AtomicU64, Ordering};

/// A sequence of identifiers. The same seed gives the same sequence.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    counter: AtomicU64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }

    /// Returns 64 mixed bits. The mixing is a bijection, so no value repeats within a sequence.
    fn next(&self) -> u64 {
        let step = self.counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut bits = self.seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Returns a UUID of version 1 with one node, in the format of NAVER Cloud's policy ids.
    pub(crate) fn uuid(&self) -> String {
        let bits = self.next();
        let (low, mid) = (bits >> 32, (bits >> 16) & 0xFFFF);
        let (high, sequence) = ((bits >> 4) & 0xFFF, bits & 0xF);
        format!("{low:08x}-{mid:04x}-1{high:03x}-8{sequence:03x}-246e96000001")
    }

    /// Returns `<prefix>-<12 hex digits>`, the format of SpaceONE's server-made ids.
    pub(crate) fn prefixed(&self, prefix: &str) -> String {
        format!("{prefix}-{:012x}", self.next() >> 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_for_the_same_seed_and_are_unique_within_it() {
        let (one, two) = (Ids::new(7), Ids::new(7));
        let first: Vec<_> = (0..1_000).map(|_| one.uuid()).collect();
        let second: Vec<_> = (0..1_000).map(|_| two.uuid()).collect();
        assert_eq!(first, second);
        let unique: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(unique.len(), first.len());
    }

    #[test]
    fn ids_have_the_format_of_real_ids() {
        let ids = Ids::new(1);
        let uuid = regex::Regex::new("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$").unwrap();
        assert!(uuid.is_match(&ids.uuid()));
        let network = regex::Regex::new("^npolicy-[0-9a-f]{12}$").unwrap();
        assert!(network.is_match(&ids.prefixed("npolicy")));
    }
}
