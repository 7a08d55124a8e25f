//! Held to a brute-force oracle: every request of a small world, matched by a plain reading of `fnmatch`.

use super::super::dice::Dice;
use super::super::{Change, Finding, Undecided};
use super::{compare, compare_within};

/// What the parts of patterns are made from.
const PARTS: [&str; 18] = [
    "a", "b", "ab", "*", "**", "a*", "*a", "*b*", "?", "??", "a?", "?*", "[ab]", "[!a]", "[a-b]*", "[!a-b]", "[!]a]",
    "[a",
];

/// Patterns that do not keep to the parts.
const ACROSS: [&str; 12] = ["*", "a*", "*b", "a.*", "*.a", "a*b", "*.*", "?*.*", "*.*.*", "??.*", "[!b]*", "*[a-b]"];

pub(in crate::engine::access) const PAIRS: usize = 100_000;

/// Matches as the documentation of `fnmatch` says.
fn allows(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['*', rest @ ..], _) => (0..=text.len()).any(|skipped| allows(rest, &text[skipped..])),
        (_, []) => false,
        (['?', rest @ ..], [_, text @ ..]) => allows(rest, text),
        (['[', rest @ ..], [letter, others @ ..]) => match split_class(rest) {
            Some((class, rest)) => in_class(class, *letter) && allows(rest, others),
            None => *letter == '[' && allows(rest, others),
        },
        ([own, rest @ ..], [letter, others @ ..]) => own == letter && allows(rest, others),
    }
}

fn split_class(rest: &[char]) -> Option<(&[char], &[char])> {
    // Neither `]` nor `!]` is a class of its own.
    let least = if rest.first() == Some(&'!') { 2 } else { 1 };
    let end = rest.iter().skip(least).position(|letter| *letter == ']')? + least;
    Some((&rest[..end], &rest[end + 1..]))
}

fn in_class(class: &[char], letter: char) -> bool {
    match class {
        ['!', class @ ..] => !in_class_as_is(class, letter),
        _ => in_class_as_is(class, letter),
    }
}

fn in_class_as_is(class: &[char], letter: char) -> bool {
    match class {
        [] => false,
        [low, '-', high, rest @ ..] => (low <= &letter && &letter <= high) || in_class_as_is(rest, letter),
        [own, rest @ ..] => *own == letter || in_class_as_is(rest, letter),
    }
}

pub(in crate::engine::access) fn any_allows(permissions: &[String], request: &str) -> bool {
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    permissions.iter().any(|permission| allows(&letters(permission), &letters(request)))
}

fn is_request(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty())
}

/// Requests of the world, as bits.
pub(in crate::engine::access) type Requests = [u64; 16];

/// Permissions, and the requests that they allow.
pub(in crate::engine::access) type Allowing = (Vec<String>, Requests);

/// Patterns, each with the requests of the world that it allows.
pub(in crate::engine::access) struct World(Vec<(String, Requests)>);

impl World {
    pub(in crate::engine::access) fn new(dice: &mut Dice) -> Self {
        let parts = ["a", "b", "c", "]", "aa", "ab", "ac", "ba", "cb", "[a"];
        let three = |a: &str, b: &str, c: &str| format!("{a}.{b}.{c}");
        let pairs = parts.iter().flat_map(|a| parts.iter().map(move |b| (a, b)));
        let requests: Vec<String> = pairs.flat_map(|(a, b)| parts.iter().map(move |c| three(a, b, c))).collect();
        let mut texts: Vec<String> = ACROSS.iter().map(|text| (*text).to_owned()).collect();
        texts.extend((0..150).map(|_| {
            let [a, b, c] = [0; 3].map(|_| *dice.of(&PARTS));
            three(a, b, c)
        }));
        let judged = |text: String| {
            let mut allowed = Requests::default();
            for (at, request) in requests.iter().enumerate() {
                allowed[at / 64] |= u64::from(any_allows(std::slice::from_ref(&text), request)) << (at % 64);
            }
            (text, allowed)
        };
        Self(texts.into_iter().map(judged).collect())
    }

    /// Chooses a few patterns.
    pub(in crate::engine::access) fn choose(&self, dice: &mut Dice) -> Allowing {
        let mut chosen = Allowing::default();
        (0..=dice.below(3)).for_each(|_| self.add(&mut chosen, dice));
        chosen
    }

    /// Returns the same with one or two patterns more.
    fn change(&self, old: &Allowing, dice: &mut Dice) -> Allowing {
        let mut new = old.clone();
        (0..=dice.below(2)).for_each(|_| self.add(&mut new, dice));
        new
    }

    fn add(&self, chosen: &mut Allowing, dice: &mut Dice) {
        let (text, allows) = dice.of(&self.0);
        chosen.0.push(text.clone());
        chosen.1.iter_mut().zip(allows).for_each(|(all, one)| *all |= one);
    }
}

/// Asserts one direction: `more` and `less` with the requests that they allow.
fn assert_finding(finding: &Finding<String>, more: &Allowing, less: &Allowing) {
    match finding {
        Finding::Nothing => {
            let beyond = more.1.iter().zip(&less.1).any(|(more, less)| more & !less != 0);
            assert!(!beyond, "{:?} allow more than {:?}", more.0, less.0);
        }
        Finding::Witness(request) => {
            let is_witness = any_allows(&more.0, request) && !any_allows(&less.0, request);
            assert!(is_request(request) && is_witness, "{request}: {:?} beyond {:?}", more.0, less.0);
        }
        Finding::Undecided(reason) => panic!("{:?} and {:?}: {reason}", more.0, less.0),
    }
}

#[test]
fn comparison_agrees_with_the_oracle_in_every_pair() {
    let mut dice = Dice::new(1);
    let world = World::new(&mut dice);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..PAIRS {
        let old = world.choose(&mut dice);
        let new = if dice.percent(50) { world.choose(&mut dice) } else { world.change(&old, &mut dice) };
        let found = compare(&old.0, &new.0);
        assert_finding(&found.granted, &new, &old);
        assert_finding(&found.revoked, &old, &new);
        *seen.entry(format!("{:?}", found.change())).or_insert(0) += 1;
    }
    println!("{seen:?}");
    assert!(seen.len() == 4 && seen.values().all(|count| *count > 500), "every result occurs: {seen:?}");
}

#[test]
fn comparison_is_an_order() {
    let mut dice = Dice::new(6);
    let world = World::new(&mut dice);
    let (mut pairs, mut chains) = (0, 0);
    for _ in 0..PAIRS / 10 {
        let low = world.choose(&mut dice);
        let middle = if dice.percent(70) { world.change(&low, &mut dice) } else { world.choose(&mut dice) };
        let high = if dice.percent(70) { world.change(&middle, &mut dice) } else { world.choose(&mut dice) };
        let is_within = |less: &Allowing, more: &Allowing| compare(&more.0, &less.0).granted == Finding::Nothing;
        assert_eq!(compare(&low.0, &low.0).change(), Change::Equal, "{:?}", low.0);
        let (there, back) = (compare(&low.0, &middle.0).change(), compare(&middle.0, &low.0).change());
        assert_eq!(there.reversed(), back, "{:?} and {:?}", low.0, middle.0);
        pairs += usize::from(there != Change::Equal);
        if is_within(&low, &middle) && is_within(&middle, &high) {
            chains += 1;
            assert!(is_within(&low, &high), "{:?}, {:?}, {:?}", low.0, middle.0, high.0);
        }
    }
    assert!(pairs > 1000 && chains > 1000, "{pairs} pairs differ, {chains} chains");
}

fn change(old: &[&str], new: &[&str]) -> Change {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    compare(&list(old), &list(new)).change()
}

#[test]
fn patterns_together_cover_what_none_covers_alone() {
    assert_eq!(change(&["*"], &["[!a]*", "a*"]), Change::Equal);
    assert_eq!(change(&["*"], &["*.*.*"]), Change::Equal, "every request has three parts");
    assert_eq!(change(&["a.*"], &["a.?.*", "a.??*.*"]), Change::Equal);
    assert_eq!(change(&["inventory.*"], &["inventory*"]), Change::Wider);
    assert_eq!(change(&["Vi*"], &["View*", "Via*"]), Change::Narrower);
    assert_eq!(change(&["a.B.[gl]*"], &["a.B.get", "a.B.list"]), Change::Narrower);
    assert_eq!(change(&["a.B.get"], &["a.b.get"]), Change::Both);
    assert_eq!(change(&["a.B.get"], &["a.B.get", "no-request", ""]), Change::Equal);
}

#[test]
fn witness_is_a_request_that_only_one_side_allows() {
    let found = compare(&["inventory.*".to_owned()], &["inventory*".to_owned()]);
    assert_eq!(found.granted, Finding::Witness("inventoryx.x.x".to_owned()));
    let found = compare(&["a.B.get".to_owned()], &["a.B.list".to_owned()]);
    assert_eq!(found.granted, Finding::Witness("a.B.list".to_owned()));
    assert_eq!(found.revoked, Finding::Witness("a.B.get".to_owned()));
}

#[test]
fn range_from_high_to_low_is_undecided_unless_equal() {
    assert_eq!(change(&["a.B.[z-a]"], &["a.B.[z-a]", "a.B.[z-a]"]), Change::Equal);
    assert_eq!(change(&["a.B.[z-a]"], &["*"]), Change::Unknown);
}

#[test]
fn hostile_permissions_end_undecided_in_bounded_steps() {
    let many = |letter: char| (0..5000).map(|i| format!("*{letter}*{i}*a*b*{}", "?".repeat(200))).collect::<Vec<_>>();
    let found = compare_within(100_000, &many('x'), &many('y'));
    assert_eq!(found.granted, Finding::Undecided(Undecided::TooLarge));
    let some: Vec<String> = ('a'..='z').map(|letter| format!("*{letter}*{letter}*")).collect();
    let found = compare_within(100_000, &some, &[format!("{}*", "?".repeat(99))]);
    assert_eq!(found.granted, Finding::Undecided(Undecided::TooLarge), "exponentially many states");
}

#[test]
fn large_lists_of_plain_permissions_are_decided() {
    let list = |from: usize| (from..from + 5000).map(|i| format!("inventory.Resource{i}.*")).collect::<Vec<_>>();
    let literal = |i: usize| format!("inventory.Resource{i}.list");
    assert_eq!(compare(&list(0), &list(1)).change(), Change::Both);
    let (old, mut new) = (list(0), list(0));
    new.extend((0..5000).map(literal));
    assert_eq!(compare(&old, &new).change(), Change::Equal);
}
