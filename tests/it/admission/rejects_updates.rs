//! Refused updates of immutable fields.

use super::cases::rejects_change;

rejects_change! {
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
