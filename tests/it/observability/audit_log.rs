//! The ledger, compared with what the upstreams wrote down: a line for every write, in the same order,
//! and none besides.

use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use crate::support::test_log::TestLog;
use cloud_policy::api::{NetworkPolicy, Policy};
use cloud_policy_simulator::ncloud::NewPolicy;
use cloud_policy_simulator::{Action, Entry, Fault, Journal, Operation};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the ledger and an upstream both say of one write: what was asked, the status of the answer.
type Said = (Operation, Option<u16>);

fn asked(line: &Value) -> Operation {
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

fn is_write(entry: &Entry) -> bool {
    use Operation::{Create, Delete, PinData, TagsAdd, TagsRemove, Update};
    [Create, Update, Delete, PinData, TagsAdd, TagsRemove].contains(&entry.operation)
}

/// The ledger of an upstream says what its journal says.
fn agree(ledger: &[Value], upstream: &str, journal: &Journal) {
    let lines: Vec<&Value> =
        ledger.iter().filter(|line| line["system"].as_str().unwrap().starts_with(upstream)).collect();
    let entries: Vec<Entry> = journal.entries().into_iter().filter(is_write).collect();
    let told: Vec<Said> = lines.iter().map(|line| (asked(line), line["code"].as_str().unwrap().parse().ok())).collect();
    let happened: Vec<Said> = entries.iter().map(|entry| (entry.operation, entry.status)).collect();
    assert_eq!(told, happened, "{upstream}");
    for (line, entry) in lines.iter().zip(&entries) {
        let outcome = line["outcome"].as_str().unwrap();
        let possible = if entry.effect { &["accepted", "unknown"][..] } else { &["refused", "failed", "unknown"] };
        assert!(possible.contains(&outcome), "{line} is {entry:?}");
        if let (Some(id), Some(object)) = (line["id"].as_str(), &entry.object_id) {
            assert_eq!(id, object, "{line}");
        }
    }
}

/// Cause, operation and outcome of the lines of an object, in order.
fn story(ledger: &[Value], name: &str) -> Vec<String> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or("-").to_owned();
    let ours = ledger.iter().filter(|line| line["name"] == name);
    ours.map(|line| ["cause", "operation", "outcome"].map(|key| text(line, key)).join(" ")).collect()
}

#[tokio::test]
async fn every_write_has_a_line_and_every_line_is_a_write() {
    let (test_log, _logging) = TestLog::open("error,ledger=info");
    // What was refused is not tried again meanwhile.
    let env = TestEnv::with("ledger", |settings| settings.slow_retry = Duration::from_mins(10)).await;
    a_life(&env).await;
    what_goes_wrong(&env).await;
    what_was_there_before(&env).await;
    what_cannot_be_changed_in_place(&env).await;
    let ledger = test_log.lines("ledger");
    agree(&ledger, "ncloud/", env.ncloud.journal());
    agree(&ledger, "spaceone/", env.spaceone.journal());
    let update = ["update policy", "remove tag", "add tag"];
    assert_eq!(
        story(&ledger, "life"),
        [
            &["spec create policy accepted".to_owned()][..],
            &update.map(|operation| format!("spec {operation} accepted")),
            &["drift update policy accepted".to_owned(), "deletion delete policy accepted".to_owned()],
        ]
        .concat()
    );
    assert_eq!(story(&ledger, "refused"), ["spec create policy refused"]);
    assert_eq!(story(&ledger, "lost"), ["spec create policy unknown"], "it was found, and not made again");
    assert_eq!(story(&ledger, "there"), ["adoption add tag accepted", "spec update policy accepted"]);
    let recreated = ["recreate delete network policy accepted", "recreate create network policy accepted"];
    assert!(story(&ledger, "moved").windows(2).any(|lines| lines == recreated), "{:?}", story(&ledger, "moved"));
    the_lines_say_which_fields(&ledger);
    the_metric_counts_the_lines(&env, &ledger);
}

async fn a_life(env: &TestEnv) {
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

async fn what_goes_wrong(env: &TestEnv) {
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

async fn what_was_there_before(env: &TestEnv) {
    let by_hand = NewPolicy { policy_name: "there".to_owned(), ..NewPolicy::default() };
    env.ncloud.add_policy(by_hand);
    let mut object = ncloud_policy("there");
    object["spec"]["adoptionPolicy"] = json!("Always");
    env.apply(object).await;
    env.ready::<Policy>("there").await;
}

async fn what_cannot_be_changed_in_place(env: &TestEnv) {
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

fn the_lines_say_which_fields(ledger: &[Value]) {
    let of = |name: &str, operation: &str| {
        let found = ledger.iter().find(|line| line["name"] == name && line["operation"] == operation);
        found.unwrap_or_else(|| panic!("{name}: {operation}")).clone()
    };
    let update = of("life", "update policy");
    assert_eq!(update["fields"], "spec.ncloud.description, spec.ncloud.tags.team");
    assert_eq!(update["fields"], of("life", "add tag")["fields"]);
    assert!(of("life", "create policy").get("fields").is_none());
    assert_eq!(of("moved", "delete network policy")["fields"], "spec.spaceone.zoneId");
    assert_eq!(of("refused", "create policy")["request"], "trace-7");
    let causes: BTreeSet<&str> = ledger.iter().filter_map(|line| line["cause"].as_str()).collect();
    assert_eq!(causes, BTreeSet::from(["spec", "drift", "adoption", "recreate", "deletion"]));
    for line in ledger {
        assert!(line["uid"].as_str().is_some_and(|uid| uid.len() == 36), "{line}");
        assert!(!line.to_string().contains("by hand") && !line.to_string().contains("second"), "a value: {line}");
    }
}

fn the_metric_counts_the_lines(env: &TestEnv, ledger: &[Value]) {
    let metrics = env.metrics();
    let counts = metrics.lines().filter(|line| line.starts_with("cloud_policy_upstream_writes_total{"));
    let counted: usize = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum();
    assert_eq!(counted, ledger.len(), "{metrics}");
}
