//! Generated policies against generated tricks: the state of the upstreams is judged by a matcher of its own, which knows
//! nothing of the algebra.

use super::{bound, message};
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::Policy;
use cloud_policy_simulator::ncloud::Permission;
use cloud_policy_simulator::{Journal, Operation};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const STORIES: usize = 100;

/// Actions of the two bounds, and tricks to get around them.
const ACTIONS: [&str; 14] = [
    "View*",
    "View/*",
    "View/getServerInstanceList",
    "View/get*",
    "View/*Password",
    "View/getRootPassword",
    "View/**",
    "*",
    "Change*",
    "Change/startServerInstances",
    "Change/start*",
    "Change/**",
    "Change/stopServerInstances",
    "Change/*Instances",
];
const PRODUCTS: [&str; 4] = ["Server", "Server", "Server", "IAM"];
const NRNS: [&str; 5] =
    ["*", "nrn:PUB:Server:KR:1:Server/1", "nrn:PUB:Server:KR:*:*", "nrn:*:Server:*:*:*", "nrn:FIN:Server:KR:1:*"];

const PERMISSIONS: [&str; 12] = [
    "inventory.*",
    "inventory.Server.*",
    "inventory.Server.delete",
    "inventory*",
    "inventory.Server.[!d]*",
    "inventory.S*.[gl]*",
    "inventory.Server.l?st",
    "i*",
    "*",
    "identity.User.list",
    "[h-j]nventory.Server.get",
    "**.Server.list",
];

/// Requests that no policy may allow: the product, the action, the resource.
const FORBIDDEN: [(&str, &str, &str); 6] = [
    ("Server", "View/getRootPassword", "nrn:PUB:Server:KR:1:Server/1"),
    ("Server", "View/anyPassword", "nrn:PUB:Server:KR:1:Server/2"),
    ("Server", "Change/stopServerInstances", "nrn:PUB:Server:KR:1:Server/1"),
    ("Server", "View/getServerInstanceList", "nrn:FIN:Server:KR:1:Server/1"),
    ("Server", "Change/xInstances", "nrn:PUB:Server:KR:1:Server/1"),
    ("IAM", "View/getPolicy", "nrn:PUB:IAM::1:Policy/1"),
];

const FORBIDDEN_PERMISSIONS: [&str; 5] = [
    "inventory.Server.delete",
    "inventory_v2.Server.list",
    "identity.User.list",
    "identity.Role.create",
    "repository.Policy.update",
];

fn ncloud_bound() -> Value {
    json!([
        { "allow": [{ "product": "Server", "actions": ["View*"], "resourceNrns": ["nrn:PUB:Server:KR:*:*"] }] },
        {
            "allow": [{ "product": "*", "actions": ["Change/start*"], "resourceNrns": ["nrn:PUB:Server:KR:*:*"] }],
            "deny": [{ "product": "Server", "actions": ["View/*Password"] }],
        },
    ])
}

fn spaceone_bound() -> Value {
    json!([{ "allow": [{ "permissions": ["inventory.*"] }], "deny": [{ "permissions": ["*.delete"] }] }])
}

/// Choices, the same ones in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn some(&mut self, all: &[&str]) -> Vec<String> {
        (0..=self.below(3)).map(|_| all[self.below(all.len())].to_owned()).collect()
    }

    fn permission(&mut self) -> Value {
        let product = PRODUCTS[self.below(PRODUCTS.len())];
        let effect = if self.below(4) == 0 { "Deny" } else { "Allow" };
        let (actions, nrns) = (self.some(&ACTIONS), self.some(&NRNS));
        json!({ "effect": effect, "targets": [{ "product": product, "actions": actions, "resourceNrns": nrns }] })
    }
}

/// Matches letter by letter: `*` is any text.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| like(rest, &text[skipped..])),
        ([own, pattern @ ..], [letter, text @ ..]) => own == letter && like(pattern, text),
        (_, []) => false,
    }
}

fn allows(policy: &[Permission], request: (&str, &str, &str)) -> bool {
    let any = |patterns: &[String], text: &str| patterns.iter().any(|own| like(own.as_bytes(), text.as_bytes()));
    let applies = |permission: &&Permission| {
        permission.targets.iter().any(|target| {
            target.product == request.0 && any(&target.actions, request.1) && any(&target.resource_nrns, request.2)
        })
    };
    let effects: Vec<&str> = policy.iter().filter(applies).map(|permission| permission.effect.as_str()).collect();
    effects.contains(&"Allow") && !effects.contains(&"Deny")
}

/// Returns whether a regular expression with the meaning of the pattern of `fnmatch` matches.
fn permits(permission: &str, request: &str) -> bool {
    let mut pattern = String::from("^");
    for letter in permission.chars() {
        match letter {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '!' => pattern.push('^'),
            '[' | ']' | '-' => pattern.push(letter),
            other => pattern.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex::Regex::new(&(pattern + "$")).unwrap().is_match(request)
}

/// Applies the stories, and returns how many ended with each reason.
async fn tell(env: &TestEnv, stories: &[Value]) -> BTreeMap<String, usize> {
    for story in stories {
        env.apply(story.clone()).await;
    }
    let mut seen = BTreeMap::new();
    for story in stories {
        let name = story["metadata"]["name"].as_str().unwrap();
        let ended = |object: &Policy| {
            let reason = condition(&common(object), "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
            anyhow::ensure!(["UpToDate", "GuardrailDenied", "ValidationFailed"].contains(&reason.as_str()), "{reason}");
            Ok(())
        };
        let object: Policy = env.until(name, "judged", ended).await;
        let reason = condition(&common(&object), "Ready").unwrap().reason.clone();
        if reason == "GuardrailDenied" {
            let told = message(&object);
            assert!(
                told.contains("beyond the guardrails of Connection") && told.contains("spec.guardrails["),
                "{told}"
            );
        }
        *seen.entry(reason).or_default() += 1;
    }
    seen
}

/// Returns how often the journal has a write that left something.
fn creates(journal: &Journal) -> usize {
    journal.effects(Operation::Create)
}

#[tokio::test]
async fn no_generated_policy_is_written_beyond_the_bound() {
    let env = TestEnv::new("guard-generated").await;
    env.ncloud.set_options(|options| options.switches.deny = true);
    bound(&env, "ncloud", ncloud_bound()).await;
    let mut dice = Dice(7);
    let stories: Vec<Value> = (0..STORIES)
        .map(|n| {
            let mut story = ncloud_policy(&format!("story-{n}"));
            let permissions: Vec<Value> = (0..=dice.below(2)).map(|_| dice.permission()).collect();
            story["spec"]["ncloud"]["permissions"] = json!(permissions);
            story
        })
        .collect();
    let seen = tell(&env, &stories).await;
    println!("{seen:?}");
    assert!(seen["UpToDate"] >= 10 && seen["GuardrailDenied"] >= 40, "{seen:?}");
    let policies = env.ncloud.policies();
    assert_eq!(policies.len(), creates(env.ncloud.journal()));
    for policy in &policies {
        for request in FORBIDDEN {
            assert!(!allows(&policy.permissions, request), "{request:?}: {:?}", policy.permissions);
        }
    }
    assert_eq!(env.ncloud.journal().effects(Operation::Update), 0);
}

#[tokio::test]
async fn no_generated_permissions_are_written_beyond_the_bound() {
    let env = TestEnv::new("guard-permissions").await;
    bound(&env, "spaceone", spaceone_bound()).await;
    let mut dice = Dice(8);
    let stories: Vec<Value> = (0..STORIES)
        .map(|n| {
            let mut story = spaceone_policy(&format!("story-{n}"));
            story["spec"]["spaceone"]["permissions"] = json!(dice.some(&PERMISSIONS));
            story
        })
        .collect();
    let seen = tell(&env, &stories).await;
    println!("{seen:?}");
    assert!(seen["UpToDate"] >= 10 && seen["GuardrailDenied"] >= 40, "{seen:?}");
    let policies = env.spaceone.policies();
    assert_eq!(policies.len(), creates(env.spaceone.journal()));
    for policy in &policies {
        for request in FORBIDDEN_PERMISSIONS {
            let permitted = policy.permissions.iter().any(|permission| permits(permission, request));
            assert!(!permitted, "{request}: {:?}", policy.permissions);
        }
    }
}
