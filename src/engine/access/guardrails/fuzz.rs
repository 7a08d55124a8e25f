//! Held to the brute-force oracles of the algebra: what is accepted is within the bound, in every request of their worlds.

use super::super::dice::Dice;
use super::super::ncloud::fuzz::{Maker, PAIRS, VALUES, World, meanings, plain_resources, verdict};
use super::super::ncloud::tests::permissions;
use super::super::spaceone::tests as spaceone;
use super::{BreachKind, Grants, Judgement, Witness, judge_access};
use crate::api::guardrails::{Enforcement, Guardrail, GuardrailStatement};
use crate::api::policy::{NcloudEffect, NcloudPermission};
use std::collections::BTreeMap;

/// Rules, with what they allow and deny as policies.
#[derive(Default)]
struct Bound {
    rules: Vec<Guardrail>,
    allowed: Vec<NcloudPermission>,
    denied: Vec<NcloudPermission>,
}

impl Bound {
    fn make(maker: &mut Maker<'_>) -> Self {
        let mut bound = Self::default();
        for _ in 0..=maker.dice.below(2) {
            let (allow, deny) = (plain(maker), plain(maker));
            let (allows, denies) = (maker.dice.percent(80), maker.dice.percent(40));
            bound.rules.push(Guardrail {
                allow: allows.then(|| statements(&allow)),
                deny: denies.then(|| statements(&deny)),
                ..Guardrail::default()
            });
            bound.allowed.extend(allow.into_iter().filter(|_| allows));
            bound.denied.extend(deny.into_iter().filter(|_| denies));
        }
        bound
    }

    /// Returns whether all is allowed that is not denied.
    fn is_open(&self) -> bool {
        self.rules.iter().all(|rule| rule.allow.is_none())
    }
}

fn plain(maker: &mut Maker<'_>) -> Vec<NcloudPermission> {
    let simple = |permission| NcloudPermission { effect: NcloudEffect::Allow, condition: None, ..permission };
    maker.policy().into_iter().map(simple).collect()
}

fn statements(policy: &[NcloudPermission]) -> Vec<GuardrailStatement> {
    let targets = policy.iter().flat_map(|permission| &permission.targets);
    let statement = |target: &crate::api::policy::NcloudTarget| GuardrailStatement {
        product: Some(target.product.clone()),
        actions: Some(target.actions.clone()),
        resource_nrns: Some(target.resource_nrns.clone()),
        permissions: None,
    };
    targets.map(statement).collect()
}

/// Returns whether the policy allows a request beyond the bound, in one of the meanings.
fn escapes(world: &World, policy: &[NcloudPermission], bound: &Bound) -> bool {
    let contexts = VALUES.iter().flat_map(|k| VALUES.iter().map(move |l| [("k", *k), ("l", *l)]));
    let context = |pairs: [(&str, Option<&str>); 2]| {
        pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect()
    };
    let contexts: Vec<BTreeMap<String, String>> = contexts.map(context).collect();
    let conditional = policy.iter().any(|permission| permission.condition.is_some());
    let contexts = if conditional { &contexts[..] } else { &contexts[contexts.len() - 1..] };
    world.meanings.iter().enumerate().any(|(at, meaning)| {
        contexts.iter().any(|context| {
            let of = |policy| world.bits(policy, context, at, *meaning);
            let (own, allowed, denied) = (of(policy), of(&bound.allowed), of(&bound.denied));
            let all = if bound.is_open() { u64::MAX } else { 0 };
            (0..world.actions.len()).any(|action| {
                let own = own(action).0;
                own & !(allowed(action).0 | all) != 0 || own & denied(action).0 != 0
            })
        })
    })
}

/// Returns whether a witness shows that the policy is beyond the bound, in one of the meanings.
fn is_proof(world: &World, kind: &BreachKind, policy: &[NcloudPermission], bound: &Bound) -> bool {
    world.meanings.iter().all(|meaning| match kind {
        BreachKind::NotAllowed(Witness::Ncloud(request)) => {
            verdict(policy, request, *meaning) == 1 && verdict(&bound.allowed, request, *meaning) == 0
        }
        BreachKind::Denied(Witness::Ncloud(request)) => {
            verdict(policy, request, *meaning) == 1 && verdict(&bound.denied, request, *meaning) == 1
        }
        _ => false,
    })
}

/// Judges random policies by random rules, and returns how often each result came.
fn judge_pairs(pairs: usize, world: &World, mut maker: Maker<'_>) -> BTreeMap<&'static str, usize> {
    let mut seen = BTreeMap::new();
    for _ in 0..pairs {
        let bound = Bound::make(&mut maker);
        let mut policy = if maker.dice.percent(50) { maker.policy() } else { bound.allowed.clone() };
        if maker.dice.percent(30) {
            policy.extend(bound.denied.iter().cloned().map(|it| NcloudPermission { effect: NcloudEffect::Deny, ..it }));
        }
        let shown = || format!("{} by {}", serde_json::json!(policy), serde_json::json!(bound.rules));
        let grants = Grants::Ncloud(permissions(&policy));
        let result = match judge_access(&bound.rules, Enforcement::Enforce, "team-a", &grants) {
            Judgement::Within => {
                assert!(!escapes(world, &policy, &bound), "accepted: {}", shown());
                "within"
            }
            Judgement::Beyond(breach) => {
                assert!(is_proof(world, &breach.kind, &policy, &bound), "{breach}: {}", shown());
                "beyond"
            }
            Judgement::Unknown(_) => "unknown",
        };
        *seen.entry(result).or_default() += 1;
    }
    println!("{seen:?}");
    seen
}

#[test]
fn accepted_policy_is_within_the_bound_of_the_oracle() {
    let resources = plain_resources();
    let world = World::new(&resources, meanings(&[false], &[false])[..1].to_vec());
    let maker = Maker { dice: Dice::new(11), resources: &resources, conditions: 0 };
    let seen = judge_pairs(PAIRS, &world, maker);
    assert!(seen["within"] > 10_000 && seen["beyond"] > 10_000, "{seen:?}");
    assert!(seen["unknown"] * 20 < PAIRS, "undecided in less than 5 %: {seen:?}");
}

#[test]
fn accepted_policy_with_conditions_is_within_the_bound() {
    let mut resources = plain_resources().split_off(50);
    let odd = ["nrn:*", "nrn:PUB:*", "nrn:PUB:P:*", "nrn:PUB:P:a::b", "nrn:PUB:P:*::*", "nrn:*:P:a::a*", "*"];
    resources.extend(odd.map(str::to_owned));
    let world = World::new(&resources, meanings(&[false, true], &[false, true]));
    let maker = Maker { dice: Dice::new(12), resources: &resources, conditions: 40 };
    let seen = judge_pairs(PAIRS / 10, &world, maker);
    assert!(seen["within"] > 500 && seen["beyond"] > 500, "{seen:?}");
}

fn rule_of(allow: Option<Vec<String>>, deny: Option<Vec<String>>) -> Guardrail {
    let list =
        |permissions| vec![GuardrailStatement { permissions: Some(permissions), ..GuardrailStatement::default() }];
    Guardrail { allow: allow.map(list), deny: deny.map(list), ..Guardrail::default() }
}

#[test]
fn accepted_permissions_are_within_the_bound_of_the_oracle() {
    let mut dice = Dice::new(13);
    let world = spaceone::World::new(&mut dice);
    let mut seen = BTreeMap::<_, usize>::new();
    for _ in 0..PAIRS / 10 {
        let (allowed, denied, wanted) = (world.choose(&mut dice), world.choose(&mut dice), world.choose(&mut dice));
        let wanted = if dice.percent(50) { wanted } else { allowed.clone() };
        let (is_bound, has_deny) = (dice.percent(80), dice.percent(30));
        let rule = rule_of(is_bound.then(|| allowed.0.clone()), has_deny.then(|| denied.0.clone()));
        let escapes = wanted
            .1
            .iter()
            .zip(&allowed.1)
            .zip(&denied.1)
            .any(|((own, allowed), denied)| (is_bound && own & !allowed != 0) || (has_deny && own & denied != 0));
        let judged = judge_access(&[rule], Enforcement::Enforce, "team-a", &Grants::Spaceone(&wanted.0));
        let is_proof = |kind: &BreachKind| match kind {
            BreachKind::NotAllowed(Witness::Spaceone(request)) => !spaceone::any_allows(&allowed.0, request),
            BreachKind::Denied(Witness::Spaceone(request)) => spaceone::any_allows(&denied.0, request),
            BreachKind::NotExplicit { witness: Witness::Spaceone(request), .. } => request.starts_with("identity."),
            _ => false,
        };
        let result = match judged {
            Judgement::Within => {
                assert!(!escapes, "accepted: {:?} by {:?} without {:?}", wanted.0, allowed.0, denied.0);
                "within"
            }
            Judgement::Beyond(breach) => {
                assert!(is_proof(&breach.kind), "{breach}: {:?} by {:?} without {:?}", wanted.0, allowed.0, denied.0);
                "beyond"
            }
            Judgement::Unknown(breach) => panic!("{breach}"),
        };
        *seen.entry(result).or_default() += 1;
    }
    println!("{seen:?}");
    assert!(seen["within"] > 500 && seen["beyond"] > 500, "{seen:?}");
}

#[test]
fn accepted_permissions_need_explicit_identity() {
    let mut dice = Dice::new(14);
    let patterns =
        ["*", "i*", "identity.*", "*.User.*", "identity.User.list", "identity*", "[!a]*.*.list", "inventory.*"];
    let requests = ["identity.User.list", "identity.Role.create", "identityx.User.list", "inventory.User.list"];
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..2000 {
        let mut some = || (0..=dice.below(3)).map(|_| (*dice.of(&patterns)).to_owned()).collect::<Vec<String>>();
        let (allowed, wanted) = (some(), some());
        let explicit: Vec<String> = allowed.iter().filter(|own| own.starts_with("identity.")).cloned().collect();
        let rule = rule_of(Some(allowed.clone()), None);
        let within = judge_access(&[rule], Enforcement::Enforce, "a", &Grants::Spaceone(&wanted));
        let is_permitted = |request: &&str| {
            let by = if request.starts_with("identity.") { &explicit } else { &allowed };
            spaceone::any_allows(by, request)
        };
        let escapes = requests.iter().filter(|it| spaceone::any_allows(&wanted, it)).any(|it| !is_permitted(it));
        let within = within == Judgement::Within;
        assert!(!(within && escapes), "{wanted:?} by {allowed:?}");
        accepted += usize::from(within);
        refused += usize::from(!within);
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}
