//! The principals that a policy is attached to, and its tags.

use cloud_policy_simulator::Operation;
use serde_json::{Value, json};

use super::{account, created, get, policy};
use crate::client::ncloud;

#[tokio::test]
async fn attach_and_detach_return_a_result_per_policy() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    for (principals, kind) in [("sub-accounts", "SubAccount"), ("groups", "Group"), ("roles", "Role")] {
        let ask = |method: &str| {
            let body = json!({"policyIdList": [id, "unknown"]}).to_string();
            let answer = ncloud(&server, method, &format!("/api/v1/{principals}/principal-1/policies"), &body);
            assert_eq!(answer.status, 200);
            answer.json()
        };
        let missing = json!({"success": false, "id": "unknown", "message": "This policy isn't registered."});
        assert_eq!(ask("POST"), json!([{"success": true, "id": id}, missing]));
        let again = json!({"success": false, "id": id, "message": "The policy has already been registered."});
        assert_eq!(ask("POST"), json!([again, missing]));
        let nrn = format!("nrn:PUB:IAM::1234567:{kind}/principal-1");
        let resource =
            json!({"resourceType": kind, "resourceId": "principal-1", "resourceName": "principal-1", "nrn": nrn});
        assert_eq!(get(&server, &format!("/api/v1/policies/{id}/resources")).json(), json!([resource]));
        assert_eq!(ask("DELETE"), json!([{"success": true, "id": id}, missing]));
        assert_eq!(ask("DELETE")[0]["success"], json!(false));
        assert_eq!(get(&server, &format!("/api/v1/policies/{id}/resources")).json(), json!([]));
    }
    assert_eq!(server.journal().effects(Operation::Attach), 3);
    assert_eq!(server.journal().effects(Operation::Detach), 3);
}

#[tokio::test]
async fn attach_answers_401_30_for_unknown_principal() {
    let server = account(|switches| switches.principals = Some(vec!["known".to_owned()])).await;
    let body = json!({"policyIdList": []}).to_string();
    let answer = ncloud(&server, "POST", "/api/v1/sub-accounts/unknown/policies", &body);
    assert_eq!((answer.status, answer.json()["errorCode"].clone()), (401, json!(30)));
    assert_eq!(ncloud(&server, "POST", "/api/v1/sub-accounts/known/policies", &body).status, 200);
}

#[tokio::test]
async fn tag_path_reads_adds_changes_and_removes_tags() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    body["tags"] = json!({"a": "1"});
    let id = created(&server, &body);
    let target = format!("/api/v1/policies/{id}/tags");
    let tag =
        |key: &str, value: &str| json!({"tagKey": key, "tagValue": value, "tagDisplay": format!("{key}:{value}")});
    let change = |method: &str, body: Value| ncloud(&server, method, &target, &body.to_string());
    assert_eq!(get(&server, &target).json(), json!([tag("a", "1")]));
    assert_eq!(change("POST", json!({"tagKey": "b", "tagValue": "2"})).json()["success"], true);
    assert_eq!(change("POST", json!({"tagKey": "a", "tagValue": "3"})).status, 200);
    assert_eq!(get(&server, &target).json(), json!([tag("a", "3"), tag("b", "2")]));
    assert_eq!(change("DELETE", json!({"tagKey": "a", "tagValue": "3"})).json()["success"], true);
    assert_eq!(change("DELETE", json!({"tagKey": "a", "tagValue": "3"})).json()["success"], false);
    assert_eq!(get(&server, &target).json(), json!([tag("b", "2")]));
    let operations: Vec<_> = server.journal().writes().into_iter().map(|entry| entry.operation).collect();
    let expected = [Operation::Create, Operation::TagsAdd, Operation::TagsAdd, Operation::TagsRemove];
    assert_eq!(operations, expected);
}

#[tokio::test]
async fn tag_limits_are_enforced() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let target = format!("/api/v1/policies/{id}/tags");
    let add = |key: &str, value: &str| {
        ncloud(&server, "POST", &target, &json!({"tagKey": key, "tagValue": value}).to_string()).status
    };
    assert_eq!([add("", "v"), add("k", ""), add(&"k".repeat(129), "v"), add("k", &"v".repeat(257))], [400; 4]);
    assert_eq!([add(&"k".repeat(128), "v"), add("k", &"v".repeat(256))], [200; 2]);
    for number in 2..20 {
        assert_eq!(add(&format!("key-{number}"), "v"), 200);
    }
    assert_eq!([add("one-too-many", "v"), add("k", "changed")], [409, 200]);
    assert_eq!(get(&server, "/api/v1/policies/unknown/tags").status, 404);
}
