//! Accepted updates.

use super::cases::accepts_change;

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
