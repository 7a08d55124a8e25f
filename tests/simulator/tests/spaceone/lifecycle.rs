//! SpaceONE: create, get, update, list and delete of a policy and of a network policy.

use cloud_policy_simulator::spaceone::{Era, Options, Spaceone};
use serde_json::{Value, json};

use crate::client::spaceone;

#[tokio::test]
async fn policy_lifecycle_works_under_restful_paths() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    let body = json!({"policy_id": "p-1", "name": "P", "permissions": ["a.b"], "tags": {"n": 1}});
    let created = spaceone(&server, "POST", "/repository/v1/policies", &body);
    assert_eq!(created.status, 200, "{}", created.text());
    assert_eq!(created.json()["tags"], json!({"n": 1.0}));
    assert_eq!(created.json()["domain_id"], json!(server.domain_id()));

    let query = format!("domain_id={}", server.domain_id());
    let got = spaceone(&server, "GET", &format!("/repository/v1/policies/p-1?{query}"), &Value::Null);
    assert_eq!(got.json()["name"], "P");

    let change = json!({"name": "Q", "permissions": []});
    let updated = spaceone(&server, "PUT", "/repository/v1/policy/p-1", &change).json();
    assert_eq!((&updated["name"], &updated["permissions"]), (&json!("Q"), &json!(["a.b"])));

    let listing = format!("/repository/v1/policies?repository_id={}&{query}", server.repository_id());
    assert_eq!(spaceone(&server, "GET", &listing, &Value::Null).json()["total_count"], 1);
    assert_eq!(spaceone(&server, "DELETE", "/repository/v1/policy/p-1", &Value::Null).json(), json!({}));
    assert_eq!(spaceone(&server, "GET", &listing, &Value::Null).json(), json!({}));
    assert_eq!(server.journal().writes().len(), 3);
}

#[tokio::test]
async fn policy_lifecycle_works_under_verb_and_console_paths() {
    let server = Spaceone::start(Options { era: Era::Verb, ..Options::default() }).await.unwrap();
    for base in ["/repository/v1/policy", "/repository/policy"] {
        let post = |verb: &str, body: Value| spaceone(&server, "POST", &format!("{base}/{verb}"), &body);
        let id = json!({"policy_id": "p-1", "domain_id": server.domain_id()});
        let body = json!({"policy_id": "p-1", "name": "P", "permissions": ["a.b"]});
        assert_eq!(post("create", body.clone()).status, 200);
        assert_eq!(post("create", body).status, 409);
        assert_eq!(post("get", id.clone()).json()["name"], "P");
        assert_eq!(post("list", json!({"repository_id": server.repository_id()})).json()["total_count"], 1);
        assert_eq!(post("update", json!({"policy_id": "p-1", "name": "Q"})).json()["name"], "Q");
        assert_eq!(post("delete", id.clone()).status, 200);
        assert_eq!(post("delete", id.clone()).status, 404);
        assert_eq!(post("get", id).json()["detail"]["code"], "ERROR_NO_POLICY");
    }
}

#[tokio::test]
async fn network_policy_lifecycle_works() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    let (domain, zone) = (server.domain_id(), server.zone_ids()[0].clone());
    let body = json!({
        "name": "n", "zone_id": zone, "domain_id": domain, "dns": ["2001:DB8::1"],
        "routing_tables": [{"cidr": "10.0.0.1", "destination": "10.0.0.2"}],
    });
    let created = spaceone(&server, "POST", "/inventory/v1/network-policies", &body).json();
    let id = created["network_policy_id"].as_str().unwrap().to_owned();
    assert_eq!(created["routing_tables"], json!([{"cidr": "10.0.0.1/32", "destination": "10.0.0.2"}]));
    assert_eq!(created["dns"], json!(["2001:db8::1"]));

    let path = format!("/inventory/v1/network-policy/{id}");
    let change = json!({"domain_id": domain, "dns": [], "tags": {"a": "b"}});
    let updated = spaceone(&server, "PUT", &path, &change).json();
    assert_eq!((&updated["dns"], &updated["tags"]), (&json!(["2001:db8::1"]), &json!({"a": "b"})));

    let search = json!({"domain_id": domain, "query": {"filter": [{"k": "tags.a", "v": "b", "o": "eq"}]}});
    let found = spaceone(&server, "POST", "/inventory/v1/network-policies/search", &search).json();
    assert_eq!(found["results"][0]["network_policy_id"], json!(id));

    let target = format!("{path}?domain_id={domain}");
    assert_eq!(spaceone(&server, "GET", &target, &Value::Null).json()["name"], "n");
    assert_eq!(spaceone(&server, "DELETE", &target, &Value::Null).json(), json!({}));
    let again = spaceone(&server, "DELETE", &target, &Value::Null);
    assert_eq!((again.status, again.json()["detail"]["code"].clone()), (400, json!("ERROR_NOT_FOUND")));
    assert!(server.network_policies().is_empty());
}
