//! What each reason is to Argo CD and to Flux: the table in `docs/tasks/gitops.md`, held to the verdicts.

use super::connections;
use super::health_oracle::{Verdict, verdicts};
use super::outcomes::{self, Case};
use crate::docs::markdown::{Page, code_in};
use crate::support::kinds::shown_condition;
use cloud_policy::api::Reason;
use cloud_policy::engine::outcome::Outcome;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Verdicts, Argo CD's and Flux's, and the reasons that have it.
type Table = BTreeMap<(String, String), BTreeSet<String>>;

#[tokio::test]
async fn what_each_reason_is_to_argo_cd_and_flux_is_as_documented() {
    let connections = connections::recorded().await;
    let policies: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    let seen = table(&[policies, connections.clone()].concat());
    assert_eq!(seen, documented());
    let judged: BTreeSet<String> = seen.into_values().flatten().collect();
    let events = [Reason::Orphaned, Reason::InternalError];
    let conditions = Reason::ALL.iter().filter(|reason| !events.contains(reason));
    assert_eq!(judged, conditions.map(|reason| reason.as_str().to_owned()).collect());
    assert_eq!(connections.iter().map(reason).collect::<BTreeSet<_>>(), connections::reasons());
}

#[test]
fn an_object_that_is_deleted_is_under_way_whatever_its_conditions_say() {
    let mut objects: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    for object in &mut objects {
        object["metadata"]["deletionTimestamp"] = json!("2026-11-21T08:00:00Z");
    }
    for (object, said) in objects.iter().zip(verdicts(&objects)) {
        assert_eq!(said.pair(), ("Progressing", "Terminating"), "{object}");
    }
}

#[test]
fn conditions_of_an_older_spec_count_for_nothing() {
    let mut objects: Vec<Value> = outcomes::all().iter().flat_map(objects).collect();
    objects.retain(|object| object["metadata"]["deletionTimestamp"].is_null());
    for object in &mut objects {
        object["metadata"]["generation"] = json!(8);
    }
    for (object, said) in objects.iter().zip(verdicts(&objects)) {
        assert_eq!(said.pair(), ("Progressing", "InProgress"), "{object}");
    }
}

#[test]
fn an_object_without_any_status_is_not_healthy_to_argo_cd() {
    let bare = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": "Policy",
        "metadata": { "name": "bare", "generation": 1 }, "spec": {},
    });
    let mut empty = bare.clone();
    empty["status"] = json!({ "observedGeneration": 1 });
    for said in verdicts(&[bare, empty]) {
        assert_eq!(said.health, "Progressing", "{said:?}");
    }
}

/// The objects of both policy kinds that report this outcome: at first, and after all was well.
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

/// The reason of `Ready`.
fn reason(object: &Value) -> String {
    shown_condition(&object["status"], "Ready").unwrap()["reason"].as_str().unwrap().to_owned()
}

fn table(objects: &[Value]) -> Table {
    let mut table = Table::new();
    for (object, Verdict { kstatus, health, message }) in objects.iter().zip(verdicts(objects)) {
        let reason = reason(object);
        let deleted = message == "Pending deletion";
        assert!(deleted || message.starts_with(&format!("{reason}: ")), "Argo CD shows `{message}` for {reason}");
        table.entry((health, kstatus)).or_default().insert(reason);
    }
    table
}

fn documented() -> Table {
    let tables = Page::read("docs/tasks/gitops.md").tables();
    let table = tables.into_iter().find(|table| table.header[0] == "Argo CD").expect("a table of verdicts");
    let row = |row: Vec<String>| ((row[0].clone(), row[1].clone()), code_in(&row[2]).into_iter().collect());
    table.rows.into_iter().map(row).collect()
}
