//! What may be changed, by one or by several.

use super::cases::{NCLOUD, accepts_change};
use crate::support;
use cloud_policy::api::Policy;
use cloud_policy_testbed::TestNamespace;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

accepts_change! {
    accepts_other_permissions: NCLOUD then "spec.ncloud.permissions[0].targets[0].actions" = ["Change*"];
    accepts_a_description_that_is_removed: NCLOUD then "spec.ncloud.description" = null;
    accepts_every_choice_to_change: NCLOUD then "spec.managementPolicy" = "Observe", "spec.deletionPolicy" = "Orphan",
        "spec.driftPolicy" = "Report", "spec.adoptionPolicy" = "Always", "spec.recreatePolicy" = "WhenRequired",
        "spec.interval" = "1h", "spec.suspend" = true;
    accepts_an_external_id_that_is_added: NCLOUD then "spec.externalId" = "ec5a5dd0-1111-2222-3333-246e966ebeb4";
    accepts_an_external_id_that_stays: NETWORK, "spec.externalId" = "one" then "spec.spaceone.name" = "other";
    accepts_a_project_that_stays: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.name" = "other";
    accepts_another_zone_for_the_operator_to_judge: NETWORK then "spec.spaceone.zoneId" = "zone-2";
    accepts_another_endpoint: SPACEONE_CONNECTION then "spec.spaceone.endpoint" = "https://other.example.com";
    accepts_an_endpoint_for_a_zone: NCLOUD_CONNECTION
        then "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "https://subaccount.apigw.ntruss.com";
    accepts_another_secret: CLUSTER_CONNECTION then "spec.ncloud.credentialsSecretRef.name" = "rotated";
    accepts_another_team: CLUSTER_CONNECTION then "spec.allowedNamespaces.names" = ["team-a", "team-b"];
}

/// Two owners of one set list: each applies its own entries, and neither takes the other's.
#[tokio::test]
async fn accepts_labels_from_two_teams_at_once() {
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

/// One owner of an atomic list: a second one who disagrees is told so.
#[tokio::test]
async fn accepts_no_second_owner_of_permissions_unasked() {
    let client = support::client().await;
    let namespace = TestNamespace::create(&client, "teams").await.unwrap();
    let policies: Api<Policy> = Api::namespaced(client, namespace.name());
    policies.patch("case", &PatchParams::apply("one"), &Patch::Apply(NCLOUD.with(&[]))).await.unwrap();
    let other = NCLOUD.with(&[("spec.ncloud.permissions[0].effect", json!("Deny"))]);
    let error = policies.patch("case", &PatchParams::apply("two"), &Patch::Apply(other)).await.unwrap_err();
    assert!(error.to_string().contains(r#"conflict with "one": .spec.ncloud.permissions"#), "{error}");
}
