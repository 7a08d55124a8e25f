//! The health of each reason in Argo CD and Flux: the table in `docs/tasks/gitops.md`, compared with the health
//! oracle.

use super::connections;
use super::health_oracle::{Health, health_of};
use super::outcomes::{self, Case};
use crate::docs::markdown::{Page, code_in};
use crate::support::kinds::shown_condition;
use cloud_policy::api::Reason;
use cloud_policy::engine::outcome::Outcome;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The health by Argo CD and the status by kstatus, and their reasons.
type Table = BTreeMap<(String, String), BTreeSet<String>>;

#[tokio::test]
async fn reason_health_matches_documentation() {
    let connections = connections::recorded().await;
    let policies: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    let seen = table(&[policies, connections.clone()].concat());
    assert_eq!(seen, documented());
    let tested: BTreeSet<String> = seen.into_values().flatten().collect();
    let events = [Reason::Orphaned, Reason::InternalError];
    let conditions = Reason::ALL.iter().filter(|reason| !events.contains(reason));
    assert_eq!(tested, conditions.map(|reason| reason.as_str().to_owned()).collect());
    assert_eq!(connections.iter().map(reason).collect::<BTreeSet<_>>(), connections::reasons());
}

#[test]
fn deleted_object_is_progressing_for_any_condition() {
    let mut objects: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    for object in &mut objects {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T08:00:00Z");
    }
    for (object, health) in objects.iter().zip(health_of(&objects)) {
        assert_eq!(health.pair(), ("Progressing", "Terminating"), "{object}");
    }
}

#[test]
fn object_is_progressing_when_conditions_are_outdated() {
    let mut objects: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    objects.retain(|object| object["metadata"]["deletionTimestamp"].is_null());
    for object in &mut objects {
        object["metadata"]["generation"] = json!(8);
    }
    for (object, health) in objects.iter().zip(health_of(&objects)) {
        assert_eq!(health.pair(), ("Progressing", "InProgress"), "{object}");
    }
}

#[test]
fn object_without_status_is_progressing_in_argo_cd() {
    let bare = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy",
        "metadata": { "name": "bare", "generation": 1 }, "spec": {},
    });
    let mut empty = bare.clone();
    empty["status"] = json!({ "observedGeneration": 1 });
    for result in health_of(&[bare, empty]) {
        assert_eq!(result.argo_cd, "Progressing", "{result:?}");
    }
}

/// Returns objects of both policy kinds with this outcome: new ones, and ones that were ready before.
fn objects(case: &Case) -> Vec<Value> {
    let before = Outcome::up_to_date().conditions(&[], 7, Timestamp::UNIX_EPOCH);
    let histories = [Vec::new(), before];
    let kinds = ["Policy", "NetworkPolicy"];
    kinds.iter().flat_map(|kind| histories.iter().map(move |before| object(kind, case, before))).collect()
}

fn object(kind: &str, case: &Case, before: &[Condition]) -> Value {
    let suspend = case.outcome.reason == Reason::Suspended;
    let mut object = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": "recorded", "namespace": "team-a", "generation": 7 },
        "spec": { "suspend": suspend },
        "status": {
            "observedGeneration": 7,
            "conditions": case.outcome.conditions(before, 7, Timestamp::UNIX_EPOCH),
        },
    });
    if case.deletion {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T08:00:00Z");
    }
    object
}

/// Returns the reason of `Ready`.
fn reason(object: &Value) -> String {
    shown_condition(&object["status"], "Ready").unwrap()["reason"].as_str().unwrap().to_owned()
}

fn table(objects: &[Value]) -> Table {
    let mut table = Table::new();
    for (object, Health { argo_cd, kstatus, message }) in objects.iter().zip(health_of(objects)) {
        let reason = reason(object);
        let deleted = message == "Pending deletion";
        assert!(deleted || message.starts_with(&format!("{reason}: ")), "Argo CD shows `{message}` for {reason}");
        table.entry((argo_cd, kstatus)).or_default().insert(reason);
    }
    table
}

fn documented() -> Table {
    let tables = Page::read("docs/tasks/gitops.md").tables();
    let table = tables.into_iter().find(|table| table.header[0] == "Argo CD").expect("a table of health");
    let row = |row: Vec<String>| ((row[0].clone(), row[1].clone()), code_in(&row[2]).into_iter().collect());
    table.rows.into_iter().map(row).collect()
}
