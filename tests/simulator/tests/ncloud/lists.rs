//! Lists: envelope, paging, filters.

use cloud_policy_simulator::ncloud::{Ncloud, Search};
use serde_json::{Value, json};

use super::{account, created, get, policy};

fn list(server: &Ncloud, query: &str) -> Value {
    get(server, &format!("/api/v1/policies?{query}")).json()
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["policyName"].as_str().unwrap()).collect()
}

async fn twelve() -> Ncloud {
    let server = account(|_| {}).await;
    for number in 0..12 {
        created(&server, &policy(&format!("policy-{number:02}")));
    }
    server
}

#[tokio::test]
async fn list_returns_pages_of_ten_from_page_zero() {
    let server = twelve().await;
    let first = list(&server, "type=USER_CREATED");
    assert_eq!(names(&first).len(), 10);
    let mut envelope = first.clone();
    envelope["items"] = json!([]);
    let expected = json!({
        "page": 0, "totalPages": 2, "totalItems": 12, "hasPrevious": false, "hasNext": true, "items": [],
        "isFirst": true, "isLast": false,
    });
    assert_eq!(envelope, expected);
    let last = list(&server, "type=USER_CREATED&page=1");
    assert_eq!(names(&last), ["policy-10", "policy-11"]);
    let flags =
        |page: &Value| ["hasPrevious", "hasNext", "isFirst", "isLast"].map(|flag| page[flag].as_bool().unwrap());
    assert_eq!(flags(&last), [true, false, false, true]);
    let beyond = list(&server, "type=USER_CREATED&page=9");
    assert!(names(&beyond).is_empty());
    assert_eq!(flags(&beyond), [true, false, false, true]);
}

#[tokio::test]
async fn list_items_have_policy_desc_and_no_permissions() {
    let server = account(|_| {}).await;
    let mut body = policy("readers");
    body["description"] = json!("d");
    let id = created(&server, &body);
    let expected = json!({
        "policyId": id, "policyName": "readers", "policyType": "USER_CREATED", "policyDesc": "d",
        "nrn": format!("nrn:PUB:IAM::1234567:Policy/{id}"),
    });
    assert_eq!(list(&server, "type=USER_CREATED")["items"], json!([expected]));
}

#[tokio::test]
async fn list_includes_system_policies_when_type_is_absent() {
    let server = twelve().await;
    let system = list(&server, "type=SYSTEM_MANAGED")["totalItems"].as_u64().unwrap();
    assert_eq!(system, 6);
    assert_eq!(list(&server, "")["totalItems"], json!(12 + system));
}

#[tokio::test]
async fn list_search_matches_by_switch() {
    let server = twelve().await;
    let found = |mode: Search, word: &str| {
        server.set_options(|options| options.switches.search = mode);
        let page = list(&server, &format!("type=USER_CREATED&searchColumn=policyName&searchWord={word}"));
        page["totalItems"].as_u64().unwrap()
    };
    assert_eq!([found(Search::Substring, "-0"), found(Search::Prefix, "-0"), found(Search::Exact, "-0")], [10, 0, 0]);
    assert_eq!(found(Search::Prefix, "policy-1"), 2);
    assert_eq!(found(Search::Exact, "policy-11"), 1);
    assert_eq!(list(&server, "type=USER_CREATED&searchWord=policy-11")["totalItems"], 12, "no column, no search");
}

#[tokio::test]
async fn list_size_is_capped_by_switch() {
    let server = twelve().await;
    assert_eq!(names(&list(&server, "type=USER_CREATED&size=100")).len(), 12);
    server.set_options(|options| options.switches.largest_page = Some(5));
    assert_eq!(names(&list(&server, "type=USER_CREATED&size=100")).len(), 5);
    for query in ["size=0", "size=x", "page=-1", "type=MINE"] {
        assert_eq!(get(&server, &format!("/api/v1/policies?{query}")).status, 400, "{query}");
    }
}

#[tokio::test]
async fn list_starts_with_newest_when_switched() {
    let server = twelve().await;
    server.set_options(|options| options.switches.newest_first = true);
    assert_eq!(names(&list(&server, "type=USER_CREATED&size=2")), ["policy-11", "policy-10"]);
}

#[tokio::test]
async fn list_search_finds_encoded_korean_name() {
    let server = account(|_| {}).await;
    created(&server, &policy("정책-하나"));
    created(&server, &policy("other"));
    let page = list(&server, "type=USER_CREATED&searchColumn=policyName&searchWord=%EC%A0%95%EC%B1%85");
    assert_eq!(names(&page), ["정책-하나"]);
}
