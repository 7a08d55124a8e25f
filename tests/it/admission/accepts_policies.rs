//! Accepted `Policy` objects for both upstreams.

use super::cases::{NCLOUD, accepted, accepts};
use serde_json::json;

accepts! {
    admission_accepts_naver_cloud_policy: NCLOUD;
    admission_accepts_policy_name_of_three_characters: NCLOUD, "spec.ncloud.policyName" = "abc";
    admission_accepts_policy_name_of_30_korean_letters: NCLOUD, "spec.ncloud.policyName" = ("정".repeat(30));
    admission_accepts_policy_name_in_japanese: NCLOUD, "spec.ncloud.policyName" = "サーバー閲覧々";
    admission_accepts_policy_name_with_digits_and_signs: NCLOUD, "spec.ncloud.policyName" = "v1.server_viewer-2";
    admission_accepts_description_of_300_characters: NCLOUD, "spec.ncloud.description" = ("x".repeat(300));
    admission_accepts_description_of_300_bytes_in_100_letters: NCLOUD, "spec.ncloud.description" = ("가".repeat(100));
    admission_accepts_empty_description: NCLOUD, "spec.ncloud.description" = "";
    admission_accepts_policy_without_a_description: NCLOUD, "spec.ncloud.description" = null;
    admission_accepts_deny: NCLOUD, "spec.ncloud.permissions[0].effect" = "Deny";
    admission_accepts_repeated_action: NCLOUD, "spec.ncloud.permissions[0].targets[0].actions" = ["View*", "View*"];
    admission_accepts_unknown_product: NCLOUD, "spec.ncloud.permissions[0].targets[0].product" = "AiTEMS";
    admission_accepts_exact_actions: NCLOUD,
        "spec.ncloud.permissions[0].targets[0].actions" = ["View/getServerInstanceList", "Change/stopServerInstances", "Change*", "*"];
    admission_accepts_nrns_with_wildcards: NCLOUD,
        "spec.ncloud.permissions[0].targets[0].resourceNrns" = ["nrn:PUB:Server:KR:2942:Server/7449", "nrn:*:Server:*::*"];
    admission_accepts_condition: NCLOUD,
        "spec.ncloud.permissions[0].condition" = {"StringEquals": {"ncp:principalName": ["alice", "bob"], "ncp:resourceTag/team": ["net"]}};
    admission_accepts_unknown_condition_operator: NCLOUD,
        "spec.ncloud.permissions[0].condition" = {"Null": {"ncp:requestTag": ["true"]}, "DateLessThanIfExists": {"k": [""]}};
    admission_accepts_same_target_under_both_effects: NCLOUD, "spec.ncloud.permissions" = [
        {"effect": "Allow", "targets": [{"product": "VPC", "actions": ["*"], "resourceNrns": ["*"]}]},
        {"effect": "Deny", "targets": [{"product": "VPC", "actions": ["*"], "resourceNrns": ["*"]}]},
    ];
    admission_accepts_nineteen_tags: NCLOUD, "spec.ncloud.tags" = (super::cases::numbered_tags(19));
    admission_accepts_tag_key_of_128_characters: NCLOUD, "spec.ncloud.tags" = (super::cases::long_tag_key(128));
    admission_accepts_tag_key_with_a_dot: NCLOUD, "spec.ncloud.tags" = {"app.kubernetes.io/name": "관리"};

    admission_accepts_cluster_connection: NCLOUD, "spec.connectionRef.kind" = "ClusterConnection";
    admission_accepts_observe: NCLOUD, "spec.managementPolicy" = "Observe";
    admission_accepts_create_only: NCLOUD, "spec.managementPolicy" = "CreateOnly";
    admission_accepts_adoption_if_identical: NCLOUD, "spec.adoptionPolicy" = "IfIdentical";
    admission_accepts_adoption_by_id: NCLOUD, "spec.adoptionPolicy" = "Always", "spec.externalId" = "ec5a5dd0-1111-2222-3333-246e966ebeb4";
    admission_accepts_orphan: NCLOUD, "spec.deletionPolicy" = "Orphan";
    admission_accepts_drift_reports: NCLOUD, "spec.driftPolicy" = "Report";
    admission_accepts_suspend: NCLOUD, "spec.suspend" = true;
    admission_accepts_interval_of_ten_seconds: NCLOUD, "spec.interval" = "10s";
    admission_accepts_interval_of_a_day: NCLOUD, "spec.interval" = "24h";
    admission_accepts_interval_of_many_units: NCLOUD, "spec.interval" = "1h30m0.5s";

    admission_accepts_spaceone_policy: SPACEONE;
    admission_accepts_policy_id_of_one_character: SPACEONE, "spec.spaceone.policyId" = "7";
    admission_accepts_policy_id_of_48_characters: SPACEONE, "spec.spaceone.policyId" = ("a-".repeat(23) + "00");
    admission_accepts_policy_id_as_external_id: SPACEONE, "spec.externalId" = "network-viewer";
    admission_accepts_repeated_permission: SPACEONE, "spec.spaceone.permissions" = ["a.b", "a.b"];
    admission_accepts_5000_permissions: SPACEONE,
        "spec.spaceone.permissions" = ((0..5000).map(|n| format!("inventory.Kind{n}.get")).collect::<Vec<_>>());
    admission_accepts_labels: SPACEONE, "spec.spaceone.labels" = ["network", "읽기 전용"];
    admission_accepts_empty_list_of_labels: SPACEONE, "spec.spaceone.labels" = [];
    admission_accepts_tags_of_any_json: SPACEONE,
        "spec.spaceone.tags" = {"team": "net", "cost": 1.5, "n": 3, "live": true, "none": null, "list": [1, {"a": "b"}], "map": {"x.y": {}}};
    admission_accepts_project: SPACEONE, "spec.spaceone.projectId" = "project-0123456789ab";
}

/// The API server removes a `null` from a field that is not nullable. Template tools send such values.
#[tokio::test]
async fn admission_treats_null_as_absent() {
    let tags = json!({ "policyName": "server-viewer", "tags": null, "permissions": NCLOUD.with(&[])["spec"]["ncloud"]["permissions"] });
    let object = NCLOUD.with(&[("spec.ncloud", tags)]);
    let kept = super::cases::propose(NCLOUD, &object).await.unwrap();
    assert_eq!(kept["spec"]["ncloud"].get("tags"), None);
}

#[tokio::test]
async fn admission_adds_defaults_to_minimal_policy() {
    let kept = accepted(NCLOUD, &[]).await;
    let mut spec = kept["spec"].clone();
    spec.as_object_mut().unwrap().remove("ncloud");
    let defaults = json!({
        "connectionRef": { "kind": "Connection", "name": "account" },
        "managementPolicy": "Full", "adoptionPolicy": "Never", "deletionPolicy": "Delete",
        "driftPolicy": "Correct", "recreatePolicy": "Never", "interval": "5m", "suspend": false,
    });
    assert_eq!(spec, defaults);
}
