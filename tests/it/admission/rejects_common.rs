//! Refused fields that both policy kinds share: the connection, the interval, and the enum values.

use super::cases::rejects;

rejects! {
    admission_rejects_policy_without_a_connection: NCLOUD, "spec.connectionRef" = null
        => "spec.connectionRef", "Required value";
    admission_rejects_network_policy_without_a_connection: NETWORK, "spec.connectionRef" = null
        => "spec.connectionRef", "Required value";
    admission_rejects_connection_reference_without_a_name: NCLOUD, "spec.connectionRef" = {"kind": "Connection"}
        => "spec.connectionRef.name", "Required value";
    admission_rejects_reference_to_a_secret: NCLOUD, "spec.connectionRef.kind" = "Secret"
        => "spec.connectionRef.kind", r#"supported values: "Connection", "ClusterConnection""#;
    admission_rejects_connection_name_with_capitals: NCLOUD, "spec.connectionRef.name" = "Team-A"
        => "spec.connectionRef.name", "lower-case letters, digits, '-' and '.', such as team-a";
    admission_rejects_connection_of_another_namespace: NETWORK, "spec.connectionRef.namespace" = "other"
        => "spec.connectionRef.namespace", "unknown field";
    admission_rejects_interval_under_ten_seconds: NCLOUD, "spec.interval" = "9s"
        => "spec.interval", "at least 10s and at most 24h";
    admission_rejects_interval_over_a_day: NETWORK, "spec.interval" = "24h1s"
        => "spec.interval", "at least 10s and at most 24h, such as 5m";
    admission_rejects_interval_in_words: NCLOUD, "spec.interval" = "5 minutes"
        => "spec.interval", "at least 10s and at most 24h, such as 5m";
    admission_rejects_interval_without_a_unit: NCLOUD, "spec.interval" = 300
        => "spec.interval", "must be of type string";
    admission_rejects_management_policy_in_lower_case: NCLOUD, "spec.managementPolicy" = "full"
        => "spec.managementPolicy", r#"supported values: "Full", "CreateOnly", "Observe""#;
    admission_rejects_unknown_adoption_policy: NETWORK, "spec.adoptionPolicy" = "IfIdle"
        => "spec.adoptionPolicy", r#"supported values: "Never", "IfIdentical", "Always""#;
    admission_rejects_unknown_deletion_policy: NCLOUD, "spec.deletionPolicy" = "Retain"
        => "spec.deletionPolicy", r#"supported values: "Delete", "Orphan""#;
    admission_rejects_unknown_drift_policy: NETWORK, "spec.driftPolicy" = "Ignore"
        => "spec.driftPolicy", r#"supported values: "Correct", "Report""#;
    admission_rejects_unknown_recreate_policy: NETWORK, "spec.recreatePolicy" = "Always"
        => "spec.recreatePolicy", r#"supported values: "Never", "WhenRequired""#;
    admission_rejects_suspend_that_is_text: NCLOUD, "spec.suspend" = "yes"
        => "spec.suspend", "must be of type boolean";
    admission_rejects_external_id_with_a_space: NCLOUD, "spec.externalId" = "an id"
        => "spec.externalId", "1 to 128 letters, digits";
    admission_rejects_external_id_of_129_characters: NETWORK, "spec.externalId" = ("x".repeat(129))
        => "spec.externalId", "may not be more than 128";
    admission_rejects_empty_external_id: NETWORK, "spec.externalId" = ""
        => "spec.externalId", "1 to 128 letters, digits";
    admission_rejects_policy_without_an_upstream: NCLOUD, "spec.ncloud" = null
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
    admission_rejects_field_of_the_spec_that_does_not_exist: NCLOUD, "spec.paused" = true
        => "spec.paused", "unknown field";
}
