use super::*;
use crate::engine::Remedy;
use crate::telemetry;
use crate::telemetry::Format;
use serde_json::{Value, json};
use std::io;
use tracing::dispatcher::with_default;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ledger() -> AuditLog {
    let object = Object {
        kind: "Policy",
        namespace: "team-a".to_owned(),
        name: "one".to_owned(),
        uid: "u-1".to_owned(),
        connection: "ncloud".to_owned(),
    };
    AuditLog { object, metrics: Metrics::new("1"), page: Mutex::default() }
}

/// The lines that a ledger leaves, from its first write until it is gone.
fn lines(writes: impl FnOnce(&AuditLog)) -> Vec<Value> {
    let paper = Paper::default();
    let sheet = paper.clone();
    let log = telemetry::dispatch(Format::Json, telemetry::DEFAULT_FILTER, false, move || sheet.clone()).unwrap();
    with_default(&log, || writes(&ledger()));
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Operation, code and outcome of each line.
fn told(writes: impl FnOnce(&AuditLog)) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let line = |line: Value| ["operation", "code", "outcome"].map(|key| text(&line, key)).join(" | ");
    lines(writes).into_iter().map(line).collect()
}

fn send(ledger: &AuditLog, operation: &'static str, code: &str) {
    ledger.on_begin("ncloud/policy", operation);
    ledger.on_sent();
    ledger.on_end(code, Some("r-1"));
}

fn error(operation: &'static str, kind: ErrorKind) -> UpstreamError {
    UpstreamError::new(kind, operation, "no")
}

#[test]
fn a_line_says_what_was_written_why_for_whom_and_how_it_went() {
    let all = lines(|ledger| {
        let mut diff = Diff::default();
        diff.compare("spec.ncloud.description", &"a secret", &"another", Remedy::Update);
        ledger.open("drift", Some("p-1"), Some(&diff));
        send(ledger, "update policy", "200");
        assert!(ledger.close(&End::Accepted(None)));
    });
    let [line] = all.as_slice() else { panic!("{all:?}") };
    let mut line = line.clone();
    assert!(line.as_object_mut().unwrap().remove("timestamp").is_some());
    let expected = json!({
        "level": "INFO", "target": "ledger", "message": "upstream write",
        "kind": "Policy", "namespace": "team-a", "name": "one", "uid": "u-1", "connection": "ncloud",
        "system": "ncloud/policy", "operation": "update policy", "cause": "drift", "id": "p-1",
        "fields": "spec.ncloud.description", "code": "200", "request": "r-1", "outcome": "accepted",
    });
    assert_eq!(line, expected, "and no value of a field");
}

#[test]
fn the_id_of_what_was_created_stands_in_its_line() {
    let all = lines(|ledger| {
        ledger.open("spec", None, None);
        send(ledger, "create policy", "201");
        ledger.close(&End::Accepted(Some("new")));
    });
    assert_eq!((all.len(), &all[0]["id"], all[0].get("fields")), (1, &json!("new"), None));
}

#[test]
fn each_request_has_a_line_and_only_that_which_failed_says_so() {
    let all = told(|ledger| {
        ledger.open("spec", Some("p-1"), None);
        send(ledger, "update policy", "200");
        send(ledger, "remove tag", "200");
        send(ledger, "add tag", "409");
        ledger.close(&End::Failed(&error("add tag", ErrorKind::Rejected)));
    });
    assert_eq!(all, ["update policy | 200 | accepted", "remove tag | 200 | accepted", "add tag | 409 | refused"]);
}

#[test]
fn a_write_that_was_taken_is_not_blamed_for_the_read_behind_it() {
    let all = told(|ledger| {
        ledger.open("spec", Some("p-1"), None);
        send(ledger, "update policy", "200");
        ledger.close(&End::Failed(&error("get tags", ErrorKind::Unavailable)));
        ledger.open("deletion", Some("p-1"), None);
        send(ledger, "delete policy", "400");
        ledger.close(&End::Failed(&error("list assigned resources", ErrorKind::Unavailable)));
    });
    assert_eq!(all, ["update policy | 200 | accepted", "delete policy | 400 | refused"]);
}

#[test]
fn what_an_answer_means_knows_who_reads_it() {
    for (kind, outcome) in [
        (ErrorKind::OutcomeUnknown, "unknown"),
        (ErrorKind::RateLimited, "failed"),
        (ErrorKind::Unavailable, "failed"),
        (ErrorKind::Rejected, "refused"),
        (ErrorKind::Unauthorized, "refused"),
    ] {
        let all = told(|ledger| {
            ledger.open("spec", None, None);
            send(ledger, "create policy", "200");
            ledger.close(&End::Failed(&error("create policy", kind)));
        });
        assert_eq!(all, [format!("create policy | 200 | {outcome}")], "{kind:?}");
    }
    let all = told(|ledger| {
        ledger.open("spec", None, None);
        send(ledger, "create policy", "400");
        ledger.close(&End::Refused);
    });
    assert_eq!(all, ["create policy | 400 | refused"]);
}

#[test]
fn what_was_kept_back_has_failed_and_was_not_sent() {
    let all = told(|ledger| {
        ledger.open("spec", None, None);
        ledger.on_begin("ncloud/policy", "create policy");
        ledger.on_end("breaker", None);
        assert!(!ledger.close(&End::Failed(&error("create policy", ErrorKind::Unavailable))));
    });
    assert_eq!(all, ["create policy | breaker | failed"]);
}

#[test]
fn what_is_left_in_the_middle_is_unknown() {
    let all = told(|ledger| {
        ledger.open("spec", None, None);
        ledger.on_begin("ncloud/policy", "create policy");
        ledger.on_sent();
    });
    assert_eq!(all, ["create policy | abandoned | unknown"]);
}

#[test]
fn reads_leave_no_line() {
    assert!(
        told(|ledger| {
            ledger.open("deletion", Some("p-1"), None);
            assert!(!ledger.close(&End::Failed(&error("get policy", ErrorKind::Unavailable))));
        })
        .is_empty()
    );
}

#[test]
fn of_many_fields_some_are_named_and_the_rest_are_counted() {
    let mut diff = Diff::default();
    for number in 0..SHOWN_FIELDS + 3 {
        diff.compare(&format!("f{number}"), &1, &2, Remedy::Update);
    }
    let told = paths(&diff);
    assert!(told.starts_with("f0, f1, ") && told.ends_with(", f19, and 3 more"), "{told}");
}
