//! Error styles, printed defaults, unknown fields, the two fronts, tokens.

use cloud_policy_simulator::spaceone::{Era, ErrorStyle, Front, Options, Spaceone};
use cloud_policy_simulator::{Collection, Operation};
use serde_json::{Value, json};

use crate::client::{send, spaceone, spaceone_as};

async fn start() -> Spaceone {
    Spaceone::start(Options::default()).await.unwrap()
}

#[tokio::test]
async fn switch_sets_style_of_error() {
    let server = start().await;
    let styled = |style: ErrorStyle| {
        server.set_options(|switches| switches.error_style = style);
        let answer = spaceone(&server, "GET", "/repository/v1/policies", &Value::Null);
        (answer.status, answer.json())
    };
    let (code, message) = ("ERROR_REQUIRED_PARAMETER", "Required parameter. (key = repository_id)");
    assert_eq!(styled(ErrorStyle::Detail), (400, json!({"detail": {"code": code, "message": message}})));
    assert_eq!(styled(ErrorStyle::Error), (400, json!({"error": {"message": message, "code": code}})));
    let generated = json!({"code": 3, "message": format!("{code}: {message}"), "details": []});
    assert_eq!(styled(ErrorStyle::GrpcGateway), (400, generated));
}

#[tokio::test]
async fn switch_prints_unset_fields() {
    let server = start().await;
    let list = format!("/inventory/v1/network-policies?domain_id={}", server.domain_id());
    assert_eq!(spaceone(&server, "GET", &list, &Value::Null).json(), json!({}));
    let body = json!({"name": "n", "zone_id": server.zone_ids()[0], "domain_id": server.domain_id()});
    let sparse = spaceone(&server, "POST", "/inventory/v1/network-policies", &body).json();
    assert_eq!((sparse.get("dns"), sparse.get("routing_tables"), &sparse["reference"]), (None, None, &json!({})));

    server.set_options(|switches| switches.emit_defaults = true);
    let target = format!("{list}&name=unknown");
    let empty = json!({"results": [], "total_count": 0});
    assert_eq!(spaceone(&server, "GET", &target, &Value::Null).json(), empty);
    let full = spaceone(&server, "GET", &list, &Value::Null).json()["results"][0].clone();
    assert_eq!((&full["dns"], &full["routing_tables"]), (&json!([]), &json!([])));
    assert_eq!(full["reference"], json!({"resource_id": "", "external_link": ""}));
}

#[tokio::test]
async fn switch_drops_unknown_fields() {
    let server = start().await;
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"], "surprise": 1});
    let refused = spaceone(&server, "POST", "/repository/v1/policies", &body);
    assert_eq!(refused.status, 500);
    assert_eq!(refused.json()["detail"]["message"], "Protocol message CreatePolicyRequest has no \"surprise\" field.");
    server.set_options(|switches| switches.ignore_unknown_fields = true);
    assert_eq!(spaceone(&server, "POST", "/repository/v1/policies", &body).status, 200);
}

#[tokio::test]
async fn console_serves_only_console_paths() {
    let server = Spaceone::start(Options { era: Era::Verb, ..Options::default() }).await.unwrap();
    server.set_options(|switches| switches.front = Front::Console);
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]});
    let ask = |method: &str, target: &str| spaceone(&server, method, target, &body);
    assert_eq!(ask("POST", "/repository/policy/create").status, 200);
    assert_eq!(ask("POST", "/repository/v1/policy/create").json(), json!({"detail": "Not Found"}));
    assert_eq!(ask("GET", "/repository/policy/create").status, 405);
    assert_eq!(ask("POST", "/inventory/network-policy/list").json()["detail"]["code"], "ERROR_UNSUPPORTED_API");
    let duplicate = ask("POST", "/repository/policy/create");
    assert_eq!(duplicate.json()["detail"]["message"].as_str().unwrap().chars().next(), Some(' '));
}

#[tokio::test]
async fn verb_era_has_no_rest_paths_and_no_network_policies() {
    let server = Spaceone::start(Options { era: Era::Verb, ..Options::default() }).await.unwrap();
    for (method, target) in [
        ("GET", "/repository/v1/policies"),
        ("POST", "/repository/v1/policies"),
        ("POST", "/inventory/v1/network-policy/list"),
        ("POST", "/inventory/v1/network-policies/search"),
    ] {
        let answer = spaceone(&server, method, target, &json!({}));
        assert_eq!(
            (answer.status, &answer.json()["detail"]["code"]),
            (404, &json!("ERROR_UNSUPPORTED_API")),
            "{target}"
        );
    }
}

#[tokio::test]
async fn call_needs_valid_token_unless_it_gets_a_policy() {
    let server = start().await;
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]});
    spaceone(&server, "POST", "/repository/v1/policies", &body);
    let expired = server.expired_token();
    let (domain, repository) = (server.domain_id(), server.repository_id());
    let read = format!("/repository/v1/policies/p?domain_id={domain}");
    let list = format!("/repository/v1/policies?repository_id={repository}");
    let networks = format!("/inventory/v1/network-policies?domain_id={domain}");
    for token in [None, Some("garbage"), Some(expired.as_str())] {
        let status = |target: &str| spaceone_as(&server, token, "GET", target, &Value::Null).status;
        assert_eq!([status(&read), status(&list), status(&networks)], [200, 401, 401], "{token:?}");
    }
    let basic = send(&server.url(), "GET", &list, &[("authorization", "Basic eDp5")], "").unwrap();
    assert_eq!(basic.status, 401);
}

#[tokio::test]
async fn token_decides_domain_of_policy_but_not_of_network_policy() {
    let server = start().await;
    let other = server.other_token();
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"], "domain_id": server.domain_id()});
    let policy = spaceone_as(&server, Some(&other), "POST", "/repository/v1/policies", &body).json();
    assert_eq!(policy["domain_id"], json!(server.other_domain_id()), "the token decides");
    let body = json!({"name": "n", "zone_id": server.zone_ids()[0], "domain_id": server.domain_id()});
    let network = spaceone_as(&server, Some(&other), "POST", "/inventory/v1/network-policies", &body).json();
    assert_eq!(network["domain_id"], json!(server.domain_id()), "the inventory of 2020 ignores the token's domain");
}

#[tokio::test]
async fn server_rejects_message_over_four_mebibytes() {
    let server = start().await;
    let body = json!({"policy_id": "p", "name": "n".repeat(4 << 20), "permissions": ["a"]});
    let answer = spaceone(&server, "POST", "/repository/v1/policies", &body);
    assert_eq!(answer.status, 429);
    assert!(server.policies().is_empty());
}

#[tokio::test]
async fn journal_names_operation_and_object_in_all_spellings() {
    let server = start().await;
    let (domain, zone) = (server.domain_id(), server.zone_ids()[0].clone());
    let network = json!({"name": "n", "zone_id": zone, "domain_id": domain});
    let id = spaceone(&server, "POST", "/inventory/v1/network-policies", &network).json()["network_policy_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let pin = json!({"domain_id": domain, "keys": ["name"]});
    spaceone(&server, "PUT", &format!("/inventory/v1/network-policy/{id}/pin-data"), &pin);
    let named = json!({"network_policy_id": id, "domain_id": domain});
    spaceone(&server, "POST", "/inventory/network-policy/get", &named);
    spaceone(&server, "POST", "/inventory/v1/network-policy/delete", &named);
    spaceone(&server, "GET", "/nowhere", &Value::Null);
    let seen: Vec<_> = server
        .journal()
        .entries()
        .into_iter()
        .map(|entry| (entry.operation, entry.collection, entry.object_id, entry.effect))
        .collect();
    let network = |operation, effect| (operation, Collection::NetworkPolicy, Some(id.clone()), effect);
    let expected = [
        network(Operation::Create, true),
        network(Operation::PinData, true),
        network(Operation::Get, false),
        network(Operation::Delete, true),
        (Operation::Other, Collection::Other, None, false),
    ];
    assert_eq!(seen, expected);
}
