//! `Policy`: an access policy, of NAVER Cloud Platform or of SpaceONE.

use super::schema;
use super::shared::CommonSpec;
use super::status::{CommonStatus, UpstreamObject, ValidationResult};
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
    printcolumn(name = "MESSAGE", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].message", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("has(self.ncloud) != has(self.spaceone)", "exactly one of spec.ncloud and spec.spaceone must be set"))]
#[x_kube(validation = ("has(self.ncloud) == has(oldSelf.ncloud) && has(self.spaceone) == has(oldSelf.spaceone)", "the upstream of a policy is immutable: delete this object and create another"))]
#[x_kube(validation = ("self.connectionRef == oldSelf.connectionRef", "spec.connectionRef is immutable: another connection is another account"))]
#[x_kube(validation = ("!has(oldSelf.externalId) || (has(self.externalId) && self.externalId == oldSelf.externalId)", "spec.externalId is immutable once set"))]
pub struct PolicySpec {
    /// What every kind shares.
    #[serde(flatten)]
    pub common: CommonSpec,

    /// A policy of NAVER Cloud Platform Sub Account. Exactly one of `ncloud` and `spaceone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudPolicySpec")]
    pub ncloud: Option<NcloudPolicySpec>,

    /// A policy of a SpaceONE repository. Exactly one of `ncloud` and `spaceone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceonePolicySpec")]
    pub spaceone: Option<SpaceonePolicySpec>,
}

/// A NAVER Cloud Platform Sub Account policy, in the words of its API.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.policyName == oldSelf.policyName", "spec.ncloud.policyName is immutable upstream: delete this object and create another"))]
pub struct NcloudPolicySpec {
    /// Name of the policy, unique in the account: 3 to 30 characters, Korean, Japanese or Latin
    /// letters, digits, `.`, `_` and `-`, beginning with a letter, such as `server-viewer`. Immutable.
    #[schemars(schema_with = "schema::ncloud_policy_name")]
    pub policy_name: String,

    /// What the policy is for: 0 to 300 bytes of UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_description")]
    pub description: Option<String>,

    /// What the policy allows or denies; at least one, at most 100.
    #[schemars(length(min = 1, max = 100))]
    pub permissions: Vec<NcloudPermission>,

    /// Tags of the policy: at most 19, keys of 1 to 128 and values of 1 to 256 characters.
    /// One more tag, `cloudpolicy-owner`, is the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_tags")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// One statement of a NAVER Cloud policy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudPermission {
    /// `Allow` or `Deny`; a deny always wins.
    pub effect: NcloudEffect,
    /// What the statement speaks of; at least one, at most 100.
    #[schemars(length(min = 1, max = 100))]
    pub targets: Vec<NcloudTarget>,
    /// When the statement holds: operator, then key, then values, such as
    /// `{"StringEquals": {"ncp:principalName": ["alice"]}}`. The upstream judges operators and keys.
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
    /// Service code, such as `Server` or `VPCServer`. The upstream judges it.
    #[schemars(length(min = 1, max = 100))]
    pub product: String,
    /// Actions, such as `View/getServerInstanceList`, `View*`, `Change*` or `*`; 1 to 500.
    #[schemars(schema_with = "schema::ncloud_actions")]
    pub actions: Vec<String>,
    /// Resources as NRNs, such as `nrn:PUB:Server:KR:2942:Server/7449`, or `*` for all; 1 to 500.
    #[schemars(schema_with = "schema::ncloud_nrns")]
    pub resource_nrns: Vec<String>,
}

/// A policy of a SpaceONE repository (`spaceone.api.repository.v1.Policy`).
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = ("self.policyId == oldSelf.policyId", "spec.spaceone.policyId is immutable upstream: delete this object and create another"))]
#[x_kube(validation = ("has(self.projectId) == has(oldSelf.projectId) && (!has(self.projectId) || self.projectId == oldSelf.projectId)", "spec.spaceone.projectId is immutable upstream: delete this object and create another"))]
pub struct SpaceonePolicySpec {
    /// Id of the policy, unique in the domain: 1 to 48 lower-case letters, digits and inner
    /// hyphens, such as `network-viewer`. Immutable.
    #[schemars(schema_with = "schema::spaceone_policy_id")]
    pub policy_id: String,
    /// Display name: 1 to 255 characters.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// Permissions, such as `inventory.Server.list` or `inventory.*`; 1 to 5000.
    #[schemars(schema_with = "schema::spaceone_permissions")]
    pub permissions: Vec<String>,
    /// Labels: at most 100 of at most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_labels")]
    pub labels: Option<Vec<String>>,
    /// Tags: any JSON values; keys without `.` and without a leading `$`. One more key,
    /// `cloudpolicy_owner`, is the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::json_object")]
    pub tags: Option<Map<String, Value>>,
    /// Project that the policy belongs to, such as `project-0123456789ab`. Immutable.
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
    /// The upstream's id of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub policy_id: Option<String>,
    /// The upstream's verdict on the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ValidationResult")]
    pub validation_result: Option<ValidationResult>,
    /// NAVER Cloud resource name of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub nrn: Option<String>,
    /// SpaceONE: `ENABLED` or `DISABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<String>,
    /// SpaceONE: the repository that holds the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub repository_info: Option<UpstreamObject>,
    /// When the upstream says it was created, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub created_at: Option<String>,
    /// When the upstream says it was last updated, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub updated_at: Option<String>,
}
