//! The program: its first line, its admin port, and its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, send};

struct Program {
    child: Child,
    input: Option<ChildStdin>,
    ready: Value,
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program has ended already in most tests. A failed test must not leave it running.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-policy-simulator"));
        let mut child =
            command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = line.strip_prefix("READY ").unwrap_or_else(|| panic!("{line}"));
        Self { input: child.stdin.take(), child, ready: serde_json::from_str(ready).unwrap() }
    }

    fn admin(&self, method: &str, target: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(self.ready["admin"].as_str().unwrap(), method, target, &[], &body).unwrap()
    }

    fn spaceone(&self, method: &str, target: &str, body: &Value) -> Option<Answer> {
        let bearer = format!("Bearer {}", self.ready["token"].as_str().unwrap());
        let url = self.ready["spaceone"].as_str().unwrap();
        send(url, method, target, &[("authorization", &bearer)], &body.to_string())
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Returns true if the program ends with success within this time.
    fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

#[test]
fn program_prints_addresses_and_credentials() {
    let program = Program::start(&[]);
    for name in ["ncloud", "spaceone", "admin"] {
        assert!(program.ready[name].as_str().unwrap().starts_with("http://127.0.0.1:"), "{name}");
    }
    for name in ["accessKey", "secretKey", "domainId", "token", "repositoryId", "regionId"] {
        assert!(!program.ready[name].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(program.ready["zoneIds"].as_array().unwrap().len(), 2);
}

#[test]
fn program_ends_on_end_of_input_or_signal() {
    let mut program = Program::start(&[]);
    assert!(!program.ends_within(Duration::from_millis(300)), "the program runs while its input is open");
    drop(program.input.take());
    assert!(program.ends_within(Duration::from_secs(5)));
    for name in ["-TERM", "-INT"] {
        let mut program = Program::start(&[]);
        program.signal(name);
        assert!(program.ends_within(Duration::from_secs(5)), "{name}");
    }
}

#[test]
fn detached_program_ends_only_on_signal() {
    let mut program = Program::start(&["--detached"]);
    drop(program.input.take());
    assert!(!program.ends_within(Duration::from_millis(500)));
    program.signal("-TERM");
    assert!(program.ends_within(Duration::from_secs(5)));
}

#[test]
fn program_accepts_only_loopback_addresses() {
    for flag in ["--ncloud", "--spaceone", "--admin"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_cloud-policy-simulator")).args([flag, "0.0.0.0:0"]).output().unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("not a loopback address"), "{flag}");
    }
}

#[test]
fn program_serves_chosen_era() {
    for (era, status) in [("rest", 200), ("verb", 404)] {
        let program = Program::start(&["--spaceone-era", era]);
        let body = json!({"domain_id": program.ready["domainId"]});
        let answer = program.spaceone("POST", "/inventory/v1/network-policies/search", &body).unwrap();
        assert_eq!(answer.status, status, "{era}");
    }
}

#[test]
fn admin_port_shows_and_clears_journal() {
    let program = Program::start(&[]);
    program.spaceone("POST", "/repository/v1/policies", &json!({"policy_id": "p", "name": "P", "permissions": ["a"]}));
    let entry = program.admin("GET", "/journal", &Value::Null).json()["entries"][0].clone();
    let seen =
        ["seq", "system", "operation", "collection", "objectId", "status", "effect"].map(|field| entry[field].clone());
    let expected = [json!(1), json!("spaceone"), json!("Create"), json!("Policy"), json!("p"), json!(200), json!(true)];
    assert_eq!(seen, expected);
    program.admin("DELETE", "/journal", &Value::Null);
    assert_eq!(program.admin("GET", "/journal", &Value::Null).json(), json!({"entries": []}));
}

#[test]
fn admin_port_injects_and_clears_faults() {
    let program = Program::start(&[]);
    let fault = json!({
        "system": "spaceone", "operation": "List", "when": "after", "times": null,
        "action": {"status": {"code": 503, "body": "{}"}},
    });
    let list =
        || program.spaceone("POST", "/repository/v1/repositories/search", &json!({})).map(|answer| answer.status);
    assert_eq!(program.admin("POST", "/faults", &fault).status, 200);
    assert_eq!([list(), list()], [Some(503); 2]);
    let shown = program.admin("GET", "/faults", &Value::Null).json();
    assert_eq!(shown["spaceone"], json!({"waiting": 1, "injected": 2}));
    program.admin("DELETE", "/faults", &Value::Null);
    assert_eq!(list(), Some(200));
    program.admin("POST", "/faults", &json!({"system": "spaceone", "path": "repositories", "action": "reset"}));
    assert_eq!([list(), list()], [None, Some(200)]);
}

#[test]
fn admin_port_edits_objects_without_the_api() {
    let program = Program::start(&[]);
    let edit = |body: Value| program.admin("POST", "/edit", &body);
    let state = || program.admin("GET", "/state", &Value::Null).json();
    let id = edit(json!({"system": "ncloud", "add": {"policyName": "foreign"}})).json()["id"].clone();
    assert_eq!(edit(json!({"system": "ncloud", "id": id, "set": {"description": "drifted"}})).status, 200);
    let stored = state()["ncloud"]["policies"][0].clone();
    assert_eq!([&stored["policyName"], &stored["description"]], [&json!("foreign"), &json!("drifted")]);

    let add =
        json!({"system": "spaceone", "collection": "NetworkPolicy", "add": {"name": "n", "tags": {"a": 1, "b": 2}}});
    let network = edit(add).json()["id"].clone();
    let set = json!({"tags": {"a": null, "c": 3}});
    edit(json!({"system": "spaceone", "collection": "NetworkPolicy", "id": network, "set": set}));
    assert_eq!(state()["spaceone"]["networkPolicies"][0]["tags"], json!({"b": 2, "c": 3}));
    edit(json!({"system": "spaceone", "collection": "NetworkPolicy", "id": network, "remove": true}));
    assert_eq!(state()["spaceone"]["networkPolicies"], json!([]));
    assert_eq!(program.admin("GET", "/journal", &Value::Null).json(), json!({"entries": []}), "no API request");
}

#[test]
fn admin_port_sets_switches_and_clock() {
    let program = Program::start(&[]);
    let options = json!({"system": "spaceone", "switches": {"errorStyle": "grpc-gateway"}});
    assert_eq!(program.admin("POST", "/options", &options).status, 200);
    let refused = program.spaceone("POST", "/repository/v1/policies", &json!({})).unwrap();
    assert_eq!(refused.json()["code"], 3);
    let now = |body: Value| program.admin("POST", "/clock", &body).json()["now"].as_str().unwrap().to_owned();
    assert_eq!(now(json!({"freezeAt": "2030-01-01T00:00:00Z"})), "2030-01-01T00:00:00Z");
    assert_eq!(now(json!({"advanceMillis": 60_000})), "2030-01-01T00:01:00Z");
    assert_eq!(now(json!({"rewindMillis": 61_000})), "2029-12-31T23:59:59Z");
}

#[test]
fn admin_port_rejects_bad_request_without_change() {
    let program = Program::start(&[]);
    let before = program.admin("GET", "/state", &Value::Null).json();
    for (target, body) in [
        ("/nowhere", json!({})),
        ("/faults", json!({"system": "spaceone", "action": "explode"})),
        ("/faults", json!({"system": "spaceone", "path": "("})),
        ("/faults", json!({"system": "spaceone", "unknown": 1})),
        ("/edit", json!({"system": "ncloud", "id": "unknown", "set": {}})),
        ("/edit", json!({"system": "ncloud", "id": "unknown", "remove": true})),
        ("/edit", json!({"system": "ncloud", "id": "x"})),
        ("/edit", json!({"system": "ncloud", "collection": "NetworkPolicy", "add": {}})),
        ("/options", json!({"system": "ncloud", "switches": {"createStatus": "many"}})),
        ("/options", json!({"system": "ncloud", "switches": {"noSuchSwitch": true}})),
        ("/clock", json!({})),
    ] {
        let answer = program.admin("POST", target, &body);
        assert_eq!(answer.status, 400, "{target} {body}: {}", answer.text());
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(program.admin("GET", "/state", &Value::Null).json(), before);
}
