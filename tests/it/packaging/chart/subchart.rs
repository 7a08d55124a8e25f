//! The chart as a part of another chart, with both Helms: its condition, global values, and `OpenShift`.

use super::helm::{Helm, object, objects};
use super::place;
use serde_json::{Value, json};
use std::fs;

const OPENSHIFT: &str = "--api-versions security.openshift.io/v1/SecurityContextConstraints";

/// Writes a parent chart with these values, and renders it.
async fn parent(helm: &Helm, values: Value, arguments: &str) -> Vec<Value> {
    let charts = helm.directory().join("parent/charts");
    if !charts.exists() {
        fs::create_dir_all(&charts).unwrap();
        std::os::unix::fs::symlink(place(""), charts.join("cloud-policy-operator")).unwrap();
    }
    let dependency = json!({
        "name": "cloud-policy-operator", "version": env!("CARGO_PKG_VERSION"), "condition": "cloud-policy-operator.enabled",
    });
    let parent = json!({ "apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency] });
    fs::write(helm.directory().join("parent/Chart.yaml"), parent.to_string()).unwrap();
    fs::write(helm.directory().join("parent/values.yaml"), values.to_string()).unwrap();
    let made = helm.run(&format!("helm template x parent {arguments}")).await;
    objects(&made.unwrap_or_else(|error| panic!("Helm {}: {error}", helm.major)))
}

fn pod(objects: &[Value]) -> Value {
    object(objects, "Deployment", "x-cloud-policy-operator")["spec"]["template"]["spec"].clone()
}

#[tokio::test]
async fn parent_chart_condition_enables_and_disables_chart() {
    for helm in Helm::both() {
        for (enabled, expected) in [(true, 1), (false, 0)] {
            let values = json!({ "cloud-policy-operator": { "enabled": enabled }, "global": { "of": "parent" } });
            let made = parent(&helm, values, "").await;
            let deployments = made.iter().filter(|object| object["kind"] == "Deployment").count();
            assert_eq!(deployments, expected, "Helm {}: enabled={enabled}", helm.major);
        }
    }
}

#[tokio::test]
async fn global_registry_and_secrets_reach_the_pod() {
    let repositories = [
        ("ghcr.io/owner/operator", "mirror.example:5000/a/owner/operator:1.0"),
        ("localhost/operator", "mirror.example:5000/a/operator:1.0"),
        ("registry:5000/operator", "mirror.example:5000/a/operator:1.0"),
        ("owner/operator", "mirror.example:5000/a/owner/operator:1.0"),
        ("operator", "mirror.example:5000/a/operator:1.0"),
    ];
    for helm in Helm::both() {
        for (repository, expected) in repositories {
            let values = json!({
                "global": {
                    "imageRegistry": "mirror.example:5000/a", "imagePullSecrets": ["one", { "name": "two" }], "storageClass": "fast",
                },
                "cloud-policy-operator": {
                    "image": { "repository": repository, "tag": "1.0" }, "imagePullSecrets": [{ "name": "two" }, { "name": "three" }],
                },
            });
            let pod = pod(&parent(&helm, values, "").await);
            assert_eq!(pod["containers"][0]["image"], expected, "Helm {}", helm.major);
            assert_eq!(pod["imagePullSecrets"], json!([{ "name": "one" }, { "name": "two" }, { "name": "three" }]));
        }
    }
}

/// The SCC `restricted-v2` of `OpenShift` chooses the ids, and refuses others.
#[tokio::test]
async fn pod_sets_no_user_or_group_where_openshift_does() {
    let mode = |mode: &str| json!({ "global": { "compatibility": { "openshift": { "adaptSecurityContext": mode } } } });
    let own_ids = json!({ "cloud-policy-operator": { "securityContext": { "runAsUser": 7 } } });
    let cases = [
        (json!({}), "", true),
        (json!({}), OPENSHIFT, false),
        (own_ids, OPENSHIFT, false),
        (mode("auto"), OPENSHIFT, false),
        (mode("force"), "", false),
        (mode("disabled"), OPENSHIFT, true),
        (json!({ "global": { "compatibility": {} } }), OPENSHIFT, false),
    ];
    for helm in Helm::both() {
        for (values, arguments, sets) in &cases {
            let pod = pod(&parent(&helm, values.clone(), arguments).await);
            let contexts = [&pod["securityContext"], &pod["containers"][0]["securityContext"]];
            let ids: Vec<&String> = contexts
                .iter()
                .flat_map(|context| context.as_object().unwrap().keys())
                .filter(|key| key.starts_with("runAs") && *key != "runAsNonRoot" || *key == "fsGroup")
                .collect();
            assert_eq!(!ids.is_empty(), *sets, "Helm {}: {values} {arguments}: {ids:?}", helm.major);
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        }
    }
}

#[tokio::test]
async fn pod_has_what_has_no_value_of_its_own() {
    let values = json!({ "cloud-policy-operator": {
        "revisionHistoryLimit": 0,
        "podSpecExtra": { "hostNetwork": true, "initContainers": [{ "name": "wait", "image": "wait" }] },
        "extraContainers": [{ "name": "shipper", "image": "shipper" }],
        "operator": { "extraEnvFrom": [{ "secretRef": { "name": "environment" } }] },
    } });
    for helm in Helm::both() {
        let made = parent(&helm, values.clone(), "").await;
        assert_eq!(object(&made, "Deployment", "x-cloud-policy-operator")["spec"]["revisionHistoryLimit"], 0);
        let pod = pod(&made);
        assert_eq!((&pod["hostNetwork"], &pod["initContainers"][0]["name"]), (&json!(true), &json!("wait")));
        assert_eq!(
            (&pod["containers"][0]["name"], &pod["containers"][1]["name"]),
            (&json!("operator"), &json!("shipper"))
        );
        assert_eq!(pod["containers"][0]["envFrom"][0]["secretRef"]["name"], "environment");
    }
}
