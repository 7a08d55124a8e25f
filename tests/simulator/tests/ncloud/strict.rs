//! Behaviours of a strict or slow account: lag, strict rules, unusual bodies.

use std::time::Duration;

use cloud_policy_simulator::Lag;
use cloud_policy_simulator::ncloud::{Compression, Ncloud, ResultBody, TagRule};
use serde_json::{Value, json};

use super::{account, create, created, get, permissions, policy};
use crate::client::{Answer, ncloud, until};

const LONG: Duration = Duration::from_hours(1);

fn tag(server: &Ncloud, method: &str, id: &str, value: &str) -> Answer {
    let body = json!({"tagKey": "k", "tagValue": value}).to_string();
    ncloud(server, method, &format!("/api/v1/policies/{id}/tags"), &body)
}

fn path(id: &str) -> String {
    format!("/api/v1/policies/{id}?withPermissions=true")
}

fn listed(server: &Ncloud) -> Value {
    get(server, "/api/v1/policies?type=USER_CREATED").json()["totalItems"].clone()
}

#[tokio::test]
async fn reads_of_one_policy_lag_behind_each_write() {
    let server = account(|_| {}).await;
    let id = created(&server, &policy("readers"));
    let lag = |lag: Lag| server.set_options(|options| options.switches.lag = lag);
    lag(Lag { reads: LONG, ..Lag::default() });
    let edit = json!({"description": "new", "permissions": permissions()}).to_string();
    assert_eq!(ncloud(&server, "PUT", &path(&id), &edit).status, 200);
    assert_eq!(get(&server, &path(&id)).json().get("policyDesc"), None);
    assert_eq!(tag(&server, "POST", &id, "v").status, 200);
    assert_eq!(get(&server, &format!("/api/v1/policies/{id}/tags")).json(), json!([]));
    let second = created(&server, &policy("second"));
    assert_eq!((get(&server, &path(&second)).status, listed(&server)), (404, json!(2)));
    lag(Lag::default());
    assert_eq!(get(&server, &path(&id)).json()["policyDesc"], "new");
    assert_eq!(get(&server, &path(&second)).status, 200);
}

#[tokio::test]
async fn lists_lag_behind_writes_until_time_has_passed() {
    let lists = Duration::from_millis(200);
    let server = account(|switches| switches.lag = Lag { lists, ..Lag::default() }).await;
    let id = created(&server, &policy("readers"));
    assert_eq!((get(&server, &path(&id)).status, listed(&server)), (200, json!(0)));
    until("the list to show the policy", || listed(&server) == 1);
}

#[tokio::test]
async fn deleted_policy_stays_visible_while_deletions_lag() {
    let server = account(|switches| switches.lag = Lag { deletions: LONG, ..Lag::default() }).await;
    let id = created(&server, &policy("readers"));
    assert_eq!(ncloud(&server, "DELETE", &path(&id), "").status, 200);
    assert_eq!((get(&server, &path(&id)).status, listed(&server)), (200, json!(1)));
    assert_eq!(ncloud(&server, "DELETE", &path(&id), "").status, 404, "a write sees the newest state");
    assert!(server.policies().is_empty());
}

#[tokio::test]
async fn shuffled_pages_leave_policies_out() {
    let server = account(|switches| switches.shuffled_pages = true).await;
    let all: Vec<String> = (0..30).map(|n| created(&server, &policy(&format!("policy-{n}")))).collect();
    let page = |number: usize| {
        let answer = get(&server, &format!("/api/v1/policies?type=USER_CREATED&size=10&page={number}")).json();
        assert_eq!(answer["totalItems"], 30);
        answer["items"].as_array().unwrap().clone()
    };
    let mut seen: Vec<Value> = (0..3).flat_map(page).map(|item| item["policyId"].clone()).collect();
    seen.sort_by_key(Value::to_string);
    seen.dedup();
    assert!(seen.len() < all.len());
}

#[tokio::test]
async fn switches_answer_writes_with_text() {
    let server = account(|switches| {
        (switches.delete_body, switches.tag_body) = (ResultBody::Text, ResultBody::Text);
    })
    .await;
    let id = created(&server, &policy("readers"));
    assert_eq!(tag(&server, "POST", &id, "v").text(), "OK");
    assert_eq!(tag(&server, "DELETE", &id, "v").text(), "OK");
    assert_eq!(ncloud(&server, "DELETE", &path(&id), "").text(), "OK");
    assert!(server.policies().is_empty());
}

#[tokio::test]
async fn strict_validation_refuses_tags() {
    let server = account(|switches| switches.strict_validation = true).await;
    let mut body = policy("readers");
    let validate = |body: &Value| ncloud(&server, "POST", "/api/v1/policy/validation", &body.to_string()).status;
    assert_eq!(validate(&body), 200);
    body["tags"] = json!({"a": "b"});
    assert_eq!(validate(&body), 400);
    assert_eq!(create(&server, &body).status, 200);
}

#[tokio::test]
async fn tag_rules_differ_in_their_special_characters() {
    for (rule, allowed, refused) in [
        (TagRule::Any, "a/b c", ""),
        (TagRule::Newest, "a/b_c", "a(b"),
        (TagRule::Older, "a(b)_c-d", "a/b"),
        (TagRule::Government, "a_b-c", "a(b"),
    ] {
        let server = account(|switches| switches.tag_rule = rule).await;
        let id = created(&server, &policy("readers"));
        assert_eq!(tag(&server, "POST", &id, allowed).status, 200, "{rule:?}");
        assert_eq!(tag(&server, "POST", &id, refused).status, 400, "{rule:?}");
    }
}

#[tokio::test]
async fn switches_reserve_names_and_allow_tags_of_system_policies() {
    let server = account(|_| {}).await;
    let system = get(&server, "/api/v1/policies?type=SYSTEM_MANAGED").json()["items"][0].clone();
    let (id, name) = (system["policyId"].as_str().unwrap(), system["policyName"].as_str().unwrap());
    assert_eq!(tag(&server, "POST", id, "v").status, 403);
    server.set_options(|options| {
        (options.switches.system_tags, options.switches.system_names_reserved) = (true, true);
    });
    assert_eq!(tag(&server, "POST", id, "v").status, 200);
    assert_eq!(create(&server, &policy(name)).status, 409);
}

#[tokio::test]
async fn compressed_answer_is_sent_unless_identity_is_asked_for() {
    for (compression, plain) in [(Compression::Never, true), (Compression::UnlessIdentity, false)] {
        let server = account(|switches| switches.compression = compression).await;
        let answer = get(&server, "/api/v1/policies");
        assert_eq!(answer.header("content-encoding").is_none(), plain, "{compression:?}");
        assert_eq!(answer.body.starts_with(b"{"), plain, "{compression:?}");
    }
}
