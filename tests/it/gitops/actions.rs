//! The action `refresh` of Argo CD, in Argo CD's own Lua.

use super::health_oracle::acted_on;
use cloud_policy::api::{RECONCILE_REQUESTED_AT, crds};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

/// Returns one object of each kind, with lists and objects that Lua might change.
fn objects() -> Vec<Value> {
    let object = |kind: &str| {
        json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1", "kind": kind,
            "metadata": { "name": "viewer", "namespace": "team-a", "annotations": { "team": "a" }, "generation": 2 },
            "spec": { "suspend": false, "tags": {}, "labels": [], "dns": ["10.0.0.2", "10.0.0.3"] },
            "status": { "observedGeneration": 2 },
        })
    };
    crds::all().iter().map(|crd| object(&crd.spec.names.kind)).collect()
}

#[test]
fn refresh_action_requests_a_reconcile_and_nothing_else() {
    let before = objects();
    let started = Timestamp::now() - 2.seconds();
    for (mut after, before) in acted_on("refresh", &before).into_iter().zip(&before) {
        let annotations = after["metadata"]["annotations"].as_object_mut().unwrap();
        let requested = annotations.remove(RECONCILE_REQUESTED_AT).expect("the annotation");
        let requested: Timestamp = requested.as_str().unwrap().parse().unwrap();
        assert!(requested >= started && requested <= Timestamp::now(), "{requested}");
        assert_eq!(&after, before);
    }
}

#[test]
fn refresh_action_works_without_annotations() {
    let mut bare = objects().remove(0);
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    let after = acted_on("refresh", &[bare]).remove(0);
    assert_eq!(
        after["metadata"]["annotations"].as_object().unwrap().keys().collect::<Vec<_>>(),
        [RECONCILE_REQUESTED_AT]
    );
}

#[test]
fn refresh_action_is_disabled_for_suspended_object() {
    let mut suspended = objects().remove(0);
    suspended["spec"]["suspend"] = json!(true);
    assert_eq!(acted_on("refresh", &[suspended]), [Value::Null]);
}
