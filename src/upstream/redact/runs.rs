//! Finds runs of letters in a text without keeping the letters: only their hashes.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// What stands in the place of a secret.
const HIDDEN: &str = "[hidden]";

/// Runs of letters that must not be shown. ASCII letters are compared without case.
#[derive(Clone, Default)]
pub(super) struct Runs {
    /// The hashes of the runs, by their length in characters.
    hashes: BTreeMap<usize, HashSet<u64>>,
    /// Random for each redactor, so that a hash says nothing about a run.
    hasher: RandomState,
}

impl std::fmt::Debug for Runs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").finish_non_exhaustive()
    }
}

impl Runs {
    /// Adds each run of this length in the secret; the whole secret if it is shorter.
    pub(super) fn add(&mut self, secret: &str, length: usize) {
        let letters = letters(secret);
        let length = length.min(letters.len());
        if length > 0 {
            let runs = letters.windows(length).map(|run| self.hasher.hash_one(run));
            self.hashes.entry(length).or_default().extend(runs);
        }
    }

    /// Returns the text with a word in the place of each run.
    pub(super) fn hide(&self, text: &str) -> String {
        let letters = letters(text);
        let mut hidden = vec![false; letters.len()];
        for (length, hashes) in &self.hashes {
            for (begin, run) in letters.windows(*length).enumerate() {
                if hashes.contains(&self.hasher.hash_one(run)) {
                    hidden[begin..begin + length].fill(true);
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut was_hidden = false;
        for (letter, is_hidden) in text.chars().zip(hidden) {
            match (was_hidden, is_hidden) {
                (_, false) => shown.push(letter),
                (false, true) => shown.push_str(HIDDEN),
                (true, true) => {}
            }
            was_hidden = is_hidden;
        }
        shown
    }
}

fn letters(text: &str) -> Vec<char> {
    text.chars().map(|c| c.to_ascii_lowercase()).collect()
}
