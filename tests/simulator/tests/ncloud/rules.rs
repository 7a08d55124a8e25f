//! The server's validation, and the limits of an account.

use cloud_policy_simulator::ncloud::{Ncloud, NewPolicy};
use serde_json::{Value, json};

use super::{account, create, created, error_code, permissions, policy};
use crate::client::ncloud;

/// Returns the codes and locations of the findings about a policy.
fn findings(server: &Ncloud, body: &Value) -> Vec<(String, String)> {
    let answer = create(server, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let result = answer.json()["validationResult"].clone();
    let details = result["details"].as_array().unwrap().clone();
    assert_eq!(result["success"], json!(details.is_empty()), "{result}");
    assert_eq!(answer.json().get("policyId").is_some(), details.is_empty(), "an id only for what was stored");
    assert!(details.iter().all(|detail| detail["type"] == "ERROR" && detail["message"].is_string()));
    let text = |detail: &Value, field: &str| detail[field].as_str().unwrap().to_owned();
    details.iter().map(|detail| (text(detail, "code"), text(detail, "location"))).collect()
}

/// Returns the valid policy with one value replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = policy("readers");
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test]
async fn validation_finding_has_code_and_location() {
    let server = account(|_| {}).await;
    let target = "permissions[0].targets[0]";
    for (body, code, location) in [
        (
            with("/permissions/0/targets/0/product", json!("Nope")),
            "iam.policy.invalidProduct",
            format!("{target}.product"),
        ),
        (with("/permissions/0/targets/0/actions", json!([])), "sim.required", format!("{target}.actions")),
        (with("/permissions/0/targets/0/actions", json!(["*", "Look"])), "sim.action", format!("{target}.actions[1]")),
        (with("/permissions/0/targets/0/actions", json!(["View/"])), "sim.action", format!("{target}.actions[0]")),
        (with("/permissions/0/targets/0/resourceNrns", json!([])), "sim.required", format!("{target}.resourceNrns")),
        (with("/permissions/0/targets/0/resourceNrns", json!(["x"])), "sim.nrn", format!("{target}.resourceNrns[0]")),
        (with("/permissions/0/targets", json!([])), "sim.targets", "permissions[0].targets".to_owned()),
        (with("/permissions/0/effect", json!("Perhaps")), "sim.effect", "permissions[0].effect".to_owned()),
        (with("/permissions", json!([])), "sim.permissions", "permissions".to_owned()),
        (with("/policyName", json!("ab")), "sim.policyName", "policyName".to_owned()),
    ] {
        assert_eq!(findings(&server, &body), [(code.to_owned(), location)], "{body}");
    }
    let mut body = policy("readers");
    body["permissions"][0]["condition"] = json!({"Bogus": {"ncp:principalName": ["x"]}});
    let found = findings(&server, &body);
    assert_eq!(found[0], ("iam.policy.invalidConditionSyntax".to_owned(), "permissions[0].condition.Bogus".to_owned()));
    assert!(server.policies().is_empty() && server.journal().writes().is_empty());
}

#[tokio::test]
async fn validation_accepts_documented_actions_and_operators() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    let actions = ["View*", "Change*", "*", "View/getAPIDetail", "Change/createServerInstances"];
    body["permissions"][0]["targets"][0]["actions"] = json!(actions);
    body["permissions"][0]["effect"] = json!("Deny");
    body["permissions"][0]["condition"] =
        json!({"StringEquals": {"ncp:principalName": ["x"]}, "StringNotLikeIfExists": {"ncp:resourceTag/a": ["b*"]}});
    assert_eq!(findings(&server, &body), []);
}

#[tokio::test]
async fn validation_checks_length_and_letters_of_name() {
    let server = account(|_| {}).await;
    for good in ["abc", "정책이름", "ポリシー", "a.b_c-9", &"n".repeat(30), &"정".repeat(30)] {
        assert_eq!(findings(&server, &policy(good)), [], "{good}");
    }
    for bad in ["", "ab", "1abc", "-abc", ".abc", "a b c", "abc!", "naïve", &"n".repeat(31)] {
        assert_eq!(findings(&server, &policy(bad)).len(), 1, "{bad}");
    }
    assert_eq!(findings(&server, &json!({"permissions": permissions()})).len(), 1, "no name at all");
}

#[tokio::test]
async fn validation_measures_description_in_bytes() {
    let server = account(|_| {}).await;
    let described = |text: &str| json!({"policyName": "readers", "description": text, "permissions": permissions()});
    assert_eq!(findings(&server, &described(&"정".repeat(101)))[0].0, "sim.description");
    assert_eq!(findings(&server, &described(&"d".repeat(301)))[0].0, "sim.description");
    assert_eq!(findings(&server, &described(&"정".repeat(100))), []);
}

#[tokio::test]
async fn validation_accepts_at_most_twenty_tags() {
    let server = account(|_| {}).await;
    let tagged = |count: usize| {
        let mut body = policy("readers");
        body["tags"] = (0..count).map(|n| (format!("key-{n}"), json!("v"))).collect();
        body
    };
    assert_eq!(findings(&server, &tagged(21))[0].0, "sim.tags");
    assert_eq!(findings(&server, &tagged(20)), []);
}

#[tokio::test]
async fn edit_is_validated_like_create() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let before = server.policies();
    let body = with("/permissions/0/targets/0/product", json!("Nope"));
    let answer = ncloud(&server, "PUT", &format!("/api/v1/policies/{id}"), &body.to_string());
    assert_eq!((answer.status, &answer.json()["validationResult"]["success"]), (200, &json!(false)));
    assert_eq!(server.policies(), before);
    assert_eq!(server.journal().writes().len(), 1);
}

#[tokio::test]
async fn create_rejects_duplicate_name() {
    let server = account(|_| {}).await;
    created(&server, &policy("readers"));
    assert_eq!(create(&server, &policy("readers")).status, 409);
    assert_eq!(server.policies().len(), 1);
    created(&server, &policy("Readers"));
}

#[tokio::test]
async fn create_answers_409_9012_for_501st_policy() {
    let server = account(|_| {}).await;
    for number in 0..500 {
        server.add_policy(NewPolicy { policy_name: format!("policy-{number}"), ..NewPolicy::default() });
    }
    let answer = create(&server, &policy("readers"));
    assert_eq!(error_code(&answer), (409, json!(9012)));
    let id = server.policies()[0].policy_id.clone();
    assert!(server.remove_policy(&id));
    created(&server, &policy("readers"));
}
