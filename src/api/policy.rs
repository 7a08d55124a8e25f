//! `Policy`: an access policy, of NAVER Cloud Platform or of SpaceONE.

use super::JsonObject;
use super::shared::CommonSpec;
use super::status::{AttachedTo, CommonStatus, Narrowing, PendingChange, ValidationResult};
use super::{rules, schema};
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fields of which a spec sets exactly one.
const FIELDS: [&str; 2] = ["ncloud", "spaceone"];

/// Requires that `externalId` of a SpaceONE policy equals its `policyId`.
fn external_id_is_policy_id() -> Rule {
    Rule::new("!has(self.externalId) || !has(self.spaceone) || self.externalId == self.spaceone.policyId")
        .message("spec.externalId of a SpaceONE policy must equal spec.spaceone.policyId: remove spec.externalId")
        .field_path(".externalId")
}

/// Requires the same project as before, or its absence. A project that differs upstream may be corrected.
fn same_project() -> Rule {
    let path = "spec.spaceone.projectId";
    let same =
        format!("has(self.{path}) == has(oldSelf.{path}) && (!has(self.{path}) || self.{path} == oldSelf.{path})");
    let differs = format!("has(oldSelf.status.drift) && oldSelf.status.drift.fields.exists(f, f.path == '{path}')");
    let absent = "!has(self.spec.spaceone) || !has(oldSelf.spec.spaceone)";
    rules::once_recorded("spaceone.projectId", &format!("{absent} || ({same}) || ({differs})"))
}

/// The desired state of an access policy, its connection, and the policies by which the operator manages it.
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
    doc = "An access policy of NAVER Cloud Platform or SpaceONE. The operator keeps the upstream policy equal to `spec`.",
    validation = rules::same_connection(),
    validation = rules::same_external_id(),
    validation = rules::same_name("ncloud", "policyName"),
    validation = rules::same_name("spaceone", "policyId"),
    validation = same_project(),
    selectable = ".spec.connectionRef.name",
    selectable = ".spec.connectionRef.kind",
    selectable = ".status.policyId",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "ID", type_ = "string", json_path = ".status.policyId"),
    printcolumn(name = "CONNECTION", type_ = "string", json_path = ".spec.connectionRef.name"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "SYSTEM", type_ = "string", json_path = ".status.upstream.system", priority = 1),
    printcolumn(name = "STATE", type_ = "string", json_path = ".status.state", priority = 1),
    printcolumn(name = "DRIFT", type_ = "string", json_path = ".status.drift.fields[*].path", priority = 1),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].message",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_of(&FIELDS))]
#[x_kube(validation = rules::same_choice(&FIELDS))]
#[x_kube(validation = external_id_is_policy_id())]
pub struct PolicySpec {
    /// The fields of every managed kind.
    #[serde(flatten)]
    pub common: CommonSpec,

    /// A policy of NAVER Cloud Platform Sub Account. Set exactly one of `ncloud` and `spaceone`.
    /// The choice is immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "NcloudPolicySpec")]
    pub ncloud: Option<NcloudPolicySpec>,

    /// A policy of a SpaceONE repository. Set exactly one of `ncloud` and `spaceone`. The choice is
    /// immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SpaceonePolicySpec")]
    pub spaceone: Option<SpaceonePolicySpec>,
}

/// A policy of NAVER Cloud Platform Sub Account, with the fields of its API.
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudPolicySpec {
    /// Name of the policy in the account: 3 to 30 characters, such as `server-viewer`. It consists
    /// of Korean, Japanese or Latin letters, digits, `.`, `_` and `-`, and begins with a letter. NAVER
    /// Cloud cannot rename a policy, so it is immutable once the policy exists.
    #[schemars(schema_with = "schema::ncloud_policy_name")]
    pub policy_name: String,

    /// Description of the policy: 0 to 300 bytes of UTF-8 (a Korean letter takes 3), such as
    /// `Servers, read only`. If absent, the description in NAVER Cloud is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_description")]
    pub description: Option<String>,

    /// Statements that allow or deny actions: 1 to 100. Their order has no meaning.
    #[schemars(schema_with = "schema::objects::<NcloudPermission, 1, 100>")]
    pub permissions: Vec<NcloudPermission>,

    /// Tags of the policy: at most 19, with keys of 1 to 128 and values of 1 to 256 characters,
    /// such as `team: network`. NAVER Cloud allows 20 tags; the operator needs one for the owner
    /// tag, `cloudpolicy-owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_tags")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// One statement of a NAVER Cloud policy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudPermission {
    /// `Allow` or `Deny`. A deny overrides an allow. Some accounts support only `Allow`; the
    /// validation by NAVER Cloud reports it.
    pub effect: NcloudEffect,
    /// The products with their actions and resources: 1 to 100.
    #[schemars(schema_with = "schema::objects::<NcloudTarget, 1, 100>")]
    pub targets: Vec<NcloudTarget>,
    /// When the statement applies: operator, then key, then values, such as
    /// `{"StringEquals": {"ncp:principalName": ["alice"]}}`. It has 1 to 20 operators, each with 1
    /// to 20 keys, each with 1 to 100 values of at most 1024 characters. NAVER Cloud validates
    /// operators and keys. Quote the operator `"Null"`; unquoted, YAML parses it as null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::ncloud_condition")]
    pub condition: Option<BTreeMap<String, BTreeMap<String, Vec<String>>>>,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NcloudEffect {
    /// The statement allows the actions.
    Allow,
    /// The statement denies the actions, and overrides every allow.
    Deny,
}

/// Actions on resources of one product.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct NcloudTarget {
    /// Service code: 1 to 100 characters without spaces, such as `Server` or `VPCServer`. NAVER
    /// Cloud validates it, because the codes differ by zone and change over time.
    #[schemars(schema_with = "schema::ncloud_product")]
    pub product: String,
    /// Actions: 1 to 500 of at most 200 characters without spaces, such as
    /// `View/getServerInstanceList`, `View*`, `Change*` or `*`. Order and repetition have no
    /// meaning. NAVER Cloud validates them.
    #[schemars(schema_with = "schema::ncloud_actions")]
    pub actions: Vec<String>,
    /// Resources: 1 to 500 NRNs of at most 256 characters, such as
    /// `nrn:PUB:Server:KR:2942:Server/7449`, or `*` for all resources. Order and repetition have no
    /// meaning.
    #[schemars(schema_with = "schema::ncloud_nrns")]
    pub resource_nrns: Vec<String>,
}

/// A policy of a SpaceONE repository (`spaceone.api.repository.v1.Policy`).
#[derive(Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SpaceonePolicySpec {
    /// Id of the policy, unique in the domain: 1 to 48 lower-case letters, digits and inner
    /// hyphens, such as `network-viewer`. SpaceONE identifies the policy by it, so it is
    /// immutable once the policy exists.
    #[schemars(schema_with = "schema::spaceone_policy_id")]
    pub policy_id: String,
    /// Display name: 1 to 255 characters, such as `Network viewer`. It is not unique.
    #[schemars(schema_with = "schema::short_text")]
    pub name: String,
    /// Permissions: 1 to 5000 of at most 255 visible ASCII characters, such as
    /// `inventory.Server.list` or `inventory.*`. Order and repetition have no meaning.
    #[schemars(schema_with = "schema::spaceone_permissions")]
    pub permissions: Vec<String>,
    /// Labels: at most 100 different ones of 1 to 255 characters, such as `network`. Their order
    /// has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_labels")]
    pub labels: Option<Vec<String>>,
    /// Tags: at most 100 keys with any JSON values, such as `team: network`. SpaceONE cannot store
    /// a key that contains `.` or begins with `$`. The API server cannot check this, so the
    /// operator reports `InvalidSpec`. The key `cloudpolicy_owner` is reserved for the owner tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_tags")]
    pub tags: Option<JsonObject>,
    /// Id of the project that the policy belongs to: 1 to 64 characters, such as
    /// `project-0123456789ab`. SpaceONE accepts it only at creation, so it is immutable, also if
    /// absent, once the policy exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::spaceone_id")]
    pub project_id: Option<String>,
}

/// The state of a `Policy` as the operator observed it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyStatus {
    /// The fields of every managed kind.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The id of the policy upstream, such as `ec5a5dd0-1111-2222-3333-246e966ebeb4` (NAVER Cloud)
    /// or `network-viewer` (SpaceONE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub policy_id: Option<String>,
    /// NAVER Cloud: the last validation result, as the upstream returned it. The condition `Valid`
    /// shows whether it is the result for the current spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ValidationResult")]
    pub validation_result: Option<ValidationResult>,
    /// SpaceONE: the last update that took permissions away, while they may still be in force. SpaceONE's
    /// identity service caches what a role permits for up to 70 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Narrowing")]
    pub narrowing: Option<Narrowing>,
    /// How many hold the policy upstream. Absent until the operator has read it, and if it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "AttachedTo")]
    pub attached_to: Option<AttachedTo>,
    /// The change that waits for an approval, because it grants more and the connection requires one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PendingChange")]
    pub pending_change: Option<PendingChange>,
    /// The fields that only the upstream sets.
    #[serde(flatten)]
    pub details: PolicyDetails,
}

/// The fields of a `Policy` that only the upstream sets.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDetails {
    /// NAVER Cloud: the resource name of the policy, such as
    /// `nrn:PUB:IAM::2942:Policy/ec5a5dd0-1111-2222-3333-246e966ebeb4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub nrn: Option<String>,
    /// SpaceONE: the state of the policy, such as `ENABLED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<String>,
    /// SpaceONE: the repository of the policy as the upstream describes it, such as
    /// `{"repository_id": "repo-0123456789ab", "repository_type": "local"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::upstream_object")]
    pub repository_info: Option<JsonObject>,
    /// When SpaceONE created the policy, RFC 3339, such as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub created_at: Option<String>,
    /// The update time that SpaceONE returns, RFC 3339, such as `2026-11-21T08:00:00Z`. SpaceONE
    /// does not change it on updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub updated_at: Option<String>,
}
