//! Searches for a request that some patterns all match, and none of the others.
//!
//! The patterns run side by side as one automaton that is built on the way: a state is the set of places that a text
//! has reached in them. The search goes through the states by the length of their text, so the witness is a shortest
//! one. It leaves a state in which another pattern matches whatever follows, or one of its own nothing.

use super::fnmatch::{Pattern, Token};
use crate::engine::access::change::Undecided;
use crate::engine::access::step_limit::StepLimit;
use std::collections::HashSet;
use std::ops::Range;

/// Characters that a witness may contain, the plainest first.
const PLAIN: &str = "xabcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

/// What ends a part of a request.
const DOT: char = '.';

/// The dots of a request.
const DOTS: u8 = 2;

/// A place in the patterns, all in one row.
type Place = u32;

/// One search.
pub struct Search<'s> {
    /// The tokens of all patterns, the searched ones first; `None` is the end of each.
    tokens: Vec<Option<&'s Token>>,
    /// The places of each searched pattern.
    searched: Vec<Range<Place>>,
    /// The first place of the others.
    others: Place,
    start: Vec<Place>,
    steps: &'s StepLimit,
}

/// Where a text has come to.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    /// In the patterns, in ascending order.
    places: Vec<Place>,
    dots: u8,
    /// Whether the current part of the request is empty.
    empty_part: bool,
}

/// A step on the way: the step before it, and the character.
type Step = (usize, char);

impl<'s> Search<'s> {
    /// Prepares the search for what all of `searched` match and none of `others`.
    pub fn new(searched: &[&'s Pattern], others: &[&'s Pattern], steps: &'s StepLimit) -> Self {
        let mut search = Self { tokens: Vec::new(), searched: Vec::new(), others: 0, start: Vec::new(), steps };
        for pattern in searched {
            let start = search.end();
            search.add(pattern);
            search.searched.push(start..search.end());
        }
        search.others = search.end();
        for other in others {
            search.add(other);
        }
        let start = std::mem::take(&mut search.start);
        search.start = search.closure(start);
        search
    }

    fn add(&mut self, pattern: &'s Pattern) {
        self.start.push(self.end());
        self.tokens.extend(pattern.tokens.iter().map(Some).chain([None]));
    }

    fn end(&self) -> Place {
        Place::try_from(self.tokens.len()).unwrap_or(Place::MAX)
    }

    /// Finds a request.
    pub fn run(&self) -> Result<Option<String>, Undecided> {
        self.steps.spend(self.tokens.len())?;
        let start = State { places: self.start.clone(), dots: 0, empty_part: true };
        let mut known = HashSet::from([start.clone()]);
        let (mut states, mut path): (Vec<State>, Vec<Step>) = (vec![start], vec![(0, DOT)]);
        let mut at = 0;
        while let Some(state) = states.get(at).cloned() {
            for letter in self.letters(&state)? {
                self.steps.spend(2 * state.places.len())?;
                let Some(next) = self.after(&state, letter) else { continue };
                if self.is_witness(&next) {
                    return Ok(Some(text(&path, at, letter)));
                }
                if known.insert(next.clone()) {
                    states.push(next);
                    path.push((at, letter));
                }
            }
            at += 1;
        }
        Ok(None)
    }

    /// Returns the state after one more character; `None` if no witness can follow.
    fn after(&self, state: &State, letter: char) -> Option<State> {
        let is_dot = letter == DOT;
        let dots = state.dots + u8::from(is_dot);
        if is_dot && (state.empty_part || dots > DOTS) {
            return None;
        }
        let next = state.places.iter().filter_map(|place| match self.token(*place)? {
            Token::Star => Some(*place),
            Token::Letter(own) => (*own == letter).then_some(place + 1),
            Token::One(class) => class.has(letter).then_some(place + 1),
        });
        let places = self.closure(next.collect());
        let alive = self.searched.iter().all(|own| reaches(&places, own));
        let covered = places.iter().any(|place| *place >= self.others && self.takes_all(*place));
        (alive && !covered).then_some(State { places, dots, empty_part: is_dot })
    }

    fn is_witness(&self, state: &State) -> bool {
        let ends = |place: &&Place| self.token(**place).is_none();
        let is_request = state.dots == DOTS && !state.empty_part;
        is_request
            && state.places.iter().filter(ends).all(|place| *place < self.others)
            && self.searched.iter().all(|own| state.places.binary_search(&(own.end - 1)).is_ok())
    }

    fn token(&self, place: Place) -> Option<&'s Token> {
        self.tokens.get(usize::try_from(place).ok()?).copied().flatten()
    }

    /// Returns whether whatever follows matches.
    fn takes_all(&self, place: Place) -> bool {
        matches!(self.token(place), Some(Token::Star)) && self.token(place + 1).is_none()
    }

    /// Adds the places behind each `*`, which may stand for no text.
    fn closure(&self, mut places: Vec<Place>) -> Vec<Place> {
        let behind = |place: &Place| matches!(self.token(*place), Some(Token::Star)).then_some(place + 1);
        let more: Vec<Place> = places.iter().filter_map(behind).collect();
        places.extend(more);
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Returns one character of each kind that the patterns tell apart here. The first is in no class, if there is one.
    fn letters(&self, state: &State) -> Result<Vec<char>, Undecided> {
        // Where a class begins, and where it has ended.
        let mut limits = vec![(u32::from(DOT), 1), (u32::from(DOT) + 1, -1)];
        let mut limit = |low: char, high: char| limits.extend([(u32::from(low), 1), (u32::from(high) + 1, -1)]);
        for place in &state.places {
            match self.token(*place) {
                None | Some(Token::Star) => {}
                Some(Token::Letter(letter)) => limit(*letter, *letter),
                Some(Token::One(class)) => {
                    for (low, high) in &class.ranges {
                        limit(*low, *high);
                    }
                }
            }
        }
        self.steps.spend(state.places.len() + limits.len())?;
        limits.sort_unstable();
        Ok(one_of_each(&limits))
    }
}

/// Returns whether one of the places, in ascending order, is in a pattern.
fn reaches(places: &[Place], pattern: &Range<Place>) -> bool {
    let first = places.partition_point(|place| *place < pattern.start);
    places.get(first).is_some_and(|place| *place < pattern.end)
}

/// Returns one character between each two limits, and one outside of all classes.
fn one_of_each(limits: &[(u32, i32)]) -> Vec<char> {
    let (mut inside, mut outside, mut low, mut depth) = (Vec::new(), Vec::new(), 0, 0);
    for (limit, change) in limits.iter().copied().chain([(u32::from(char::MAX) + 1, 0)]) {
        match (low < limit, depth) {
            (true, 0) => outside.push((low, limit)),
            (true, _) => inside.extend(plain_letter(low, limit)),
            (false, _) => {}
        }
        (low, depth) = (limit, depth + change);
    }
    let is_outside = |letter: &char| outside.iter().any(|(low, end)| (*low..*end).contains(&u32::from(*letter)));
    let plain = PLAIN.chars().find(is_outside);
    plain.or_else(|| outside.iter().find_map(|(low, end)| plain_letter(*low, *end))).into_iter().chain(inside).collect()
}

/// Returns a plain character from `low` up to `end`, exclusively; `None` if there is no character.
fn plain_letter(low: u32, end: u32) -> Option<char> {
    if low + 1 == end {
        return char::from_u32(low);
    }
    let inside = |letter: &char| (low..end).contains(&u32::from(*letter));
    PLAIN.chars().find(inside).or_else(|| (low..end).find_map(char::from_u32))
}

/// Returns the text of the way to a step, and one more character.
fn text(path: &[Step], last: usize, letter: char) -> String {
    let (mut letters, mut at) = (vec![letter], last);
    while at != 0 {
        let (before, letter) = path[at];
        letters.push(letter);
        at = before;
    }
    letters.iter().rev().collect()
}
