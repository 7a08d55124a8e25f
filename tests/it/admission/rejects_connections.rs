//! Refused `Connection` and `ClusterConnection` objects.

use super::cases::rejects;

rejects! {
    admission_rejects_connection_without_an_upstream: NCLOUD_CONNECTION, "spec" = {}
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
    admission_rejects_connection_without_a_spec: NCLOUD_CONNECTION, "spec" = null
        => "spec", "Required value";
    admission_rejects_connection_to_two_upstreams: SPACEONE_CONNECTION,
        "spec.ncloud" = {"zone": "Public", "credentialsSecretRef": {"name": "key"}}
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
    admission_rejects_zone_with_endpoint: NCLOUD_CONNECTION, "spec.ncloud.endpoint" = "https://subaccount.apigw.ntruss.com"
        => "spec.ncloud", "exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set";
    admission_rejects_connection_without_zone_or_endpoint: NCLOUD_CONNECTION, "spec.ncloud.zone" = null
        => "spec.ncloud", "exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set";
    admission_rejects_unknown_zone: NCLOUD_CONNECTION, "spec.ncloud.zone" = "KR"
        => "spec.ncloud.zone", r#"supported values: "Public", "Financial", "Government""#;
    admission_rejects_account_without_credentials: NCLOUD_CONNECTION, "spec.ncloud.credentialsSecretRef" = null
        => "spec.ncloud.credentialsSecretRef", "Required value";
    admission_rejects_secret_of_another_namespace: NCLOUD_CONNECTION, "spec.ncloud.credentialsSecretRef.namespace" = "kube-system"
        => "spec.ncloud.credentialsSecretRef.namespace", "unknown field";
    admission_rejects_key_written_into_the_connection: NCLOUD_CONNECTION, "spec.ncloud.secretKey" = "s3cret"
        => "spec.ncloud.secretKey", "unknown field";
    admission_rejects_secret_name_with_an_underscore: NCLOUD_CONNECTION, "spec.ncloud.credentialsSecretRef.name" = "ncloud_key"
        => "spec.ncloud.credentialsSecretRef.name", "lower-case letters, digits, '-' and '.'";
    admission_rejects_endpoint_that_is_not_a_url: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "spaceone.example.com"
        => "spec.spaceone.endpoint", "such as https://spaceone.example.com/api";
    admission_rejects_endpoint_of_another_scheme: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "grpc://spaceone.example.com"
        => "spec.spaceone.endpoint", "must be a base URL";
    admission_rejects_endpoint_with_a_password: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://me:secret@example.com"
        => "spec.spaceone.endpoint", "without user, query and fragment";
    admission_rejects_endpoint_with_a_query: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = "https://example.com/api?v=1"
        => "spec.spaceone.endpoint", "without user, query and fragment";
    admission_rejects_ncloud_endpoint_that_is_not_a_url: NCLOUD_CONNECTION, "spec.ncloud.zone" = null, "spec.ncloud.endpoint" = "subaccount"
        => "spec.ncloud.endpoint", "must be a base URL";
    admission_rejects_domain_without_an_endpoint: SPACEONE_CONNECTION, "spec.spaceone.endpoint" = null
        => "spec.spaceone.endpoint", "Required value";
    admission_rejects_unknown_api_style: SPACEONE_CONNECTION, "spec.spaceone.apiStyle" = "Grpc"
        => "spec.spaceone.apiStyle", r#"supported values: "Rest", "Verb", "Console""#;
    admission_rejects_connection_without_a_domain: SPACEONE_CONNECTION, "spec.spaceone.domainId" = null
        => "spec.spaceone.domainId", "Required value";
    admission_rejects_domain_id_with_a_slash: SPACEONE_CONNECTION, "spec.spaceone.domainId" = "domain/1"
        => "spec.spaceone.domainId", "1 to 64 letters, digits";
    admission_rejects_repository_id_with_a_space: SPACEONE_CONNECTION, "spec.spaceone.repositoryId" = "my repository"
        => "spec.spaceone.repositoryId", "1 to 64 letters, digits";
    admission_rejects_token_key_with_a_slash: SPACEONE_CONNECTION, "spec.spaceone.tokenSecretRef.key" = "a/b"
        => "spec.spaceone.tokenSecretRef.key", "must be a key of a Secret";
    admission_rejects_rate_of_zero: NCLOUD_CONNECTION, "spec.rateLimit.requestsPerSecond" = 0
        => "spec.rateLimit.requestsPerSecond", "greater than or equal to 1";
    admission_rejects_rate_of_half_a_request: NCLOUD_CONNECTION, "spec.rateLimit.requestsPerSecond" = 0.5
        => "spec.rateLimit.requestsPerSecond", "must be of type int32";
    admission_rejects_rate_above_a_thousand: NCLOUD_CONNECTION, "spec.rateLimit.requestsPerSecond" = 1001
        => "spec.rateLimit.requestsPerSecond", "less than or equal to 1000";
    admission_rejects_burst_of_2001: SPACEONE_CONNECTION, "spec.rateLimit.burst" = 2001
        => "spec.rateLimit.burst", "less than or equal to 2000";
    admission_rejects_ca_bundle_without_a_name: SPACEONE_CONNECTION, "spec.caBundleSecretRef" = {}
        => "spec.caBundleSecretRef.name", "Required value";
    admission_rejects_ca_bundle_with_capitals: SPACEONE_CONNECTION, "spec.caBundleSecretRef.name" = "CA"
        => "spec.caBundleSecretRef.name", "lower-case letters";
    admission_rejects_allowed_namespaces_of_a_connection: NCLOUD_CONNECTION, "spec.allowedNamespaces" = {"all": true}
        => "spec.allowedNamespaces", "unknown field";

    admission_rejects_cluster_connection_without_an_upstream: CLUSTER_CONNECTION, "spec.ncloud" = null
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
    admission_rejects_cluster_connection_to_two_upstreams: CLUSTER_CONNECTION,
        "spec.spaceone" = {"endpoint": "https://a.example", "domainId": "d", "tokenSecretRef": {"name": "t"}}
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
    admission_rejects_zone_with_endpoint_of_cluster_connection: CLUSTER_CONNECTION, "spec.ncloud.endpoint" = "https://a.example"
        => "spec.ncloud", "exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set";
    admission_rejects_all_namespaces_with_names: CLUSTER_CONNECTION, "spec.allowedNamespaces.all" = true
        => "spec.allowedNamespaces", "must have either all: true or names";
    admission_rejects_namespace_that_is_a_pattern: CLUSTER_CONNECTION, "spec.allowedNamespaces.names" = ["team-*"]
        => "spec.allowedNamespaces.names[0]", "such as team-a; for every namespace write all: true";
    admission_rejects_repeated_namespace: CLUSTER_CONNECTION, "spec.allowedNamespaces.names" = ["a", "a"]
        => "spec.allowedNamespaces.names", "names must not repeat an item: remove the repetition";
    admission_rejects_unknown_zone_of_a_cluster_connection: CLUSTER_CONNECTION, "spec.ncloud.zone" = "Gov"
        => "spec.ncloud.zone", r#"supported values: "Public", "Financial", "Government""#;

    admission_rejects_guardrail_of_another_provider: NCLOUD_CONNECTION, "spec.guardrails" = [{"allow": [{"permissions": ["inventory.*"]}]}]
        => "spec", "spec.guardrails must fit the connection: statements with product for spec.ncloud";
    admission_rejects_guardrail_deny_of_another_provider: SPACEONE_CONNECTION,
        "spec.guardrails" = [{"deny": [{"product": "Server", "actions": ["*"]}]}]
        => "spec", "with permissions for spec.spaceone";
    admission_rejects_empty_guardrail_statement: CLUSTER_CONNECTION, "spec.guardrails" = [{"allow": [{}]}]
        => "spec.guardrails[0].allow[0]", "must have either product and actions (NAVER Cloud) or permissions (SpaceONE)";
    admission_rejects_guardrail_product_without_actions: CLUSTER_CONNECTION, "spec.guardrails" = [{"deny": [{"product": "Server"}]}]
        => "spec.guardrails[0].deny[0]", "needs actions";
    admission_rejects_guardrail_permissions_with_resources: SPACEONE_CONNECTION,
        "spec.guardrails" = [{"allow": [{"permissions": ["a.B.c"], "resourceNrns": ["*"]}]}]
        => "spec.guardrails[0].allow[0]", "one with permissions has neither actions nor resourceNrns";
    admission_rejects_required_conditions_of_spaceone: SPACEONE_CONNECTION, "spec.guardrails" = [{"requireConditions": ["k"]}]
        => "spec", "SpaceONE has no conditions";
    admission_rejects_guardrail_namespaces_of_a_connection: NCLOUD_CONNECTION,
        "spec.guardrails" = [{"namespaces": {"names": ["team-a"]}}]
        => "spec.guardrails", "a Connection serves only its own namespace";
    admission_rejects_guardrail_namespace_that_is_a_pattern: CLUSTER_CONNECTION,
        "spec.guardrails" = [{"namespaces": {"names": ["team-*"]}}]
        => "spec.guardrails[0].namespaces.names[0]", "should match";
    admission_rejects_guardrail_for_no_namespace: CLUSTER_CONNECTION, "spec.guardrails" = [{"namespaces": {"names": []}}]
        => "spec.guardrails[0].namespaces.names", "should have at least 1 items";
    admission_rejects_unknown_enforcement: NCLOUD_CONNECTION, "spec.guardrails" = [{"enforcement": "Audit"}]
        => "spec.guardrails[0].enforcement", r#"supported values: "Enforce", "Warn""#;
    admission_rejects_negative_max_policies: NCLOUD_CONNECTION, "spec.guardrails" = [{"maxPolicies": -1}]
        => "spec.guardrails[0].maxPolicies", "greater than or equal to 0";
    admission_rejects_empty_name_prefix: NCLOUD_CONNECTION, "spec.guardrails" = [{"namePrefix": ""}]
        => "spec.guardrails[0].namePrefix", "at least 1 chars";
}
