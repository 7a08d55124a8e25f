//! The audit log, compared with the journals of the upstreams: one line for every write, in the same order, and
//! no other lines.

use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use crate::support::test_log::TestLog;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::{Action, Entry, Fault, Journal, Operation};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A write as the audit log and the upstream record it: the operation and the status of the response.
type Write = (Operation, Option<u16>);

fn operation(line: &Value) -> Operation {
    match line["operation"].as_str().unwrap() {
        "create policy" | "create network policy" => Operation::Create,
        "update policy" | "update network policy" => Operation::Update,
        "delete policy" | "delete network policy" => Operation::Delete,
        "pin fields" => Operation::PinData,
        "add tag" => Operation::TagsAdd,
        "remove tag" => Operation::TagsRemove,
        other => panic!("{other}"),
    }
}

/// Asserts that the audit log of an upstream equals its journal.
fn assert_equal(audit_log: &[Value], upstream: &str, journal: &Journal) {
    let lines: Vec<&Value> =
        audit_log.iter().filter(|line| line["system"].as_str().unwrap().starts_with(upstream)).collect();
    let entries: Vec<Entry> = journal.entries().into_iter().filter(|entry| entry.operation.is_write()).collect();
    let logged: Vec<Write> =
        lines.iter().map(|line| (operation(line), line["code"].as_str().unwrap().parse().ok())).collect();
    let recorded: Vec<Write> = entries.iter().map(|entry| (entry.operation, entry.status)).collect();
    assert_eq!(logged, recorded, "{upstream}");
    for (line, entry) in lines.iter().zip(&entries) {
        let outcome = line["outcome"].as_str().unwrap();
        let possible = if entry.effect { &["accepted", "unknown"][..] } else { &["refused", "failed", "unknown"] };
        assert!(possible.contains(&outcome), "{line} is {entry:?}");
        if let (Some(id), Some(object)) = (line["id"].as_str(), &entry.object_id) {
            assert_eq!(id, object, "{line}");
        }
    }
}

/// Returns cause, operation and outcome of the lines of an object, in order.
fn lines_of(audit_log: &[Value], name: &str) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let ours = audit_log.iter().filter(|line| line["name"] == name);
    ours.map(|line| ["cause", "operation", "outcome"].map(|key| text(line, key)).join(" ")).collect()
}

#[tokio::test]
async fn audit_log_has_one_line_for_each_write() {
    let (test_log, _logging) = TestLog::open("error,audit=info");
    // A refused write is not repeated during the test.
    let env = TestEnv::with("audit-log", |settings| settings.slow_retry = Duration::from_mins(10)).await;
    change_and_delete(&env).await;
    refuse_and_lose_creates(&env).await;
    adopt_existing_policy(&env).await;
    recreate_network_policy(&env).await;
    let audit_log = test_log.lines("audit");
    assert_equal(&audit_log, "ncloud/", env.ncloud.journal());
    assert_equal(&audit_log, "spaceone/", env.spaceone.journal());
    let update = ["update policy", "add tag"];
    assert_eq!(
        lines_of(&audit_log, "life"),
        [
            &["spec create policy accepted".to_owned()][..],
            &update.map(|operation| format!("spec {operation} accepted")),
            &["drift update policy accepted".to_owned(), "deletion delete policy accepted".to_owned()],
        ]
        .concat()
    );
    assert_eq!(lines_of(&audit_log, "refused"), ["spec create policy refused"]);
    assert_eq!(lines_of(&audit_log, "lost"), ["spec create policy unknown"], "it was found, and not created again");
    assert_eq!(lines_of(&audit_log, "there"), ["adoption add tag accepted", "spec update policy accepted"]);
    let recreated = ["recreate delete network policy accepted", "recreate create network policy accepted"];
    assert!(
        lines_of(&audit_log, "moved").windows(2).any(|lines| lines == recreated),
        "{:?}",
        lines_of(&audit_log, "moved")
    );
    assert_fields(&audit_log);
    assert_metric_equals_lines(&env, &audit_log);
}

async fn change_and_delete(env: &TestEnv) {
    let mut object = ncloud_policy("life");
    object["spec"]["ncloud"]["tags"] = json!({ "team": "a" });
    env.apply(object.clone()).await;
    let id = upstream_id(&env.ready::<Policy>("life").await);
    object["spec"]["ncloud"]["tags"] = json!({ "team": "b" });
    object["spec"]["ncloud"]["description"] = json!("second");
    env.apply(object).await;
    env.ready::<Policy>("life").await;
    env.ncloud.edit_policy(&id, |policy| policy.description = Some("by hand".to_owned()));
    env.eventually("the correction", || env.ncloud.journal().effects(Operation::Update) == 2).await;
    env.ready::<Policy>("life").await;
    env.delete::<Policy>("life").await;
    env.gone::<Policy>("life").await;
}

async fn refuse_and_lose_creates(env: &TestEnv) {
    let body = r#"{"success":false,"validationDetails":[]}"#;
    let headers = BTreeMap::from([("x-ncp-trace-id".to_owned(), "trace-7".to_owned())]);
    let refusal = Action::Status { code: 400, body: body.to_owned(), headers };
    env.ncloud.faults().add(Fault::on(Operation::Create).before(refusal));
    let mut object = ncloud_policy("refused");
    object["spec"]["suspend"] = json!(false);
    env.apply(object).await;
    env.reason::<Policy>("refused", "ValidationFailed").await;
    env.patch::<Policy>("refused", json!({ "spec": { "suspend": true } })).await;
    env.ncloud.faults().add(Fault::on(Operation::Create).after(Action::Reset));
    env.apply(ncloud_policy("lost")).await;
    env.ready::<Policy>("lost").await;
}

async fn adopt_existing_policy(env: &TestEnv) {
    let by_hand = NewPolicy { policy_name: "there".to_owned(), ..NewPolicy::default() };
    env.ncloud.add_policy(by_hand);
    let mut object = ncloud_policy("there");
    object["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(object).await;
    env.ready::<Policy>("there").await;
}

async fn recreate_network_policy(env: &TestEnv) {
    env.apply(spaceone_policy("plain")).await;
    env.ready::<Policy>("plain").await;
    let zones = env.spaceone.zone_ids();
    let mut object = network_policy("moved", &zones[0]);
    object["spec"]["recreatePolicy"] = json!("WhenRequired");
    env.apply(object.clone()).await;
    env.ready::<NetworkPolicy>("moved").await;
    object["spec"]["spaceone"]["zoneId"] = json!(zones[1]);
    env.apply(object).await;
    env.ready::<NetworkPolicy>("moved").await;
}

fn assert_fields(audit_log: &[Value]) {
    let of = |name: &str, operation: &str| {
        let found = audit_log.iter().find(|line| line["name"] == name && line["operation"] == operation);
        found.unwrap_or_else(|| panic!("{name}: {operation}")).clone()
    };
    let update = of("life", "update policy");
    assert_eq!(update["fields"], "spec.ncloud.description, spec.ncloud.tags.team");
    assert_eq!(update["fields"], of("life", "add tag")["fields"]);
    assert!(of("life", "create policy").get("fields").is_none());
    assert_eq!(of("moved", "delete network policy")["fields"], "spec.spaceone.zoneId");
    assert_eq!(of("refused", "create policy")["request"], "trace-7");
    for (name, operation, access) in [
        ("life", "create policy", "wider"),
        ("life", "update policy", "equal"),
        ("life", "delete policy", "narrower"),
        ("moved", "create network policy", "wider"),
        ("moved", "delete network policy", "narrower"),
    ] {
        assert_eq!(of(name, operation)["access"], access, "{name}: {operation}");
    }
    let causes: BTreeSet<&str> = audit_log.iter().filter_map(|line| line["cause"].as_str()).collect();
    assert_eq!(causes, BTreeSet::from(["spec", "drift", "adoption", "recreate", "deletion"]));
    for line in audit_log {
        assert!(line["uid"].as_str().is_some_and(|uid| uid.len() == 36), "{line}");
        assert!(
            !line.to_string().contains("by hand") && !line.to_string().contains("second"),
            "the line has a value: {line}"
        );
    }
}

fn assert_metric_equals_lines(env: &TestEnv, audit_log: &[Value]) {
    let metrics = env.metrics();
    let counts = metrics.lines().filter(|line| line.starts_with("cloud_policy_upstream_writes_total{"));
    let counted: usize = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
    assert_eq!(counted, audit_log.len(), "{metrics}");
    for counted in [
        r#"{system="ncloud/policy",direction="narrower",cause="deletion"} 1"#,
        r#"{system="spaceone/networkpolicy",direction="wider",cause="recreate"} 1"#,
    ] {
        let line = format!("cloud_policy_access_changes_total{counted}");
        assert!(metrics.lines().any(|shown| shown == line), "no {line} in {metrics}");
    }
}
