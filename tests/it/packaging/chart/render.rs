//! A real API server accepts every object that the chart renders, and both Helms render the same.

use super::helm::{Helm, object};
use super::place;
use crate::support;
use anyhow::Context;
use cloud_policy_testbed::{ControlPlane, TestNamespace, repository};
use k8s_openapi::api::core::v1::Pod;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::fs;

/// The default values, and every file in `ci`.
const CASES: [&str; 7] = ["", "everything", "namespaced", "every-tenant", "little", "alone", "proxied"];
/// The kinds that the values of `everything` render: all but the `PodMonitor` of `alone`.
const EVERYTHING: [&str; 14] = [
    "ClusterConnection",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "Deployment",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
];

#[tokio::test]
async fn api_server_accepts_objects_of_both_helms() {
    let control_plane = support::control_plane().await;
    let namespace = TestNamespace::create(&support::client().await, "chart").await.unwrap();
    let kinds = repository().join("tests/it/packaging/chart/monitoring.yaml").display().to_string();
    control_plane.run_kubectl(&["apply", "--server-side", "-f", &kinds]).unwrap();
    control_plane.run_kubectl(&["wait", "--for=condition=Established", "-f", &kinds]).unwrap();
    assert_eq!(fs::read_dir(place("ci")).unwrap().count(), CASES.len() - 1, "every file of ci is a case");
    let [three, four] = Helm::both();
    for case in CASES {
        let (old, new) = tokio::join!(made(&three, case, &namespace), made(&four, case, &namespace));
        assert!(old == new, "Helm 3 and Helm 4 differ: {case}");
        dry_run(control_plane, &four, case, &old).unwrap();
    }
}

/// Renders the chart with the values of a case, as in a cluster that has the kinds.
async fn made(helm: &Helm, case: &str, namespace: &TestNamespace) -> Vec<Value> {
    let known = "--api-versions cloudpolicy.dev/v1alpha1/ClusterConnection --kube-version 1.36";
    let values = match case {
        "" => String::new(),
        case => format!("--values '{}'", place(&format!("ci/{case}-values.yaml")).display()),
    };
    helm.template(&format!("chart {known} --namespace {} {values}", namespace.name())).await.unwrap()
}

fn dry_run(control_plane: &ControlPlane, helm: &Helm, case: &str, objects: &[Value]) -> anyhow::Result<()> {
    let file = helm.directory().join("made.json");
    fs::write(&file, json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string())?;
    let file = file.display().to_string();
    let flags = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
    let said = control_plane.run_kubectl(&[&["apply", "-f", &file], &flags[..]].concat());
    let said = said.with_context(|| format!("the values of {case:?}"))?;
    anyhow::ensure!(said.lines().count() == objects.len(), "{} objects: {said}", objects.len());
    Ok(())
}

#[tokio::test]
async fn everything_values_render_every_kind() {
    let values = place("ci/everything-values.yaml");
    let arguments =
        format!("x --values '{}' --api-versions cloudpolicy.dev/v1alpha1/ClusterConnection", values.display());
    let made = Helm::of("3", None).template(&arguments).await.unwrap();
    for kind in EVERYTHING {
        assert!(made.iter().any(|object| object["kind"] == kind), "there is no {kind}");
    }
    let deployment = object(&made, "Deployment", "everything");
    let pods = &deployment["spec"]["template"]["metadata"]["labels"];
    for (label, value) in deployment["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(pods[label], *value, "no value may remove a label of the selector");
    }
    let budget = &object(&made, "PodDisruptionBudget", "everything")["spec"];
    assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow", "{budget}");
    let names = object(&made, "NetworkPolicy", "everything")["spec"]["egress"][0]["ports"].to_string();
    assert!(names.contains("53,") && names.contains("5353,"), "the ports of DNS pods, also in OpenShift: {names}");
}

#[tokio::test]
async fn monitor_selects_pods_from_another_namespace() {
    for (kind, case) in [("ServiceMonitor", "everything"), ("PodMonitor", "alone")] {
        let values = place(&format!("ci/{case}-values.yaml"));
        let arguments = format!("everything --namespace here --values '{}' --set fullnameOverride=x", values.display());
        let made = Helm::of("4", None).template(&arguments).await.unwrap();
        let monitor = object(&made, kind, "x");
        assert_eq!(monitor["metadata"]["namespace"], "default");
        assert_eq!(monitor["spec"]["namespaceSelector"]["matchNames"], json!(["here"]));
        let labels = &monitor["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/part-of"], "kube-prometheus-stack", "not that of the chart");
        assert!(kind == "PodMonitor" || labels["team"] == "monitoring", "not that of commonLabels: {labels}");
    }
}

/// Kubernetes reads these names as text, YAML as numbers and booleans.
#[tokio::test]
async fn numeric_and_dotted_names_stay_strings() {
    let control_plane = support::control_plane().await;
    let client = support::client().await;
    let _own = TestNamespace::named(&client, "12345").await.unwrap();
    let _tenant = TestNamespace::named(&client, "1e3").await.unwrap();
    let odd = "--namespace 12345 --set-string tenantConnections.namespaces={1e3},priorityClassName=1,serviceAccount.name=1e9 \
               --set-string connections[0].name=123 --set-json 'connections[0].spec={\"ncloud\":{\"zone\":\"Public\",\
               \"credentialsSecretRef\":{\"name\":\"1\"}},\"allowedNamespaces\":{\"names\":[\"12345\"]}}' \
               --api-versions cloudpolicy.dev/v1alpha1/ClusterConnection --kube-version 1.36";
    for helm in Helm::both() {
        for release in ["true --set-string nameOverride=1", "my.rel", "123 --set fullnameOverride=policies"] {
            let made = helm.template(&format!("{release} {odd}")).await.unwrap();
            dry_run(control_plane, &helm, release, &made).unwrap();
        }
        let refused = helm.template("123").await.unwrap_err().to_string();
        assert!(refused.contains("\"123-cloud-policy-operator\": it must begin with a letter"), "{refused}");
    }
}

#[tokio::test]
async fn rollout_overlaps_pods_only_with_leader_election() {
    for (values, expected) in [("", "RollingUpdate"), ("--set operator.leaderElect=false", "Recreate")] {
        let made = Helm::of("4", None).template(&format!("cloud-policy-operator {values}")).await.unwrap();
        let strategy = &object(&made, "Deployment", "cloud-policy-operator")["spec"]["strategy"];
        assert_eq!(strategy["type"], expected);
        assert_eq!(strategy["rollingUpdate"].is_null(), expected == "Recreate", "{strategy}");
    }
}

#[tokio::test]
async fn null_probe_is_not_rendered() {
    for helm in Helm::both() {
        for (probe, other) in [("livenessProbe", "readinessProbe"), ("readinessProbe", "livenessProbe")] {
            let made = helm.template(&format!("cloud-policy-operator --set {probe}=null")).await.unwrap();
            let pod = &object(&made, "Deployment", "cloud-policy-operator")["spec"]["template"]["spec"];
            let container = &pod["containers"][0];
            assert!(container[probe].is_null() && container[other].is_object(), "{container}");
        }
    }
}

#[tokio::test]
async fn pods_pass_restricted_pod_security_standard() {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "restricted").await.unwrap();
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    support::control_plane().await.run_kubectl(&["label", "namespace", namespace.name(), enforce]).unwrap();
    let made = Helm::of("4", None).template("cloud-policy-operator").await.unwrap();
    let pod = &object(&made, "Deployment", "cloud-policy-operator")["spec"]["template"];
    create(&client, namespace.name(), pod.clone()).await.unwrap();
    for removed in ["/spec/securityContext", "/spec/containers/0/securityContext"] {
        let mut bare = pod.clone();
        *bare.pointer_mut(removed).unwrap() = json!({});
        let refused = create(&client, namespace.name(), bare).await.unwrap_err().to_string();
        assert!(refused.contains("violates PodSecurity \"restricted"), "without {removed}: {refused}");
    }
}

async fn create(client: &Client, namespace: &str, template: Value) -> kube::Result<Pod> {
    let mut pod: Pod = serde_json::from_value(template).unwrap();
    pod.metadata.name = Some("operator".to_owned());
    Api::namespaced(client.clone(), namespace)
        .create(&PostParams { dry_run: true, ..PostParams::default() }, &pod)
        .await
}

#[tokio::test]
async fn connections_are_rendered_only_when_crd_exists() {
    let helm = Helm::of("4", None);
    let spec = "--set connections[0].name=company --set connections[0].spec.ncloud.zone=Public";
    let known = "--api-versions cloudpolicy.dev/v1alpha1/ClusterConnection";
    for (more, expected) in [("", 0), ("--set crds.enabled=false", 1), (known, 1)] {
        let made = helm.template(&format!("x {spec} {more}")).await.unwrap();
        let connections: Vec<_> = made.iter().filter(|object| object["kind"] == "ClusterConnection").collect();
        assert_eq!(connections.len(), expected, "{more}");
        for connection in connections {
            assert_eq!(connection["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        }
    }
}
