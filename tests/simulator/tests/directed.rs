//! What a test decides at the moment of a request: writes that land late, answers that are held.

use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use cloud_policy_simulator::spaceone::{self, Spaceone};
use cloud_policy_simulator::{Action, Cue, Fault, Operation, When};
use serde_json::json;

use crate::client::{open, send, spaceone, until};

async fn server() -> Spaceone {
    Spaceone::start(spaceone::Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_write_that_lands_late_happens_although_the_client_has_gone() {
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
async fn a_held_answer_arrives_once_it_is_released() {
    let server = server().await;
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let held = Mutex::new(Some(held));
    server.faults().direct(move |subject| {
        let held = held.lock().unwrap().take().filter(|_| subject.operation == Operation::Create)?;
        Some(Cue::Hold(Box::pin(async move { drop(held.await) })))
    });
    let (url, bearer) = (server.url(), format!("Bearer {}", server.token()));
    let waiting = std::thread::spawn(move || {
        let body = json!({"policy_id": "p", "name": "P", "permissions": ["a"]}).to_string();
        send(&url, "POST", "/repository/v1/policies", &[("authorization", &bearer)], &body).unwrap().status
    });
    until("the policy", || server.policies().len() == 1);
    assert!(!waiting.is_finished(), "carried out, and the answer is held");
    release.send(()).unwrap();
    assert_eq!(waiting.join().unwrap(), 200);
}

#[tokio::test]
async fn a_director_decides_before_the_faults_that_wait() {
    let server = server().await;
    server.faults().add(Fault::any().forever().before(Action::status(500, "")));
    server.faults().direct(|subject| {
        let search = subject.target.ends_with("/search") && subject.agent == "tester";
        search.then(|| Cue::Strike(When::Before, Action::status(418, subject.body)))
    });
    let ask = |agent: &str| {
        let headers = [("user-agent", agent)];
        let answer = send(&server.url(), "POST", "/repository/v1/policies/search", &headers, "{}").unwrap();
        (answer.status, answer.text())
    };
    assert_eq!(ask("tester"), (418, "{}".to_owned()));
    assert_eq!(ask("other").0, 500, "what the director lets pass meets the faults");
    server.faults().undirect();
    assert_eq!(ask("tester").0, 500);
    server.faults().clear();
    assert_eq!(spaceone(&server, "POST", "/repository/v1/repositories/search", &json!({})).status, 200);
}
