//! Held to a brute-force oracle: every request of a small world, matched as the facts of NAVER Cloud say.

use super::Request;
use super::tests::compare;
use crate::api::policy::{NcloudEffect, NcloudPermission, NcloudTarget};
use crate::engine::access::dice::Dice;
use crate::engine::access::{Comparison, Finding};
use std::collections::BTreeMap;

pub(in crate::engine::access) const PAIRS: usize = 100_000;

const ACTIONS: [&str; 16] =
    ["a", "b", "ab", "ba", "*", "**", "a*", "b*", "*a", "*b", "a*b", "*a*", "b*a", "ab*", "*ab", "c"];

/// The parts of resources that differ: the region and the resource.
const PARTS: [&str; 9] = ["a", "b", "ab", "*", "a*", "*b", "*a", "a*b", "**"];

/// The values of a condition key; `None` is a request without it.
pub(in crate::engine::access) const VALUES: [Option<&str>; 4] = [Some("a"), Some("ab"), Some("c"), None];

/// What is not documented.
#[derive(Clone, Copy)]
pub(in crate::engine::access) struct Meaning {
    colons: bool,
    any_member: bool,
    absent: bool,
}

/// Matches a text, letter by letter.
fn like(pattern: &[u8], text: &[u8], barrier: Option<u8>) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => {
            let end = text.iter().position(|letter| Some(*letter) == barrier).unwrap_or(text.len());
            (0..=end).any(|skipped| like(rest, &text[skipped..], barrier))
        }
        ([own, pattern @ ..], [letter, text @ ..]) => own == letter && like(pattern, text, barrier),
        (_, []) => false,
    }
}

fn has_resource(pattern: &str, resource: &str, meaning: Meaning) -> bool {
    if pattern.chars().all(|letter| letter == '*') || pattern == "nrn:*:P:*::*" {
        return true;
    }
    let mut parts: Vec<&str> = pattern.split(':').collect();
    if meaning.any_member && parts.len() == 6 && parts[4].is_empty() {
        parts[4] = "*";
    }
    like(parts.join(":").as_bytes(), resource.as_bytes(), (!meaning.colons).then_some(b':'))
}

fn holds(permission: &NcloudPermission, context: &BTreeMap<String, String>, meaning: Meaning) -> bool {
    permission.condition.iter().flatten().all(|(operator, keys)| {
        keys.iter().all(|(key, values)| {
            let is_like = |value: &String| values.iter().any(|own| like(own.as_bytes(), value.as_bytes(), None));
            match (operator.as_str(), context.get(key)) {
                ("StringEquals", Some(value)) => values.contains(value),
                ("StringNotEquals", Some(value)) => !values.contains(value),
                ("StringLike", Some(value)) => is_like(value),
                ("StringNotLike", Some(value)) => !is_like(value),
                ("StringNotEquals" | "StringNotLike", None) => meaning.absent,
                _ => false,
            }
        })
    })
}

/// Returns -1 for a denied request, 1 for an allowed one, else 0.
pub(in crate::engine::access) fn verdict(policy: &[NcloudPermission], request: &Request, meaning: Meaning) -> i8 {
    let within = |target: &NcloudTarget| {
        target.product == request.product
            && target.actions.iter().any(|own| like(own.as_bytes(), request.action.as_bytes(), None))
            && target.resource_nrns.iter().any(|own| has_resource(own, &request.resource, meaning))
    };
    let applies = |permission: &&NcloudPermission| {
        permission.targets.iter().any(within) && holds(permission, &request.context, meaning)
    };
    let effects: Vec<NcloudEffect> = policy.iter().filter(applies).map(|permission| permission.effect).collect();
    if effects.contains(&NcloudEffect::Deny) { -1 } else { i8::from(!effects.is_empty()) }
}

/// The small world, and what each pattern matches in it.
pub(in crate::engine::access) struct World {
    pub(in crate::engine::access) actions: Vec<&'static str>,
    pub(in crate::engine::access) meanings: Vec<Meaning>,
    action_bits: BTreeMap<String, u64>,
    resource_bits: BTreeMap<String, Vec<u64>>,
}

impl World {
    pub(in crate::engine::access) fn new(patterns: &[String], meanings: Vec<Meaning>) -> Self {
        let parts = ["a", "b", "c", "ab", "acb", "ba"];
        let nrn = |a: &str, b: &str| ["1", ""].map(|member| format!("nrn:PUB:P:{a}:{member}:{b}"));
        let mut resources: Vec<String> =
            parts.iter().flat_map(|a| parts[..4].iter().flat_map(move |b| nrn(a, b))).collect();
        resources.extend(["", "z"].map(str::to_owned));
        assert!(resources.len() <= 64);
        let actions = vec!["", "a", "b", "c", "ab", "ba", "aa", "bb", "acb", "bca", "cab", "abc", "aba", "cac"];
        let bits = |matches: &dyn Fn(usize) -> bool| (0..64).filter(|at| matches(*at)).map(|at| 1 << at).sum::<u64>();
        let action = |own: &&str| {
            let matches =
                |at: usize| actions.get(at).is_some_and(|text: &&str| like(own.as_bytes(), text.as_bytes(), None));
            ((*own).to_owned(), bits(&matches))
        };
        let resource = |own: &String| {
            let matches = |meaning: Meaning| {
                bits(&|at: usize| resources.get(at).is_some_and(|text: &String| has_resource(own, text, meaning)))
            };
            (own.clone(), meanings.iter().map(|meaning| matches(*meaning)).collect())
        };
        let (action_bits, resource_bits) =
            (ACTIONS.iter().map(action).collect(), patterns.iter().map(resource).collect());
        Self { actions, meanings, action_bits, resource_bits }
    }

    /// Returns whether `more` treats a request better than `less`, in each meaning.
    fn beyond(&self, more: &[NcloudPermission], less: &[NcloudPermission]) -> Vec<bool> {
        let conditional = more.iter().chain(less).any(|permission| permission.condition.is_some());
        let values = if conditional { &VALUES[..] } else { &VALUES[3..] };
        let contexts = values.iter().flat_map(|k| values.iter().map(move |l| [("k", *k), ("l", *l)]));
        let context = |pairs: [(&str, Option<&str>); 2]| {
            pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
        };
        let contexts: Vec<BTreeMap<String, String>> = contexts.map(context).collect();
        let differs = |(at, meaning): (usize, &Meaning)| {
            contexts.iter().any(|context| {
                let (more, less) = (self.bits(more, context, at, *meaning), self.bits(less, context, at, *meaning));
                (0..self.actions.len()).any(|action| {
                    let (more, less) = (more(action), less(action));
                    (more.0 & !less.0) | (less.1 & !more.1) != 0
                })
            })
        };
        self.meanings.iter().enumerate().map(differs).collect()
    }

    /// Returns for an action the resources on which it is allowed, and those on which it is denied.
    pub(in crate::engine::access) fn bits<'p>(
        &'p self,
        policy: &'p [NcloudPermission],
        context: &BTreeMap<String, String>,
        at: usize,
        meaning: Meaning,
    ) -> impl Fn(usize) -> (u64, u64) {
        let applying = policy.iter().filter(|permission| holds(permission, context, meaning));
        let target = |target: &NcloudTarget| {
            let actions = target.actions.iter().fold(0, |bits, own| bits | self.action_bits[own]);
            let resources = target.resource_nrns.iter().fold(0, |bits, own| bits | self.resource_bits[own][at]);
            (actions, resources)
        };
        let rows: Vec<(NcloudEffect, u64, u64)> = applying
            .flat_map(|permission| permission.targets.iter().map(move |of| (permission.effect, of)))
            .map(|(effect, of)| (effect, target(of).0, target(of).1))
            .collect();
        move |action| {
            let (mut allowed, mut denied) = (0, 0);
            for (effect, _, resources) in rows.iter().filter(|(_, actions, _)| actions >> action & 1 == 1) {
                let side = if *effect == NcloudEffect::Deny { &mut denied } else { &mut allowed };
                *side |= resources;
            }
            (allowed & !denied, denied)
        }
    }
}

/// Makes random policies from patterns of resources.
pub(in crate::engine::access) struct Maker<'w> {
    pub dice: Dice,
    pub resources: &'w [String],
    pub conditions: usize,
}

impl Maker<'_> {
    pub fn policy(&mut self) -> Vec<NcloudPermission> {
        (0..=self.dice.below(3)).map(|_| self.permission()).collect()
    }

    fn permission(&mut self) -> NcloudPermission {
        let some = |dice: &mut Dice, least: usize| least + dice.below(2);
        let actions = (0..some(&mut self.dice, 1)).map(|_| (*self.dice.of(&ACTIONS)).to_owned()).collect();
        let resource_nrns = (0..some(&mut self.dice, 1)).map(|_| self.dice.of(self.resources).clone()).collect();
        let effect = if self.dice.percent(30) { NcloudEffect::Deny } else { NcloudEffect::Allow };
        let condition = self.dice.percent(self.conditions).then(|| self.condition());
        NcloudPermission {
            effect,
            targets: vec![NcloudTarget { product: "P".to_owned(), actions, resource_nrns }],
            condition,
        }
    }

    fn condition(&mut self) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
        let mut condition: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for _ in 0..=self.dice.below(2) {
            let operator = *self.dice.of(&["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]);
            let values = if operator.ends_with("Like") { ["a*", "*b", "c", "*"] } else { ["a", "ab", "c", "d"] };
            let values = (0..=self.dice.below(2)).map(|_| (*self.dice.of(&values)).to_owned()).collect();
            let key = (*self.dice.of(&["k", "k", "l"])).to_owned();
            condition.entry(operator.to_owned()).or_default().insert(key, values);
        }
        condition
    }

    /// Returns the policy with small changes.
    pub fn changed(&mut self, policy: &[NcloudPermission]) -> Vec<NcloudPermission> {
        let mut changed = policy.to_vec();
        match self.dice.below(3) {
            0 => changed.push(self.permission()),
            1 => changed.swap_remove(self.dice.below(policy.len())).targets.clear(),
            _ => {
                let target = &mut changed[self.dice.below(policy.len())].targets[0];
                target.actions.push((*self.dice.of(&ACTIONS)).to_owned());
                target.resource_nrns.push(self.dice.of(self.resources).clone());
            }
        }
        changed
    }
}

fn assert_finding(world: &World, finding: &Finding<Request>, more: &[NcloudPermission], less: &[NcloudPermission]) {
    let shown = || format!("{} beyond {}", serde_json::json!(more), serde_json::json!(less));
    match finding {
        Finding::Nothing => {
            let beyond = world.beyond(more, less);
            assert!(beyond.iter().all(|beyond| !beyond), "{}", shown());
        }
        Finding::Witness(request) => {
            let is_witness = |meaning| verdict(more, request, meaning) > verdict(less, request, meaning);
            assert!(world.meanings.iter().all(|meaning| is_witness(*meaning)), "{request}: {}", shown());
        }
        Finding::Undecided(_) => {}
    }
}

/// Compares random pairs, and returns how often each result came.
fn compare_pairs(pairs: usize, world: &World, mut maker: Maker<'_>) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..pairs {
        let old = maker.policy();
        let new = if maker.dice.percent(40) { maker.policy() } else { maker.changed(&old) };
        let found: Comparison<Request> = compare(&old, &new);
        assert_finding(world, &found.granted, &new, &old);
        assert_finding(world, &found.revoked, &old, &new);
        *seen.entry(format!("{:?}", found.change())).or_default() += 1;
    }
    println!("{seen:?}");
    seen
}

pub(in crate::engine::access) fn meanings(colons: &[bool], any_member: &[bool]) -> Vec<Meaning> {
    let pairs = colons.iter().flat_map(|colons| any_member.iter().map(move |any_member| (*colons, *any_member)));
    let both = |(colons, any_member)| [false, true].map(|absent| Meaning { colons, any_member, absent });
    pairs.flat_map(both).collect()
}

/// Returns resource patterns whose meaning is documented.
pub(in crate::engine::access) fn plain_resources() -> Vec<String> {
    let mut resources = vec!["*".to_owned(), "nrn:*:P:*::*".to_owned()];
    let pairs = PARTS.iter().flat_map(|a| PARTS.iter().map(move |b| (a, b)));
    resources.extend(pairs.map(|(a, b)| format!("nrn:PUB:P:{a}:1:{b}")));
    resources
}

#[test]
fn comparison_agrees_with_the_oracle_in_every_pair() {
    let resources = plain_resources();
    let world = World::new(&resources, meanings(&[false], &[false])[..1].to_vec());
    let maker = Maker { dice: Dice::new(2), resources: &resources, conditions: 0 };
    let seen = compare_pairs(PAIRS, &world, maker);
    assert!(!seen.contains_key("Unknown"), "{seen:?}");
    assert!(seen.len() == 4 && seen.values().all(|count| *count > 2000), "every result occurs: {seen:?}");
}

#[test]
fn comparison_with_conditions_agrees_with_the_oracle() {
    let resources = plain_resources();
    let world = World::new(&resources, meanings(&[false], &[false]));
    let maker = Maker { dice: Dice::new(3), resources: &resources, conditions: 60 };
    let seen = compare_pairs(PAIRS / 10, &world, maker);
    assert!(seen.len() == 5, "every result occurs: {seen:?}");
}

#[test]
fn comparison_holds_whatever_is_not_documented() {
    let mut resources = plain_resources().split_off(60);
    let odd = ["nrn:*", "nrn:PUB:*", "*:a", "nrn:PUB:P:*", "nrn:PUB:P:a::b", "nrn:PUB:P:*::*", "nrn:*:P:a::a*", "*"];
    resources.extend(odd.map(str::to_owned));
    let world = World::new(&resources, meanings(&[false, true], &[false, true]));
    let maker = Maker { dice: Dice::new(4), resources: &resources, conditions: 10 };
    let seen = compare_pairs(PAIRS / 10, &world, maker);
    assert!(seen.len() == 5 && seen.values().all(|count| *count > 100), "every result occurs: {seen:?}");
}
