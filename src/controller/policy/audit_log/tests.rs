use super::*;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::{Cause, Diff, Remedy};
use crate::telemetry;
use crate::telemetry::Format;
use serde_json::{Value, json};
use std::io;
use tracing::dispatcher::with_default;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn audit_log() -> AuditLog {
    let object = Object {
        kind: "Policy",
        namespace: "team-a".to_owned(),
        name: "one".to_owned(),
        uid: "u-1".to_owned(),
        connection: "ncloud".to_owned(),
        used_by: Some(12),
    };
    AuditLog { object, metrics: Metrics::new("1"), pending: Mutex::default(), approval: Mutex::default() }
}

/// Returns the lines of a log, from its first write until it is dropped.
fn lines(writes: impl FnOnce(&AuditLog)) -> Vec<Value> {
    let output = Output::default();
    let sink = output.clone();
    let subscriber = telemetry::dispatch(Format::Json, telemetry::DEFAULT_FILTER, false, move || sink.clone()).unwrap();
    with_default(&subscriber, || writes(&audit_log()));
    let bytes = output.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns operation, code and outcome of each line.
fn summaries(writes: impl FnOnce(&AuditLog)) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let line = |line: Value| ["operation", "code", "outcome"].map(|key| text(&line, key)).join(" | ");
    lines(writes).into_iter().map(line).collect()
}

fn send(log: &AuditLog, operation: &'static str, code: &str) {
    log.on_begin("ncloud/policy", operation);
    log.on_sent();
    log.on_end(code, Some("r-1"));
}

fn error(operation: &'static str, kind: ErrorKind) -> UpstreamError {
    UpstreamError::new(kind, operation, "no")
}

#[test]
fn line_names_write_cause_object_and_outcome() {
    let all = lines(|log| {
        let mut diff = Diff::default();
        diff.compare("spec.ncloud.description", &"a secret", &"another", Remedy::Update);
        diff.access = Change::Wider;
        log.open(&Write::update(Cause::Drift, "p-1", &diff));
        send(log, "update policy", "200");
        assert!(log.close(&CallResult::Accepted(None)));
    });
    let [line] = all.as_slice() else { panic!("{all:?}") };
    let mut line = line.clone();
    assert!(line.as_object_mut().unwrap().remove("timestamp").is_some());
    let expected = json!({
        "level": "INFO", "target": "audit", "message": "upstream write",
        "kind": "Policy", "namespace": "team-a", "name": "one", "uid": "u-1", "connection": "ncloud",
        "system": "ncloud/policy", "operation": "update policy", "cause": "drift", "id": "p-1",
        "fields": "spec.ncloud.description", "access": "narrower", "code": "200", "request": "r-1", "outcome": "accepted",
    });
    assert_eq!(line, expected, "and no value of a field");
}

#[test]
fn line_of_a_create_shows_the_new_id() {
    let all = lines(|log| {
        log.open(&Write::create(Cause::Spec, Change::Wider));
        send(log, "create policy", "201");
        log.close(&CallResult::Accepted(Some("new")));
    });
    assert_eq!((all.len(), &all[0]["id"], all[0].get("fields")), (1, &json!("new"), None));
}

#[test]
fn access_changes_are_counted_once_for_each_accepted_write() {
    let log = audit_log();
    let accepted = CallResult::Accepted(None);
    let refused = CallResult::Refused;
    for (write, result) in [
        (Write::create(Cause::Spec, Change::Wider), &accepted),
        (Write::create(Cause::Spec, Change::Wider), &refused),
        (Write::tag(Cause::Adoption, "p-1"), &accepted),
        (Write::delete(Cause::Deletion, "p-1", Change::Wider), &accepted),
        (Write::delete(Cause::Recreate, "p-1", Change::Unknown), &accepted),
    ] {
        log.open(&write);
        send(&log, "update policy", "200");
        send(&log, "add tag", "200");
        log.close(result);
    }
    let shown = log.metrics.encode().unwrap();
    let mut counted: Vec<_> =
        shown.lines().filter(|line| line.starts_with("cloud_policy_access_changes_total")).collect();
    counted.sort_unstable();
    let line = |direction: &str, cause: &str| {
        format!(
            r#"cloud_policy_access_changes_total{{system="ncloud/policy",direction="{direction}",cause="{cause}"}} 1"#
        )
    };
    assert_eq!(counted, [line("narrower", "deletion"), line("unknown", "recreate"), line("wider", "spec")]);
}

#[test]
fn failure_marks_only_the_request_that_failed() {
    let all = summaries(|log| {
        log.open(&Write::tag(Cause::Spec, "p-1"));
        send(log, "update policy", "200");
        send(log, "remove tag", "200");
        send(log, "add tag", "409");
        log.close(&CallResult::Failed(&error("add tag", ErrorKind::Rejected)));
    });
    assert_eq!(all, ["update policy | 200 | accepted", "remove tag | 200 | accepted", "add tag | 409 | refused"]);
}

#[test]
fn accepted_write_is_not_failed_by_a_later_read() {
    let all = summaries(|log| {
        log.open(&Write::tag(Cause::Spec, "p-1"));
        send(log, "update policy", "200");
        log.close(&CallResult::Failed(&error("get tags", ErrorKind::Unavailable)));
        log.open(&Write::delete(Cause::Deletion, "p-1", Change::Wider));
        send(log, "delete policy", "400");
        log.close(&CallResult::Failed(&error("list assigned resources", ErrorKind::Unavailable)));
    });
    assert_eq!(all, ["update policy | 200 | accepted", "delete policy | 400 | refused"]);
}

#[test]
fn caller_decides_the_outcome_of_a_response() {
    for (kind, outcome) in [
        (ErrorKind::OutcomeUnknown, "unknown"),
        (ErrorKind::RateLimited, "failed"),
        (ErrorKind::Unavailable, "failed"),
        (ErrorKind::Rejected, "refused"),
        (ErrorKind::Unauthorized, "refused"),
    ] {
        let all = summaries(|log| {
            log.open(&Write::create(Cause::Spec, Change::Wider));
            send(log, "create policy", "200");
            log.close(&CallResult::Failed(&error("create policy", kind)));
        });
        assert_eq!(all, [format!("create policy | 200 | {outcome}")], "{kind:?}");
    }
    let all = summaries(|log| {
        log.open(&Write::create(Cause::Spec, Change::Wider));
        send(log, "create policy", "400");
        log.close(&CallResult::Refused);
    });
    assert_eq!(all, ["create policy | 400 | refused"]);
}

#[test]
fn unsent_request_is_logged_as_failed() {
    let all = summaries(|log| {
        log.open(&Write::create(Cause::Spec, Change::Wider));
        log.on_begin("ncloud/policy", "create policy");
        log.on_end("breaker", None);
        assert!(!log.close(&CallResult::Failed(&error("create policy", ErrorKind::Unavailable))));
    });
    assert_eq!(all, ["create policy | breaker | failed"]);
}

#[test]
fn abandoned_request_is_logged_as_unknown() {
    let all = summaries(|log| {
        log.open(&Write::create(Cause::Spec, Change::Wider));
        log.on_begin("ncloud/policy", "create policy");
        log.on_sent();
    });
    assert_eq!(all, ["create policy | abandoned | unknown"]);
}

#[test]
fn reads_are_not_logged() {
    assert!(
        summaries(|log| {
            log.open(&Write::delete(Cause::Deletion, "p-1", Change::Wider));
            assert!(!log.close(&CallResult::Failed(&error("get policy", ErrorKind::Unavailable))));
        })
        .is_empty()
    );
}

#[test]
fn long_field_list_is_cut_and_counted() {
    let mut diff = Diff::default();
    for number in 0..SHOWN_FIELDS + 3 {
        diff.compare(&format!("f{number}"), &1, &2, Remedy::Update);
    }
    let shown = write::paths(&diff);
    assert!(shown.starts_with("f0, f1, ") && shown.ends_with(", f19, and 3 more"), "{shown}");
}

#[test]
fn users_are_counted_only_where_a_write_may_grant() {
    let of = |access| {
        let lines = lines(|log| {
            log.open(&Write::create(Cause::Spec, access));
            send(log, "create policy", "200");
        });
        lines[0]["used_by"].clone()
    };
    assert_eq!([Change::Wider, Change::Both, Change::Unknown].map(of), [12, 12, 12].map(Value::from));
    assert_eq!([Change::Equal, Change::Narrower].map(of), [Value::Null, Value::Null]);
}
