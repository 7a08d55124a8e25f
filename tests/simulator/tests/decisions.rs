//! Faults that a test decides on when the request arrives: late writes and delayed answers.

use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Action, Decision, Fault, Operation, When};
use serde_json::json;

use crate::client::{open, send, spaceone, until};

async fn server() -> Spaceone {
    Spaceone::start(spaceone::Options::default()).await.unwrap()
}

#[tokio::test]
async fn late_write_takes_effect_after_client_disconnects() {
    let server = server().await;
    server.faults().add(Fault::on(Operation::Create).before(Action::Late(Duration::from_millis(500))));
    let bearer = format!("Bearer {}", server.token());
    let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]}).to_string();
    let mut cut = open(&server.url(), "POST", "/repository/v1/policies", &[("authorization", &bearer)], &body);
    let mut answer = Vec::new();
    let _ended = cut.read_to_end(&mut answer);
    assert!(answer.is_empty(), "cut without an answer");
    assert!(server.policies().is_empty(), "cut at once");
    drop(cut);
    until("the policy", || server.policies().len() == 1);
    until("the journal", || !server.journal().entries().is_empty());
    let last = server.journal().entries().remove(0);
    assert_eq!((last.operation, last.effect, last.status), (Operation::Create, true, None));
}

#[tokio::test]
async fn delayed_answer_arrives_after_release() {
    let server = server().await;
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let released = Mutex::new(Some(released));
    server.faults().decide_with(move |request| {
        let released = released.lock().unwrap().take().filter(|_| request.operation == Operation::Create)?;
        Some(Decision::DelayAnswer(Box::pin(async move { drop(released.await) })))
    });
    let (url, bearer) = (server.url(), format!("Bearer {}", server.token()));
    let waiting = std::thread::spawn(move || {
        let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]}).to_string();
        send(&url, "POST", "/repository/v1/policies", &[("authorization", &bearer)], &body).unwrap().status
    });
    until("the policy", || server.policies().len() == 1);
    assert!(!waiting.is_finished(), "the proxy delays the answer of the carried out request");
    release.send(()).unwrap();
    assert_eq!(waiting.join().unwrap(), 200);
}

#[tokio::test]
async fn decider_decides_before_waiting_faults() {
    let server = server().await;
    server.faults().add(Fault::any().forever().before(Action::status(500, "")));
    server.faults().decide_with(|request| {
        let search = request.target.ends_with("/search") && request.agent == "tester";
        search.then(|| Decision::Inject(When::Before, Action::status(418, request.body)))
    });
    let ask = |agent: &str| {
        let headers = [("user-agent", agent)];
        let answer = send(&server.url(), "POST", "/repository/v1/policies/search", &headers, "{}").unwrap();
        (answer.status, answer.text())
    };
    assert_eq!(ask("tester"), (418, "{}".to_owned()));
    assert_eq!(ask("other").0, 500, "a request without a decision gets the waiting fault");
    server.faults().clear_decider();
    assert_eq!(ask("tester").0, 500);
    server.faults().clear();
    assert_eq!(spaceone(&server, "POST", "/repository/v1/repositories/search", &json!({})).status, 200);
}
