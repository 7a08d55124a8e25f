//! What `Connection` and `ClusterConnection` take.

use super::cases::{NCLOUD_CONNECTION, SPACEONE_CONNECTION, accepted, accepts};
use serde_json::json;

accepts! {
    accepts_the_public_zone: NCLOUD_CONNECTION;
    accepts_the_financial_zone: NCLOUD_CONNECTION, "spec.ncloud.zone" = "Financial";
    accepts_an_endpoint_in_place_of_a_zone: NCLOUD_CONNECTION,
        "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "https://subaccount.apigw.ntruss.com";
    accepts_a_plain_endpoint_on_loopback: NCLOUD_CONNECTION,
        "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "http://127.0.0.1:18080";
    accepts_a_spaceone_domain: SPACEONE_CONNECTION;
    accepts_an_endpoint_with_a_path: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://example.com:8443/cloud/api/";
    accepts_an_ipv6_endpoint: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://[2001:db8::1]:8443";
    accepts_verb_paths: SPACEONE_CONNECTION, "spec.spaceone.apiStyle" = "Verb";
    accepts_the_console: SPACEONE_CONNECTION, "spec.spaceone.apiStyle" = "Console";
    accepts_a_repository: SPACEONE_CONNECTION, "spec.spaceone.repositoryId" = "repo-0123456789ab";
    accepts_another_key_of_the_secret: SPACEONE_CONNECTION, "spec.spaceone.tokenSecretRef.key" = "api_key.jwt";
    accepts_a_ca_bundle: SPACEONE_CONNECTION, "spec.caBundleSecretRef.name" = "spaceone-ca";
    accepts_the_highest_rate: SPACEONE_CONNECTION, "spec.rateLimit" = {"requestsPerSecond": 100, "burst": 200};
    accepts_a_cluster_connection_for_named_namespaces: CLUSTER_CONNECTION;
    accepts_a_cluster_connection_for_all_namespaces: CLUSTER_CONNECTION, "spec.allowedNamespaces" = {"all": true};
    accepts_names_beside_all_that_is_false: CLUSTER_CONNECTION, "spec.allowedNamespaces.all" = false;
    accepts_a_cluster_connection_for_nobody: CLUSTER_CONNECTION, "spec.allowedNamespaces" = null;
    accepts_a_cluster_connection_to_spaceone: CLUSTER_CONNECTION, "spec.ncloud" = null,
        "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t", "key": "k"}};
}

#[tokio::test]
async fn accepts_half_a_rate_limit_and_adds_the_other_half() {
    let kept = accepted(NCLOUD_CONNECTION, &[("spec.rateLimit", json!({ "burst": 3 }))]).await;
    assert_eq!(kept["spec"]["rateLimit"], json!({ "requestsPerSecond": 5, "burst": 3 }));
}

#[tokio::test]
async fn accepts_a_domain_and_adds_the_defaults() {
    let kept = accepted(SPACEONE_CONNECTION, &[]).await;
    assert_eq!(kept["spec"]["spaceone"]["apiStyle"], "Rest");
    assert_eq!(kept["spec"]["spaceone"]["tokenSecretRef"]["key"], "token");
}
