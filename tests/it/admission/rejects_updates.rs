//! Refused updates of immutable fields.

use super::cases::rejects_change;

rejects_change! {
    admission_rejects_another_connection: NCLOUD then "spec.connectionRef.name" = "other"
        => "spec.connectionRef", "spec.connectionRef is immutable";
    admission_rejects_another_kind_of_connection: NETWORK then "spec.connectionRef.kind" = "ClusterConnection"
        => "spec.connectionRef", "spec.connectionRef is immutable";
    admission_rejects_another_policy_name: NCLOUD then "spec.ncloud.policyName" = "server-admin"
        => "spec.ncloud.policyName", "immutable upstream: delete this object and create another";
    admission_rejects_another_policy_id: SPACEONE then "spec.spaceone.policyId" = "network-admin"
        => "spec.spaceone.policyId", "immutable upstream: delete this object and create another";
    admission_rejects_project_added_later: SPACEONE then "spec.spaceone.projectId" = "project-1"
        => "spec.spaceone.projectId", "immutable upstream";
    admission_rejects_project_removal: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.projectId" = null
        => "spec.spaceone.projectId", "immutable upstream";
    admission_rejects_another_project: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.projectId" = "project-2"
        => "spec.spaceone.projectId", "immutable upstream";
    admission_rejects_another_external_id: NCLOUD, "spec.externalId" = "one" then "spec.externalId" = "two"
        => "spec.externalId", "immutable once set";
    admission_rejects_external_id_removal: NETWORK, "spec.externalId" = "one" then "spec.externalId" = null
        => "spec.externalId", "immutable once set";
    admission_rejects_another_upstream_of_a_policy: NCLOUD
        then "spec.ncloud" = null, "spec.spaceone" = {"policyId": "a", "name": "a", "permissions": ["*"]}
        => "spec", "cannot replace each other";
    admission_rejects_another_upstream_of_a_connection: NCLOUD_CONNECTION
        then "spec.ncloud" = null, "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t"}}
        => "spec", "cannot replace each other";
    admission_rejects_another_upstream_of_a_cluster_connection: CLUSTER_CONNECTION
        then "spec.ncloud" = null, "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t"}}
        => "spec", "cannot replace each other";
    admission_rejects_update_to_invalid_spec: NETWORK then "spec.spaceone.dns" = ["nowhere"]
        => "spec.spaceone.dns[0]", "dns must contain IP addresses";
}
