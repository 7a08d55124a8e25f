//! Roles that hold policies, and a second repository.

use cloud_policy_simulator::spaceone::{Options, RoleAccess, RolePolicy, Spaceone, StoredPolicy, StoredRole};
use serde_json::{Value, json};

use crate::client::spaceone;

#[tokio::test]
async fn role_keeps_a_deleted_policy_and_is_listed() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    let policies = vec![RolePolicy::managed("p"), RolePolicy::custom("q")];
    let id = server.add_role(StoredRole { name: "R".to_owned(), policies, ..StoredRole::default() });
    let old = StoredRole { is_old: true, policies: vec![RolePolicy::managed("p")], ..StoredRole::default() };
    server.add_role(StoredRole { name: "S".to_owned(), ..old });
    let list = |body: Value| {
        let mut body = body;
        body["domain_id"] = json!(server.domain_id());
        spaceone(&server, "POST", "/identity/v1/roles/search", &body)
    };
    assert_eq!(list(json!({})).json()["total_count"], 2);
    let found = list(json!({ "policy_id": "p" })).json();
    assert_eq!((&found["total_count"], &found["results"][0]["role_id"]), (&json!(1), &json!(id)));
    server.set_options(|switches| switches.roles = RoleAccess::Denied);
    assert_eq!(list(json!({})).json()["detail"]["code"], "ERROR_PERMISSION_DENIED");
    server.set_options(|switches| switches.roles = RoleAccess::Absent);
    assert_eq!(list(json!({})).status, 404);
}

#[tokio::test]
async fn marketplace_answers_unless_repository_is_named() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    server.add_marketplace_policy(StoredPolicy { policy_id: "p".to_owned(), ..StoredPolicy::default() });
    let get = |query: String| {
        let target = format!("/repository/v1/policies/p?domain_id={}{query}", server.domain_id());
        spaceone(&server, "GET", &target, &Value::Null)
    };
    assert_eq!(get(String::new()).json()["repository_info"]["repository_type"], "remote");
    let local = get(format!("&repository_id={}", server.repository_id()));
    assert_eq!(local.json()["detail"]["code"], "ERROR_NO_POLICY");
}
