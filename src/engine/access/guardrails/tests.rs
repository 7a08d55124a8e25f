//! Cases by hand. The random ones are in [`super::fuzz`].

use super::{Candidate, Grants, Judgement, judge};
use crate::api::guardrails::{Enforcement, Guardrail};
use crate::api::policy::NcloudPermission;
use crate::engine::access::ncloud::tests as ncloud_tests;
use crate::engine::access::step_limit::STEPS;
use serde_json::{Value, json};

fn rules(rules: &Value) -> Vec<Guardrail> {
    serde_json::from_value(rules.clone()).unwrap()
}

fn ncloud(permissions: &Value) -> Grants<'static> {
    let all: Vec<NcloudPermission> = serde_json::from_value(permissions.clone()).unwrap();
    Grants::Ncloud(ncloud_tests::permissions(all.leak()))
}

fn allow(product: &str, actions: &[&str]) -> Value {
    json!({"effect": "Allow", "targets": [{"product": product, "actions": actions, "resourceNrns": ["*"]}]})
}

fn judged(bound: &Value, grants: &Grants<'_>) -> Judgement {
    let candidate = Candidate { namespace: "team-a", name: "team-a-viewer", older: 1, grants };
    judge(&rules(bound), Enforcement::Enforce, &candidate)
}

/// Returns the message of what is beyond the bound; empty if it is within.
fn told(bound: &Value, grants: &Grants<'_>) -> String {
    judged(bound, grants).breach().map(ToString::to_string).unwrap_or_default()
}

fn view() -> Grants<'static> {
    ncloud(&json!([allow("Server", &["View*"])]))
}

#[test]
fn no_rules_are_no_bound() {
    assert_eq!(judged(&json!([]), &ncloud(&json!([allow("IAM", &["*"])]))), Judgement::Within);
    assert_eq!(judged(&json!([{"enforcement": "Warn", "maxPolicies": 0}]), &view()), Judgement::Within);
}

#[test]
fn rules_allow_together_and_deny_always_wins() {
    let two = json!([
        {"allow": [{"product": "Server", "actions": ["View*"]}]},
        {"allow": [{"product": "*", "actions": ["Change/start*"]}], "deny": [{"product": "Server", "actions": ["*Secret"]}]},
    ]);
    assert_eq!(told(&two, &ncloud(&json!([allow("Server", &["View/get*List", "Change/startX"])]))), "");
    assert_eq!(
        told(&two, &ncloud(&json!([allow("Server", &["Change*"])]))),
        "spec.guardrails[1] denies this request: Server Change*Secret on nrn:PUB:Server:KR:x:x".replace('*', "x"),
    );
    assert_eq!(
        told(&two, &ncloud(&json!([allow("Server", &["Change/stop*"])]))),
        "spec.guardrails[1] denies this request: Server Change/stopxSecret on nrn:PUB:Server:KR:x:x",
    );
    let without = ncloud(&json!([
        allow("Server", &["View*"]),
        {"effect": "Deny", "targets": [{"product": "Server", "actions": ["*Secret"], "resourceNrns": ["*"]}]},
    ]));
    assert_eq!(told(&two, &without), "", "the spec denies the same");
}

#[test]
fn privileged_products_need_an_explicit_statement() {
    let iam = ncloud(&json!([allow("IAM", &["View*"])]));
    let told = |bound: Value, grants: &Grants| told(&bound, grants);
    for open in [json!([{}]), json!([{"allow": [{"product": "*", "actions": ["*"]}]}])] {
        assert!(told(open.clone(), &iam).starts_with("spec.guardrails[0] does not allow IAM explicitly"), "{open}");
        assert_eq!(told(open.clone(), &view()), "");
        for product in ["iam", "Sso", "ORGANIZATION"] {
            assert_ne!(told(open.clone(), &ncloud(&json!([allow(product, &["View*"])]))), "", "{product}");
        }
    }
    assert_eq!(told(json!([{"allow": [{"product": "IAM", "actions": ["View*"]}]}]), &iam), "");
    assert_ne!(told(json!([{"deny": [{"product": "server", "actions": ["*"]}]}]), &view()), "", "whatever the case");
}

#[test]
fn identity_of_spaceone_needs_an_explicit_statement() {
    let wanted = |permission: &str| Grants::Spaceone(vec![permission.to_owned()].leak());
    let open = json!([{"allow": [{"permissions": ["*"]}]}]);
    for pattern in ["*", "identity.*", "i*", "[h-j]dentity.User.list", "*.Role.create"] {
        assert!(told(&open, &wanted(pattern)).contains("does not allow identity explicitly"), "{pattern}");
        let explicit = json!([{"allow": [{"permissions": ["*", "identity.*"]}]}]);
        assert_eq!(told(&explicit, &wanted(pattern)), "");
    }
    assert_eq!(told(&open, &wanted("inventory.*")), "");
    assert_eq!(told(&open, &wanted("identity_x.*")), "", "another service");
}

#[test]
fn namespace_without_a_rule_may_grant_nothing() {
    let other = json!([{"namespaces": {"names": ["team-b"]}}]);
    assert_eq!(told(&other, &view()), "no rule of spec.guardrails applies to namespace team-a");
    let misspelt = json!([{"namespaces": {"names": ["team"]}}, {"namespaces": {"names": ["team-a"]}}]);
    assert_eq!(told(&misspelt, &view()), "");
    assert_eq!(told(&json!([{"allow": []}]), &Grants::Nothing), "", "no access is within every bound");
    assert!(told(&json!([{"allow": []}]), &view()).contains("does not allow this request: Server View"));
}

#[test]
fn name_and_number_are_limited_for_every_kind() {
    for grants in [Grants::Nothing, view()] {
        let told = |bound: Value| told(&bound, &grants);
        assert_eq!(told(json!([{"namePrefix": "team-a-", "maxPolicies": 2}])), "");
        assert_eq!(
            told(json!([{"namePrefix": "team-b-"}])),
            "spec.guardrails[0] requires names that begin with team-b-, not team-a-viewer"
        );
        assert_eq!(told(json!([{}, {"maxPolicies": 1}])), "spec.guardrails[1] permits 1 objects in the namespace");
        assert_ne!(told(json!([{"maxPolicies": 0}])), "");
    }
}

#[test]
fn required_condition_must_need_its_key() {
    let bound = json!([{"requireConditions": ["k"]}]);
    let when = |condition: Value| {
        let mut permission = allow("Server", &["View*"]);
        permission["condition"] = condition;
        ncloud(&json!([permission]))
    };
    assert!(told(&bound, &view()).starts_with("spec.guardrails[0] requires a condition on k for this request: Server"));
    assert_eq!(told(&bound, &when(json!({"StringEquals": {"k": ["a"]}}))), "");
    assert_eq!(told(&bound, &when(json!({"StringLike": {"k": ["a*"]}}))), "");
    for vacuous in [
        json!({"StringEquals": {"l": ["a"]}}),
        json!({"StringNotEquals": {"k": ["a"]}}),
        json!({"StringEqualsIfExists": {"k": ["a"]}}),
        json!({"Null": {"k": ["true"]}}),
        json!({"StringLike": {"k": ["a", "**"]}}),
    ] {
        assert_ne!(told(&bound, &when(vacuous.clone())), "", "{vacuous}");
    }
}

#[test]
fn tricks_with_patterns_do_not_lift_the_bound() {
    let bound = json!([{"allow": [{"product": "Server", "actions": ["View*"]}], "deny": [{"product": "Server", "actions": ["View/getPassword"]}]}]);
    for actions in [&["**"][..], &["V*"], &["View*"], &["View/get*word"], &["*getPassword"], &["View/x", "*"]] {
        assert!(
            matches!(judged(&bound, &ncloud(&json!([allow("Server", actions)]))), Judgement::Beyond(_)),
            "{actions:?}"
        );
    }
    for odd in [allow("*", &["View/x"]), allow("Ser*", &["View/x"]), allow("Server", &["View/?"])] {
        assert!(matches!(judged(&bound, &ncloud(&json!([odd]))), Judgement::Unknown(_)), "{odd}");
    }
    let half_denied = ncloud(&json!([
        allow("Server", &["View*"]),
        {"effect": "Deny", "targets": [{"product": "Server", "actions": ["View/getPassword"], "resourceNrns": ["nrn:PUB:Server:KR:1:a"]}]},
    ]));
    assert!(matches!(judged(&bound, &half_denied), Judgement::Beyond(_)), "denied on one resource only");
}

#[test]
fn rules_that_warn_are_a_bound_of_their_own() {
    let both = json!([
        {"allow": [{"product": "Server", "actions": ["View*"]}]},
        {"allow": [{"product": "Server", "actions": ["*"]}], "namePrefix": "x", "enforcement": "Warn"},
    ]);
    let wider = ncloud(&json!([allow("Server", &["Change*"])]));
    assert_ne!(told(&both, &wider), "", "a rule that warns widens nothing");
    let candidate = Candidate { namespace: "team-a", name: "viewer", older: 0, grants: &view() };
    let warned = judge(&rules(&both), Enforcement::Warn, &candidate);
    assert_eq!(warned.breach().unwrap().to_string(), "spec.guardrails[1] requires names that begin with x, not viewer");
}

#[test]
fn hostile_policy_is_judged_in_bounded_steps() {
    let actions: Vec<String> = (0..4000).map(|i| format!("*a{i}*b*{}", "c*".repeat(60))).collect();
    let targets: Vec<Value> =
        (0..20).map(|_| json!({"product": "Server", "actions": actions, "resourceNrns": ["*"]})).collect();
    let hostile = ncloud(&json!([{"effect": "Allow", "targets": targets}]));
    let denied: Vec<String> = (0..100).map(|i| format!("d{i}*e")).collect();
    let statement = json!({"product": "Server", "actions": denied});
    let bound = json!([{"deny": vec![statement; 50]}]);
    assert!(matches!(judged(&bound, &hostile), Judgement::Unknown(_)), "within {STEPS} steps");
}
