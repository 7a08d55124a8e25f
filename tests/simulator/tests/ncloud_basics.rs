//! NAVER Cloud: the life of a policy.

use cloud_policy_simulator::Operation;
use cloud_policy_simulator::ncloud::{Ncloud, Options};
use serde_json::json;

use crate::client::ncloud;

#[tokio::test]
async fn a_policy_lives_from_create_to_delete() {
    let server = Ncloud::start(Options::default()).await.unwrap();
    let target = json!({"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]});
    let permissions = json!([{"effect": "Allow", "targets": [target]}]);
    let body = json!({"policyName": "readers", "description": "d", "permissions": permissions, "tags": {"team": "a"}});

    let created = ncloud(&server, "POST", "/api/v1/policies", &body.to_string());
    assert_eq!(created.status, 200, "{}", created.text());
    let id = created.json()["policyId"].as_str().unwrap().to_owned();
    assert_eq!(created.json()["description"], "d");
    assert_eq!(created.json()["validationResult"], json!({"success": true, "details": []}));

    let got = ncloud(&server, "GET", &format!("/api/v1/policies/{id}?withPermissions=true"), "").json();
    assert_eq!(got["policyDesc"], "d");
    assert_eq!(got["permissions"][0]["targets"][0]["resourceNrns"], json!(["nrn:*:Server:*::*"]));

    let listed = ncloud(&server, "GET", "/api/v1/policies?type=USER_CREATED", "").json();
    assert_eq!((listed["totalItems"].as_u64(), listed["items"][0]["policyId"].as_str()), (Some(1), Some(id.as_str())));

    let body = json!({"permissions": permissions, "policyName": "other-name"}).to_string();
    let edited = ncloud(&server, "PUT", &format!("/api/v1/policies/{id}"), &body).json();
    assert_eq!(edited["policyName"], "readers", "the name of an edit is ignored");
    assert_eq!(server.policies()[0].description, None, "an omitted description is cleared");
    assert_eq!(server.policies()[0].tags["team"], "a", "an edit leaves tags alone");

    assert_eq!(ncloud(&server, "DELETE", &format!("/api/v1/policies/{id}"), "").status, 200);
    assert_eq!(ncloud(&server, "GET", &format!("/api/v1/policies/{id}"), "").status, 404);
    assert!(server.policies().is_empty());
    let writes: Vec<_> = server.journal().writes().into_iter().map(|entry| entry.operation).collect();
    assert_eq!(writes, [Operation::Create, Operation::Update, Operation::Delete]);
    assert!(server.journal().writes().iter().all(|entry| entry.object_id.as_deref() == Some(&id)));
}
