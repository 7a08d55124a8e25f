//! Accepted `Connection` and `ClusterConnection` objects.

use super::cases::{NCLOUD_CONNECTION, SPACEONE_CONNECTION, accepted, accepts};
use serde_json::json;

accepts! {
    admission_accepts_public_zone: NCLOUD_CONNECTION;
    admission_accepts_financial_zone: NCLOUD_CONNECTION, "spec.ncloud.zone" = "Financial";
    admission_accepts_endpoint_in_place_of_a_zone: NCLOUD_CONNECTION,
        "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "https://subaccount.apigw.ntruss.com";
    admission_accepts_plain_endpoint_on_loopback: NCLOUD_CONNECTION,
        "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "http://127.0.0.1:18080";
    admission_accepts_spaceone_domain: SPACEONE_CONNECTION;
    admission_accepts_endpoint_with_a_path: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://example.com:8443/cloud/api/";
    admission_accepts_ipv6_endpoint: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://[2001:db8::1]:8443";
    admission_accepts_verb_paths: SPACEONE_CONNECTION, "spec.spaceone.apiStyle" = "Verb";
    admission_accepts_console: SPACEONE_CONNECTION, "spec.spaceone.apiStyle" = "Console";
    admission_accepts_repository: SPACEONE_CONNECTION, "spec.spaceone.repositoryId" = "repo-0123456789ab";
    admission_accepts_another_key_of_the_secret: SPACEONE_CONNECTION, "spec.spaceone.tokenSecretRef.key" = "api_key.jwt";
    admission_accepts_ca_bundle: SPACEONE_CONNECTION, "spec.caBundleSecretRef.name" = "spaceone-ca";
    admission_accepts_highest_rate: SPACEONE_CONNECTION, "spec.rateLimit" = {"requestsPerSecond": 1000, "burst": 2000};
    admission_accepts_cluster_connection_for_named_namespaces: CLUSTER_CONNECTION;
    admission_accepts_cluster_connection_for_all_namespaces: CLUSTER_CONNECTION, "spec.allowedNamespaces" = {"all": true};
    admission_accepts_names_with_all_false: CLUSTER_CONNECTION, "spec.allowedNamespaces.all" = false;
    admission_accepts_cluster_connection_without_namespaces: CLUSTER_CONNECTION, "spec.allowedNamespaces" = null;
    admission_accepts_cluster_connection_to_spaceone: CLUSTER_CONNECTION, "spec.ncloud" = null,
        "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t", "key": "k"}};
    admission_accepts_guardrails_of_ncloud: CLUSTER_CONNECTION, "spec.guardrails" = [
        {"namespaces": {"names": ["team-a"]}, "namePrefix": "team-a-", "maxPolicies": 20, "enforcement": "Warn",
         "allow": [{"product": "Server", "actions": ["View*", "Change/start*"], "resourceNrns": ["nrn:PUB:Server:KR:*:*"]}],
         "deny": [{"product": "IAM", "actions": ["*"]}], "requireConditions": ["ncp:principalType"]}];
    admission_accepts_guardrails_of_spaceone: SPACEONE_CONNECTION,
        "spec.guardrails" = [{"allow": [{"permissions": ["inventory.*"]}], "deny": [{"permissions": ["identity.*"]}]}, {}];
}

#[tokio::test]
async fn admission_completes_partial_rate_limit() {
    let kept = accepted(NCLOUD_CONNECTION, &[("spec.rateLimit", json!({ "burst": 3 }))]).await;
    assert_eq!(kept["spec"]["rateLimit"], json!({ "requestsPerSecond": 5, "burst": 3 }));
}

#[tokio::test]
async fn admission_adds_defaults_to_spaceone_connection() {
    let kept = accepted(SPACEONE_CONNECTION, &[]).await;
    assert_eq!(kept["spec"]["spaceone"]["apiStyle"], "Rest");
    assert_eq!(kept["spec"]["spaceone"]["tokenSecretRef"]["key"], "token");
}

#[tokio::test]
async fn admission_enforces_guardrail_by_default() {
    let kept = accepted(NCLOUD_CONNECTION, &[("spec.guardrails", json!([{ "namePrefix": "a" }]))]).await;
    assert_eq!(kept["spec"]["guardrails"], json!([{ "namePrefix": "a", "enforcement": "Enforce" }]));
}
