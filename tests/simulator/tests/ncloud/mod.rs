//! NAVER Cloud: documented examples, rules and switches.

mod attachments;
mod gateway;
mod lists;
mod policies;
mod rules;
mod signature;
mod strict;
mod switches;

use cloud_policy_simulator::ncloud::{Ncloud, Options, Switches};
use serde_json::{Value, json};

use crate::client::{Answer, ncloud};

/// Starts an account with changed switches.
async fn account(change: impl FnOnce(&mut Switches)) -> Ncloud {
    let mut options = Options::default();
    change(&mut options.switches);
    Ncloud::start(options).await.unwrap()
}

/// Returns the permissions of the simplest valid policy.
fn permissions() -> Value {
    json!([{"effect": "Allow", "targets": [{"product": "Server", "actions": ["View*"], "resourceNrns": ["*"]}]}])
}

fn policy(name: &str) -> Value {
    json!({"policyName": name, "permissions": permissions()})
}

fn create(server: &Ncloud, body: &Value) -> Answer {
    ncloud(server, "POST", "/api/v1/policies", &body.to_string())
}

/// Creates a valid policy and returns its id.
fn created(server: &Ncloud, body: &Value) -> String {
    let answer = create(server, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["policyId"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

fn get(server: &Ncloud, target: &str) -> Answer {
    ncloud(server, "GET", target, "")
}

/// Returns the status and error code of an error in either of the two v1 shapes.
fn error_code(answer: &Answer) -> (u16, Value) {
    let body = answer.json();
    let nested = &body["error"]["errorCode"];
    (answer.status, if nested.is_null() { body["errorCode"].clone() } else { nested.clone() })
}
