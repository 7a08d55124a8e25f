//! Each switch for an open fact, set to another answer than the default.

use cloud_policy_simulator::ncloud::{
    CreateTags, EmptyDescription, ErrorAnswer, ErrorShape, Ncloud, Order, ResultBody, Switches,
};
use serde_json::{Value, json};

use super::{account, create, created, error_code, get, permissions, policy};
use crate::client::{Answer, ncloud};

fn edit(server: &Ncloud, id: &str, body: &Value) -> Answer {
    ncloud(server, "PUT", &format!("/api/v1/policies/{id}"), &body.to_string())
}

fn delete(server: &Ncloud, id: &str) -> Answer {
    ncloud(server, "DELETE", &format!("/api/v1/policies/{id}"), "")
}

#[tokio::test]
async fn switches_set_status_of_create_and_delete() {
    let server = account(|switches| {
        switches.refused_status = 400;
        switches.create_status = 201;
        switches.delete_status = 204;
    })
    .await;
    let refused = create(&server, &policy("x"));
    assert_eq!((refused.status, &refused.json()["validationResult"]["success"]), (400, &json!(false)));
    let answer = create(&server, &policy("readers"));
    assert_eq!(answer.status, 201);
    assert_eq!(delete(&server, answer.json()["policyId"].as_str().unwrap()).status, 204);
}

#[tokio::test]
async fn switches_set_body_of_delete() {
    let server = account(|switches| {
        switches.delete_body = ResultBody::ProcessResult;
        switches.delete_many_body = ResultBody::Empty;
    })
    .await;
    let (one, two) = (created(&server, &policy("one")), created(&server, &policy("two")));
    assert_eq!(delete(&server, &one).json(), json!({"success": true, "id": one}));
    let many = ncloud(&server, "DELETE", "/api/v1/policies", &json!([two]).to_string());
    assert_eq!((many.status, many.body.len()), (200, 0));
}

#[tokio::test]
async fn switches_set_uniqueness_and_case_of_names() {
    let server = account(|switches| switches.unique_names = false).await;
    assert_ne!(created(&server, &policy("readers")), created(&server, &policy("readers")));
    assert_eq!(server.policy_named("readers"), None, "two policies have the name");
    let server = account(|switches| switches.case_sensitive_names = false).await;
    created(&server, &policy("readers"));
    assert_eq!(create(&server, &policy("Readers")).status, 409);
}

#[tokio::test]
async fn switches_set_wildcards_and_order_of_lists() {
    let mut body = policy("readers");
    body["permissions"][0]["targets"][0]["actions"] = json!(["View/b", "View/c", "View/a"]);
    let stored = async |change: fn(&mut Switches)| {
        let server = account(change).await;
        created(&server, &body);
        server.policies()[0].permissions[0].targets[0].clone()
    };
    assert_eq!(stored(|switches| switches.rewrite_wildcard = false).await.resource_nrns, ["*"]);
    assert_eq!(stored(|_| {}).await.resource_nrns, ["nrn:*:Server:*::*"]);
    assert_eq!(stored(|switches| switches.order = Order::Kept).await.actions, ["View/b", "View/c", "View/a"]);
    assert_eq!(stored(|switches| switches.order = Order::Sorted).await.actions, ["View/a", "View/b", "View/c"]);
    assert_eq!(stored(|switches| switches.order = Order::Reversed).await.actions, ["View/a", "View/c", "View/b"]);
}

#[tokio::test]
async fn switch_keeps_omitted_description() {
    let server = account(|switches| switches.clear_omitted_description = false).await;
    let mut body = policy("readers");
    body["description"] = json!("d");
    let id = created(&server, &body);
    edit(&server, &id, &json!({"permissions": permissions()}));
    assert_eq!(server.policies()[0].description.as_deref(), Some("d"));
    edit(&server, &id, &json!({"permissions": permissions(), "description": ""}));
    assert_eq!(server.policies()[0].description, None, "an empty one clears");
}

#[tokio::test]
async fn switch_sets_form_of_absent_description() {
    for (how, expected) in [
        (EmptyDescription::Omitted, None),
        (EmptyDescription::EmptyText, Some(json!(""))),
        (EmptyDescription::Null, Some(Value::Null)),
    ] {
        let server = account(|switches| switches.empty_description = how).await;
        let answer = create(&server, &policy("readers")).json();
        assert_eq!(answer.get("description"), expected.as_ref(), "{how:?}");
        let target = format!("/api/v1/policies/{}", answer["policyId"].as_str().unwrap());
        assert_eq!(get(&server, &target).json().get("policyDesc"), expected.as_ref(), "{how:?}");
    }
}

#[tokio::test]
async fn switch_rejects_effect_deny() {
    let server = account(|switches| switches.deny = false).await;
    let mut body = policy("readers");
    body["permissions"][0]["effect"] = json!("Deny");
    assert_eq!(create(&server, &body).json()["validationResult"]["success"], false);
}

#[tokio::test]
async fn switch_drops_or_rejects_tags_of_create() {
    let mut body = policy("readers");
    body["tags"] = json!({"a": "b"});
    let server = account(|switches| switches.create_tags = CreateTags::Dropped).await;
    assert_eq!(create(&server, &body).json().get("tags"), None);
    assert!(server.policies()[0].tags.is_empty());
    let server = account(|switches| switches.create_tags = CreateTags::Refused).await;
    assert_eq!(create(&server, &body).status, 400);
    assert!(server.policies().is_empty());
    let server = account(|switches| switches.tags_in_result = false).await;
    assert_eq!(create(&server, &body).json().get("tags"), None);
    assert_eq!(server.policies()[0].tags["a"], "b");
}

#[tokio::test]
async fn switch_removes_member_number_from_nrn() {
    let server = account(|switches| switches.member_number_in_nrn = false).await;
    let id = created(&server, &policy("readers"));
    assert_eq!(server.policies()[0].nrn, format!("nrn:PUB:IAM:::Policy/{id}"));
}

#[tokio::test]
async fn switches_set_language_and_location_of_findings() {
    let server = account(|switches| {
        switches.korean = true;
        switches.locations = false;
    })
    .await;
    let detail = create(&server, &policy("x")).json()["validationResult"]["details"][0].clone();
    assert_eq!(detail["location"], "");
    assert!(!detail["message"].as_str().unwrap().is_ascii());
}

#[tokio::test]
async fn switches_add_products_and_limit_actions() {
    let server = account(|switches| {
        switches.more_products = vec!["Brandnew".to_owned()];
        switches.whole_products = vec!["SENS".to_owned()];
    })
    .await;
    let success = |name: &str, product: &str, action: &str| {
        let target = json!({"product": product, "actions": [action], "resourceNrns": ["*"]});
        let body = json!({"policyName": name, "permissions": [{"effect": "Allow", "targets": [target]}]});
        create(&server, &body).json()["validationResult"]["success"].as_bool().unwrap()
    };
    assert!(success("one", "Brandnew", "View*"));
    assert!(!success("two", "SENS", "View*"));
    assert!(success("two", "SENS", "*"));
}

#[tokio::test]
async fn switch_hides_new_policy_from_first_reads() {
    let server = account(|switches| switches.hidden_reads = 2).await;
    let id = created(&server, &policy("readers"));
    assert_eq!(server.policies().len(), 1, "the account stores the hidden policy");
    let target = format!("/api/v1/policies/{id}");
    assert_eq!(get(&server, &target).status, 404);
    assert_eq!(get(&server, "/api/v1/policies?type=USER_CREATED").json()["totalItems"], 0);
    assert_eq!(get(&server, &target).status, 200);
    assert_eq!(get(&server, "/api/v1/policies?type=USER_CREATED").json()["totalItems"], 1);
}

#[tokio::test]
async fn switch_sets_shape_of_error() {
    let server = account(|_| {}).await;
    let answer = |shape: ErrorShape| {
        server.set_options(|options| {
            options.switches.unknown_policy = ErrorAnswer::new(404, shape, "NotFound", "gone");
        });
        get(&server, "/api/v1/policies/unknown")
    };
    assert_eq!(answer(ErrorShape::Gateway).json(), json!({"error": {"errorCode": "NotFound", "message": "gone"}}));
    assert_eq!(answer(ErrorShape::TopLevel).json(), json!({"errorCode": "NotFound", "message": "gone"}));
    let standard = json!({"error": {"errorCode": "NotFound", "message": "gone", "detail": "gone"}});
    assert_eq!(answer(ErrorShape::Standard).json(), standard);
    assert_eq!(answer(ErrorShape::Empty).body.len(), 0);
    assert!(answer(ErrorShape::Html).text().starts_with("<html>"));
}

#[tokio::test]
async fn switch_sets_policy_limit() {
    let server = account(|switches| switches.policy_limit = 1).await;
    created(&server, &policy("one"));
    assert_eq!(error_code(&create(&server, &policy("two"))), (409, json!(9012)));
}
