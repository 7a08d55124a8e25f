//! `Policy`: an access policy, of NAVER Cloud Platform or of SpaceONE.

use super::shared::CommonSpec;
use super::status::{CommonStatus, UpstreamObject, ValidationResult};
use super::{rules, schema};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An access policy kept upstream as this object says.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[kube(
    group = "cloudpolicy.dev",
    version = "v1alpha1",
    kind = "Policy",
    plural = "policies",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "cloudpolicy",
    shortname = "cloudpol",
    doc = "An access policy of NAVER Cloud Platform or SpaceONE, kept upstream as this object says.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.policyId"),
    printcolumn(name = "CONNECTION", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "SYSTEM", type_ = "string", json_path = ".status.upstream.system", priority = 1),
    printcolumn(name = "DRIFT", type_ = "string", json_path = ".status.drift.fields[*].path", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_upstream())]
#[x_kube(validation = rules::same_upstream())]
#[x_kube(validation = rules::same_connection())]
#[x_kube(validation = rules::same_external_id())]
#[x_kube(validation = rules::external_id_is_policy_id())]
pub struct PolicySpec {
    /// What every kind shares.
    #[serde(flatten)]
    pub common: CommonSpec,

    /// A policy of NAVER Cloud Platform Sub Account. Exactly one of `ncloud` and `spaceone`;
    /// the choice is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudPolicySpec")]
    pub ncloud: Option<NcloudPolicySpec>,

    /// A policy of a SpaceONE repository. Exactly one of `ncloud` and `spaceone`; the choice is
    /// immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceonePolicySpec")]
    pub spaceone: Option<SpaceonePolicySpec>,
}

/// A NAVER Cloud Platform Sub Account policy, in the words of its API.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::same("ncloud", "policyName"))]
pub struct NcloudPolicySpec {
    /// Name of the policy in the account: 3 to 30 characters, Korean, Japanese or Latin
    /// letters, digits, `.`, `_` and `-`, beginning with a letter, such as `server-viewer`.
    /// Immutable, as the upstream cannot rename.
    #[schemars(schema_with = "schema::ncloud_policy_name")]
    pub policy_name: String,

    /// What the policy is for: 0 to 300 bytes of UTF-8 (a Korean letter takes 3), such as
    /// `Servers, read only`. Without it the upstream has an empty description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_description")]
    pub description: Option<String>,

    /// What the policy allows or denies: 1 to 100 statements. Their order has no meaning.
    #[schemars(length(min = 1, max = 100))]
    pub permissions: Vec<NcloudPermission>,

    /// Tags of the policy: at most 19, keys of 1 to 128 and values of 1 to 256 characters, such
    /// as `team: network`. The twentieth that the upstream allows, `cloudpolicy-owner`, is the
    /// operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_tags")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// One statement of a NAVER Cloud policy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudPermission {
    /// `Allow` grants; `Deny` refuses and always wins. An account whose API is older knows only
    /// `Allow` and says so in its verdict.
    pub effect: NcloudEffect,
    /// What the statement speaks of: 1 to 100 products with their actions and resources.
    #[schemars(length(min = 1, max = 100))]
    pub targets: Vec<NcloudTarget>,
    /// When the statement holds: operator, then key, then values, such as
    /// `{"StringEquals": {"ncp:principalName": ["alice"]}}`. 1 to 20 operators of 1 to 20 keys
    /// of 1 to 100 values of at most 1024 characters. The upstream judges operators and keys.
    /// Quote the operator `"Null"`: YAML reads a bare one as no key at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_condition")]
    pub condition: Option<BTreeMap<String, BTreeMap<String, Vec<String>>>>,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NcloudEffect {
    /// Grants.
    Allow,
    /// Refuses, and wins over every grant.
    Deny,
}

/// Actions on resources of one product.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudTarget {
    /// Service code: 1 to 100 characters without spaces, such as `Server` or `VPCServer`. The
    /// upstream judges it, as the list differs by zone and over time.
    #[schemars(schema_with = "schema::ncloud_product")]
    pub product: String,
    /// Actions: 1 to 500 different ones of at most 200 characters without spaces, such as
    /// `View/getServerInstanceList`, `View*`, `Change*` or `*`. The upstream judges them.
    #[schemars(schema_with = "schema::ncloud_actions")]
    pub actions: Vec<String>,
    /// Resources: 1 to 500 different NRNs of at most 256 characters, such as
    /// `nrn:PUB:Server:KR:2942:Server/7449`, or `*` for all.
    #[schemars(schema_with = "schema::ncloud_nrns")]
    pub resource_nrns: Vec<String>,
}

/// A policy of a SpaceONE repository (`spaceone.api.repository.v1.Policy`).
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::same("spaceone", "policyId"))]
#[x_kube(validation = rules::same_optional("spaceone", "projectId"))]
pub struct SpaceonePolicySpec {
    /// Id of the policy, unique in the domain: 1 to 48 lower-case letters, digits and inner
    /// hyphens, such as `network-viewer`. Immutable, as it is how the upstream knows the policy.
    #[schemars(schema_with = "schema::spaceone_policy_id")]
    pub policy_id: String,
    /// Display name: 1 to 255 characters, such as `Network viewer`. Not unique.
    #[schemars(schema_with = "schema::short_text")]
    pub name: String,
    /// Permissions: 1 to 5000 different ones of at most 255 characters, such as
    /// `inventory.Server.list` or `inventory.*`. Their order has no meaning.
    #[schemars(schema_with = "schema::spaceone_permissions")]
    pub permissions: Vec<String>,
    /// Labels: at most 100 different ones of 1 to 255 characters, such as `network`. Their order
    /// has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_labels")]
    pub labels: Option<Vec<String>>,
    /// Tags: at most 100 keys with any JSON values, such as `team: network`. A key with `.` or a
    /// leading `$` cannot be stored upstream; the API server cannot see that, so the operator
    /// says `InvalidSpec`. The key `cloudpolicy_owner` is the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_tags")]
    pub tags: Option<Map<String, Value>>,
    /// Project that the policy belongs to: 1 to 64 characters, such as `project-0123456789ab`.
    /// Immutable, present or absent, as the upstream takes it at creation only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_id")]
    pub project_id: Option<String>,
}

/// What the operator saw of a `Policy`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// What every kind shares.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The upstream's id of the policy, such as `ec5a5dd0-1111-2222-3333-246e966ebeb4` (NAVER
    /// Cloud) or `network-viewer` (SpaceONE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub policy_id: Option<String>,
    /// NAVER Cloud: the upstream's last verdict, in its own words. Whether it is on the spec as it is
    /// now says the condition `Valid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ValidationResult")]
    pub validation_result: Option<ValidationResult>,
    /// The fields that only the upstream sets.
    #[serde(flatten)]
    pub details: PolicyDetails,
}

/// The fields of a `Policy` that only the upstream sets.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDetails {
    /// NAVER Cloud: resource name of the policy, such as
    /// `nrn:PUB:IAM::2942:Policy/ec5a5dd0-1111-2222-3333-246e966ebeb4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub nrn: Option<String>,
    /// SpaceONE: whether the policy is in force, such as `ENABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<String>,
    /// SpaceONE: the repository that holds the policy, such as
    /// `{"repository_id": "repo-0123456789ab", "repository_type": "local"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub repository_info: Option<UpstreamObject>,
    /// When the upstream says that it was created, RFC 3339, such as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub created_at: Option<String>,
    /// When the upstream says that it was last updated, RFC 3339, such as `2026-11-21T08:00:00Z`.
    /// SpaceONE never moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub updated_at: Option<String>,
}
