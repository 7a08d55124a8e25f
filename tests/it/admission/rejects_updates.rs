//! What cannot be changed once it is there.

use super::cases::rejects_change;

rejects_change! {
    rejects_another_connection: NCLOUD then "spec.connectionRef.name" = "other"
        => "spec.connectionRef", "spec.connectionRef is immutable";
    rejects_another_kind_of_connection: NETWORK then "spec.connectionRef.kind" = "ClusterConnection"
        => "spec.connectionRef", "spec.connectionRef is immutable";
    rejects_another_policy_name: NCLOUD then "spec.ncloud.policyName" = "server-admin"
        => "spec.ncloud.policyName", "immutable upstream: delete this object and create another";
    rejects_another_policy_id: SPACEONE then "spec.spaceone.policyId" = "network-admin"
        => "spec.spaceone.policyId", "immutable upstream: delete this object and create another";
    rejects_a_project_that_is_added: SPACEONE then "spec.spaceone.projectId" = "project-1"
        => "spec.spaceone.projectId", "immutable upstream";
    rejects_a_project_that_is_removed: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.projectId" = null
        => "spec.spaceone.projectId", "immutable upstream";
    rejects_another_project: SPACEONE, "spec.spaceone.projectId" = "project-1" then "spec.spaceone.projectId" = "project-2"
        => "spec.spaceone.projectId", "immutable upstream";
    rejects_another_external_id: NCLOUD, "spec.externalId" = "one" then "spec.externalId" = "two"
        => "spec.externalId", "immutable once set";
    rejects_an_external_id_that_is_removed: NETWORK, "spec.externalId" = "one" then "spec.externalId" = null
        => "spec.externalId", "immutable once set";
    rejects_another_upstream_of_a_policy: NCLOUD
        then "spec.ncloud" = null, "spec.spaceone" = {"policyId": "a", "name": "a", "permissions": ["*"]}
        => "spec", "cannot replace each other";
    rejects_another_upstream_of_a_connection: NCLOUD_CONNECTION
        then "spec.ncloud" = null, "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t"}}
        => "spec", "cannot replace each other";
    rejects_another_upstream_of_a_cluster_connection: CLUSTER_CONNECTION
        then "spec.ncloud" = null, "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t"}}
        => "spec", "cannot replace each other";
    rejects_an_update_that_would_not_be_created: NETWORK then "spec.spaceone.dns" = ["nowhere"]
        => "spec.spaceone.dns[0]", "dns must contain IP addresses";
}
