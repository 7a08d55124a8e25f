//! The answers and effects of create, get, edit, delete and validate.

use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::{PolicyType, PrincipalType};
use serde_json::{Value, json};

use super::{account, create, created, error_code, get, permissions, policy};
use crate::client::ncloud;

#[tokio::test]
async fn create_returns_policy_and_validation_result() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    body["description"] = json!("who may read");
    body["tags"] = json!({"team": "a"});
    let answer = create(&server, &body).json();
    let id = answer["policyId"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    let expected = json!({
        "policyId": id, "policyName": "readers", "description": "who may read", "tags": {"team": "a"},
        "validationResult": {"success": true, "details": []},
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn get_returns_permissions_only_on_request() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    body["description"] = json!("d");
    body["permissions"][0]["condition"] = json!({"StringEquals": {"ncp:principalName": ["kim"]}});
    body["permissions"].as_array_mut().unwrap().push(permissions()[0].clone());
    let id = created(&server, &body);
    let target = format!("/api/v1/policies/{id}");
    let bare = json!({
        "policyId": id, "policyName": "readers", "policyType": "USER_CREATED", "policyDesc": "d",
        "nrn": format!("nrn:PUB:IAM::1234567:Policy/{id}"),
    });
    assert_eq!(get(&server, &target).json(), bare);
    assert_eq!(get(&server, &format!("{target}?withPermissions=false")).json(), bare);
    let whole = get(&server, &format!("{target}?withPermissions=true")).json();
    assert_eq!(whole["permissions"][0]["condition"], json!({"StringEquals": {"ncp:principalName": ["kim"]}}));
    assert_eq!(whole["permissions"][1].get("condition"), None);
    assert_eq!(whole["permissions"][1]["targets"][0]["resourceNrns"], json!(["nrn:*:Server:*::*"]));
}

#[tokio::test]
async fn edit_replaces_permissions_and_keeps_name_and_tags() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    body["description"] = json!("d");
    body["tags"] = json!({"team": "a"});
    let id = created(&server, &body);
    let target = json!({"product": "NAS", "actions": ["Change*"], "resourceNrns": ["nrn:PUB:NAS:KR:1:Volume/1"]});
    let change = json!({
        "policyName": "writers", "tags": {"team": "b"},
        "permissions": [{"effect": "Deny", "targets": [target]}],
    });
    let answer = ncloud(&server, "PUT", &format!("/api/v1/policies/{id}"), &change.to_string());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["policyName"], "readers");
    assert_eq!(answer.json().get("description"), None);
    let stored = &server.policies()[0];
    assert_eq!((stored.policy_name.as_str(), stored.tags["team"].as_str()), ("readers", "a"));
    assert_eq!(stored.description, None, "an omitted description is cleared");
    assert_eq!(stored.permissions.len(), 1);
    assert_eq!(stored.permissions[0].targets[0].actions, ["Change*"]);
}

#[tokio::test]
async fn delete_answers_200_then_404() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let target = format!("/api/v1/policies/{id}");
    let answer = ncloud(&server, "DELETE", &target, "");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    for method in ["DELETE", "GET", "PUT"] {
        let answer = ncloud(&server, method, &target, &policy("x").to_string());
        assert_eq!(error_code(&answer), (404, json!(404)), "{method}");
    }
    assert!(server.policies().is_empty());
}

#[tokio::test]
async fn delete_many_deletes_all_or_none() {
    let server = account(|_| {}).await;
    let ids: Vec<String> = ["one", "two", "three"].iter().map(|name| created(&server, &policy(name))).collect();
    let delete = |body: Value| ncloud(&server, "DELETE", "/api/v1/policies", &body.to_string());
    assert_eq!(delete(json!([ids[0], "unknown"])).status, 404);
    assert_eq!(delete(json!({"policyId": [ids[0]]})).status, 400);
    assert_eq!(server.policies().len(), 3);
    let answer = delete(json!([ids[0], ids[1]]));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!([{"success": true, "id": ids[0]}, {"success": true, "id": ids[1]}]));
    assert_eq!(server.policies()[0].policy_id, ids[2]);
    assert_eq!(server.journal().effects(Operation::Delete), 1);
}

#[tokio::test]
async fn delete_fails_when_policy_is_attached() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let assignee = cloud_policy_simulator::ncloud::Assignee {
        resource_type: PrincipalType::Group,
        resource_id: "g".to_owned(),
        resource_name: "G".to_owned(),
    };
    assert!(server.assign(&id, assignee));
    let target = format!("/api/v1/policies/{id}");
    assert_eq!(ncloud(&server, "DELETE", &target, "").status, 409);
    assert_eq!(ncloud(&server, "DELETE", "/api/v1/policies", &json!([id]).to_string()).status, 409);
    assert!(server.unassign(&id));
    assert_eq!(ncloud(&server, "DELETE", &target, "").status, 200);
}

#[tokio::test]
async fn system_policy_is_read_only() {
    let server = account(|_| {}).await;
    let listed = get(&server, "/api/v1/policies?type=SYSTEM_MANAGED").json();
    let id = listed["items"][0]["policyId"].as_str().unwrap().to_owned();
    assert_eq!(listed["items"][0]["policyName"], "NCP_ADMINISTRATOR");
    assert_eq!(listed["items"][0]["nrn"], json!(format!("nrn:PUB:IAM:::Policy/{id}")));
    let target = format!("/api/v1/policies/{id}");
    assert_eq!(get(&server, &target).json()["policyType"], json!(PolicyType::SystemManaged));
    for method in ["PUT", "DELETE"] {
        assert_eq!(ncloud(&server, method, &target, &policy("x").to_string()).status, 403, "{method}");
    }
}

#[tokio::test]
async fn validate_returns_findings_and_stores_nothing() {
    let server = account(|_| {}).await;
    let validate = |body: &Value| ncloud(&server, "POST", "/api/v1/policy/validation", &body.to_string());
    assert_eq!(validate(&policy("readers")).json(), json!({"success": true, "details": []}));
    let mut body = policy("readers");
    body["permissions"][0]["targets"][0]["product"] = json!("Nope");
    let answer = validate(&body);
    assert_eq!((answer.status, &answer.json()["success"]), (200, &json!(false)));
    assert_eq!(answer.json()["details"][0]["code"], "iam.policy.invalidProduct");
    assert!(server.policies().is_empty());
    assert!(server.journal().writes().is_empty());
    assert_eq!(server.journal().count(Operation::Validate), 2);
}

#[tokio::test]
async fn malformed_body_is_400_100() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let trailing_comma = r#"{"policyName":"abc","permissions":[],}"#;
    let wrong_type = r#"{"policyName":"abc","permissions":"all"}"#;
    for body in ["", "{", "[]", trailing_comma, wrong_type, r#"{"policyName":7,"permissions":[]}"#] {
        assert_eq!(error_code(&ncloud(&server, "POST", "/api/v1/policies", body)), (400, json!("100")), "{body}");
        assert_eq!(ncloud(&server, "PUT", &format!("/api/v1/policies/{id}"), body).status, 400, "{body}");
    }
    assert_eq!(server.journal().writes().len(), 1);
}
