//! Accepted updates, by one or several field managers.

use super::cases::{NCLOUD, accepts_change};
use crate::support;
use cloud_policy::api::Policy;
use cloud_policy_testbed::TestNamespace;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

accepts_change! {
    admission_accepts_other_permissions: NCLOUD then "spec.ncloud.permissions[0].targets[0].actions" = ["Change*"];
    admission_accepts_description_removal: NCLOUD then "spec.ncloud.description" = null;
    admission_accepts_change_of_every_enum: NCLOUD then "spec.managementPolicy" = "Observe", "spec.deletionPolicy" = "Orphan",
        "spec.driftPolicy" = "Report", "spec.adoptionPolicy" = "Always", "spec.recreatePolicy" = "WhenRequired",
        "spec.interval" = "1h", "spec.suspend" = true;
    admission_accepts_external_id_added_later: NCLOUD then "spec.externalId" = "ec5a5dd0-1111-2222-3333-246e966ebeb4";
    admission_accepts_external_id_that_stays: NETWORK, "spec.externalId" = "one" then "spec.spaceone.name" = "other";
    admission_accepts_project_that_stays: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.name" = "other";
    admission_accepts_zone_change: NETWORK then "spec.spaceone.zoneId" = "zone-2";
    admission_accepts_another_endpoint: SPACEONE_CONNECTION then "spec.spaceone.endpoint" = "https://other.example.com";
    admission_accepts_endpoint_for_a_zone: NCLOUD_CONNECTION
        then "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "https://subaccount.apigw.ntruss.com";
    admission_accepts_another_secret: CLUSTER_CONNECTION then "spec.ncloud.credentialsSecretRef.name" = "rotated";
    admission_accepts_another_team: CLUSTER_CONNECTION then "spec.allowedNamespaces.names" = ["team-a", "team-b"];
}

/// Two field managers of one set: each applies its own entries, and neither removes those of the other.
#[tokio::test]
async fn admission_merges_labels_of_two_managers() {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "teams").await.unwrap();
    let policies: Api<Policy> = Api::namespaced(client, namespace.name());
    let whole = super::cases::SPACEONE.with(&[("spec.spaceone.labels", json!(["one"]))]);
    policies.patch("case", &PatchParams::apply("one"), &Patch::Apply(whole)).await.unwrap();
    let other = super::cases::SPACEONE.with(&[("spec.spaceone.labels", json!(["two"]))]);
    let both = policies.patch("case", &PatchParams::apply("two"), &Patch::Apply(other)).await.unwrap();
    let labels = both.spec.spaceone.unwrap().labels.unwrap();
    assert_eq!(labels, ["one", "two"]);
}

/// An atomic list has one field manager. Another manager with other values gets a conflict.
#[tokio::test]
async fn admission_reports_conflict_on_permissions() {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "teams").await.unwrap();
    let policies: Api<Policy> = Api::namespaced(client, namespace.name());
    policies.patch("case", &PatchParams::apply("one"), &Patch::Apply(NCLOUD.with(&[]))).await.unwrap();
    let other = NCLOUD.with(&[("spec.ncloud.permissions[0].effect", json!("Deny"))]);
    let error = policies.patch("case", &PatchParams::apply("two"), &Patch::Apply(other)).await.unwrap_err();
    assert!(error.to_string().contains(r#"conflict with "one": .spec.ncloud.permissions"#), "{error}");
}
