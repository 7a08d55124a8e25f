//! Each fault before and after the effect, and the journal's entry about it.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cloud_policy_simulator::ncloud::{GatewayError, Ncloud, Options};
use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Action, Collection, Fault, Matching, Operation, When};
use serde_json::{Value, json};

use crate::client::{Answer, open, spaceone, try_ncloud, until};

async fn account() -> Ncloud {
    Ncloud::start(Options::default()).await.unwrap()
}

fn create(server: &Ncloud, name: &str) -> Option<Answer> {
    let target = json!({"product": "Server", "actions": ["*"], "resourceNrns": ["*"]});
    let body = json!({"policyName": name, "permissions": [{"effect": "Allow", "targets": [target]}]});
    try_ncloud(server, "POST", "/api/v1/policies", &body.to_string())
}

fn list(server: &Ncloud) -> Option<Answer> {
    try_ncloud(server, "GET", "/api/v1/policies?type=USER_CREATED", "")
}

/// Creates a policy under this fault. Returns the answer, and whether the policy was created.
async fn create_under(fault: Fault) -> (Option<Answer>, bool) {
    let server = account().await;
    server.faults().add(fault);
    let answer = create(&server, "readers");
    assert_eq!(server.faults().injected(), 1);
    let entry = server.journal().entries().remove(0);
    let (status, made) = (answer.as_ref().map(|answer| answer.status), server.policies().len() == 1);
    assert_eq!((entry.status, entry.effect), (status, made), "the journal has the real status and effect");
    assert_eq!(entry.object_id.is_some(), made);
    (answer, made)
}

#[tokio::test]
async fn status_fault_replaces_answer_before_or_after_effect() {
    let unexpected = || Action::status(500, GatewayError::Unexpected.body());
    for (fault, effect) in [
        (Fault::on(Operation::Create).before(unexpected()), false),
        (Fault::on(Operation::Create).after(unexpected()), true),
    ] {
        let (answer, made) = create_under(fault).await;
        assert_eq!(answer.unwrap().json()["error"]["errorCode"], "900");
        assert_eq!(made, effect);
    }
}

#[tokio::test]
async fn reset_fault_cuts_connection_without_answer() {
    for (fault, effect) in [
        (Fault::on(Operation::Create).before(Action::Reset), false),
        (Fault::on(Operation::Create).after(Action::Reset), true),
    ] {
        let (answer, made) = create_under(fault).await;
        assert!(answer.is_none());
        assert_eq!(made, effect);
    }
}

#[tokio::test]
async fn timeout_fault_waits_then_cuts_connection() {
    let start = Instant::now();
    let silence = Action::Timeout(Duration::from_millis(300));
    let (answer, made) = create_under(Fault::on(Operation::Create).after(silence)).await;
    assert!(answer.is_none() && made);
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn body_fault_has_status_200() {
    let (html, made) = create_under(Fault::on(Operation::Create).after(Action::Html)).await;
    let html = html.unwrap();
    assert_eq!((html.status, html.header("content-type"), made), (200, Some("text/html"), true));
    assert!(html.text().starts_with("<!DOCTYPE html>"));
    let (empty, _) = create_under(Fault::on(Operation::Create).before(Action::Empty)).await;
    assert_eq!(empty.map(|answer| (answer.status, answer.body.len())), Some((200, 0)));
    let (odd, _) = create_under(Fault::on(Operation::Create).before(Action::WrongType)).await;
    assert!(odd.unwrap().json()["policyId"].is_number());
}

#[tokio::test]
async fn redirect_fault_has_location() {
    let elsewhere = Action::Redirect("http://127.0.0.1:1/elsewhere".to_owned());
    let (answer, made) = create_under(Fault::on(Operation::Create).before(elsewhere)).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.header("location"), made), (307, Some("http://127.0.0.1:1/elsewhere"), false));
}

#[tokio::test]
async fn status_fault_sends_headers() {
    let headers = [("Retry-After".to_owned(), "3".to_owned()), ("Content-Type".to_owned(), "text/plain".to_owned())];
    let action = Action::Status { code: 429, body: "slow down".to_owned(), headers: headers.into() };
    let (answer, _) = create_under(Fault::on(Operation::Create).before(action)).await;
    let answer = answer.unwrap();
    assert_eq!((answer.header("retry-after"), answer.header("content-type")), (Some("3"), Some("text/plain")));
    assert_eq!(answer.text(), "slow down");
}

fn read_for(stream: &mut TcpStream, span: Duration) -> usize {
    let (start, mut total, mut buffer) = (Instant::now(), 0, vec![0; 1 << 16]);
    stream.set_read_timeout(Some(span)).unwrap();
    while start.elapsed() < span {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(read) => total += read,
        }
    }
    total
}

#[tokio::test]
async fn stream_fault_sends_until_client_disconnects() {
    let server = account().await;
    for (action, at_least, at_most) in [(Action::EndlessBody, 1 << 20, usize::MAX), (Action::SlowDrip, 140, 2_000)] {
        server.faults().add(Fault::any().before(action));
        let mut stream = open(&server.url(), "GET", "/api/v1/policies", &[], "");
        let received = read_for(&mut stream, Duration::from_secs(1));
        assert!((at_least..at_most).contains(&received), "{received}");
    }
    assert_eq!(list(&server).unwrap().status, 200, "the server answers other requests");
}

#[tokio::test]
async fn latency_delays_effect_before_and_answer_after() {
    let server = account().await;
    let late = Duration::from_secs(1);
    for (fault, seen) in [
        (Fault::on(Operation::Create).latency(late), 0),
        (Fault::on(Operation::Create).after(Action::Pass).latency(late), 1),
    ] {
        server.faults().add(fault);
        let start = Instant::now();
        let answer = std::thread::scope(|scope| {
            let creating = scope.spawn(|| create(&server, &format!("policy-{seen}")));
            std::thread::sleep(late / 2);
            assert_eq!(
                server.policies().iter().filter(|policy| policy.policy_name == format!("policy-{seen}")).count(),
                seen
            );
            creating.join().unwrap()
        });
        assert_eq!(answer.unwrap().status, 200);
        assert!(start.elapsed() >= late);
    }
}

#[tokio::test]
async fn fault_applies_after_skip_and_up_to_times() {
    let server = account().await;
    let statuses = || -> Vec<u16> { (0..4).map(|_| list(&server).unwrap().status).collect() };
    let busy = || Action::status(503, "");
    server.faults().add(Fault::on(Operation::List).before(busy()));
    assert_eq!(statuses(), [503, 200, 200, 200]);
    server.faults().add(Fault::on(Operation::List).before(busy()).skip(1).times(2));
    assert_eq!(statuses(), [200, 503, 503, 200]);
    server.faults().add(Fault::on(Operation::List).before(busy()).forever());
    assert_eq!(statuses(), [503; 4]);
    server.faults().clear();
    assert_eq!(statuses(), [200; 4]);
}

#[tokio::test]
async fn waiting_faults_are_used_in_order() {
    let server = account().await;
    for status in [500, 502, 503] {
        server.faults().add(Fault::on(Operation::List).before(Action::status(status, "")));
    }
    assert_eq!(server.faults().waiting().len(), 3);
    let statuses: Vec<u16> = (0..4).map(|_| list(&server).unwrap().status).collect();
    assert_eq!(statuses, [500, 502, 503, 200]);
    assert_eq!((server.faults().waiting().len(), server.faults().injected()), (0, 3));
}

#[tokio::test]
async fn fault_applies_only_to_matching_requests() {
    let server = account().await;
    let pattern = |text: &str| Some(text.parse().unwrap());
    let busy = || Action::status(503, "");
    let affected = |matching: Matching| {
        server.faults().clear();
        server.faults().add(Fault::matching(matching).forever().before(busy()));
        let created = create(&server, "readers").unwrap().status == 503;
        let listed = list(&server).unwrap().status == 503;
        (created, listed)
    };
    assert_eq!(affected(Matching::default()), (true, true));
    assert_eq!(affected(Matching { operation: Some(Operation::List), ..Matching::default() }), (false, true));
    assert_eq!(affected(Matching { method: pattern("^POST$"), ..Matching::default() }), (true, false));
    assert_eq!(affected(Matching { path: pattern("type=USER"), ..Matching::default() }), (false, true));
    assert_eq!(affected(Matching { body: pattern("readers"), ..Matching::default() }), (true, false));
    assert_eq!(
        affected(Matching { collection: Some(Collection::NetworkPolicy), ..Matching::default() }),
        (false, false)
    );
    let request = Fault::on_request("GET", "^/api/v1/policies").unwrap();
    assert_eq!(affected(request.matching), (false, true));
    assert!(Fault::on_request("(", "").is_err());
}

#[tokio::test]
async fn fault_matches_spaceone_collection_and_operation() {
    let server = Spaceone::start(spaceone::Options::default()).await.unwrap();
    server.faults().add(Fault::on(Operation::Create).of(Collection::NetworkPolicy).after(Action::status(504, "")));
    let policy = json!({"policy_id": "p", "name": "P", "permissions": ["a"]});
    assert_eq!(spaceone(&server, "POST", "/repository/v1/policies", &policy).status, 200);
    let network = json!({"name": "n", "zone_id": server.zone_ids()[0], "domain_id": server.domain_id()});
    assert_eq!(spaceone(&server, "POST", "/inventory/v1/network-policies", &network).status, 504);
    assert_eq!(server.network_policies().len(), 1, "the create took effect although its answer was lost");
    let last = server.journal().entries().pop().unwrap();
    assert_eq!((last.collection, last.effect, last.status), (Collection::NetworkPolicy, true, Some(504)));
    assert_eq!(last.object_id, Some(server.network_policies()[0].network_policy_id.clone()));
}

#[tokio::test]
async fn store_changes_only_when_fault_is_after_effect() {
    let defaults = Fault::on(Operation::Update);
    assert_eq!((defaults.when, defaults.times, defaults.skip), (When::Before, Some(1), 0));
    let server = Spaceone::start(spaceone::Options::default()).await.unwrap();
    let policy = json!({"policy_id": "p", "name": "P", "permissions": ["a"]});
    spaceone(&server, "POST", "/repository/v1/policies", &policy);
    let rename = |name: &str| spaceone(&server, "PUT", "/repository/v1/policy/p", &json!({"name": name})).status;
    server.faults().add(Fault::on(Operation::Update).before(Action::status(500, "")));
    server.faults().add(Fault::on(Operation::Update).after(Action::status(500, "")));
    assert_eq!((rename("Q"), server.policies()[0].name.as_str()), (500, "P"));
    assert_eq!((rename("R"), server.policies()[0].name.as_str()), (500, "R"));
    server.faults().add(Fault::on(Operation::Delete).after(Action::status(500, "")));
    assert_eq!(spaceone(&server, "DELETE", "/repository/v1/policy/p", &Value::Null).status, 500);
    assert!(server.policies().is_empty());
    assert_eq!((server.journal().effects(Operation::Update), server.journal().count(Operation::Update)), (1, 2));
}

#[tokio::test]
async fn dropped_server_cuts_connections_and_frees_port() {
    let server = account().await;
    let url = server.url();
    server.faults().add(Fault::any().before(Action::Timeout(Duration::from_mins(1))));
    let mut waiting = open(&url, "GET", "/api/v1/policies", &[], "");
    until("the request", || !server.journal().entries().is_empty());
    drop(server);
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ended = waiting.read_to_end(&mut rest);
    assert!(rest.is_empty() && start.elapsed() < Duration::from_secs(5));
    let address = url.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).is_err());
    std::net::TcpListener::bind(address).unwrap();
}

#[tokio::test]
async fn shared_journal_orders_requests_of_both_simulators() {
    let options = Options::default();
    let inventory = spaceone::Options { journal: options.journal.clone(), ..spaceone::Options::default() };
    let (cloud, inventory) = (Ncloud::start(options).await.unwrap(), Spaceone::start(inventory).await.unwrap());
    list(&cloud);
    spaceone(&inventory, "POST", "/repository/v1/repositories/search", &json!({}));
    list(&cloud);
    let entries = cloud.journal().entries();
    let seen: Vec<_> = entries.iter().map(|entry| (entry.seq, json!(entry.system))).collect();
    assert_eq!(seen, [(1, json!("ncloud")), (2, json!("spaceone")), (3, json!("ncloud"))]);
    inventory.journal().clear();
    assert!(cloud.journal().entries().is_empty());
}
