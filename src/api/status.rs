//! The fields of `status` that several kinds have.

use super::schema;
use super::shared::ConnectionRef;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The fields of `status` that every managed kind has.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// The `metadata.generation` that this status describes. It is -1 until the operator has
    /// observed the object.
    #[serde(default = "unobserved_generation")]
    pub observed_generation: i64,

    /// The current conditions, one for each type, such as `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The location of the upstream object. With it, the operator can delete the upstream object
    /// even if the spec is invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UpstreamRef")]
    pub upstream: Option<UpstreamRef>,

    /// A write whose outcome is not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Operation")]
    pub operation: Option<Operation>,

    /// The differences between the upstream object and the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Drift")]
    pub drift: Option<Drift>,

    /// Hash of the spec that the operator wrote last, in hexadecimal. It distinguishes drift from
    /// an edit of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub applied_hash: Option<String>,

    /// When the operator last changed the upstream object, such as `2026-11-21T08:00:00Z`. An upstream may show it late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_write_time: Option<String>,

    /// When the operator recorded an object whose create request was sent twice, such as `2026-11-21T08:00:00Z`. A later
    /// process looks for a second object. The first write of status after that search removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub repeated_create_time: Option<String>,

    /// The value of the annotation `cloudpolicy.dev/reconcile-requested-at` that the operator
    /// handled last, such as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_handled_reconcile_at: Option<String>,
}

impl CommonStatus {
    /// Returns the time of the last write; `None` if status records none, or no time.
    #[must_use]
    pub fn last_write(&self) -> Option<Timestamp> {
        self.last_write_time.as_deref()?.parse().ok()
    }
}

/// The location of an upstream object.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamRef {
    /// The upstream collection that contains the object, such as `ncloud/policy`.
    pub system: String,
    /// The connection that the operator wrote the object through.
    pub connection: ConnectionRef,
    /// The endpoint that the operator wrote the object to, such as
    /// `https://subaccount.apigw.ntruss.com`.
    pub endpoint: String,
    /// The account that the id belongs to, such as `2942`: the member number of NAVER Cloud, or the
    /// domain id of SpaceONE. It is absent while the operator does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub account: Option<String>,
    /// The repository that the connection names, such as `repo-0123456789ab`. It is absent for the
    /// local repository, and where there are no repositories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub repository: Option<String>,
    /// The id of the object upstream, such as `npolicy-0123456789ab`. It is absent while a create
    /// is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub id: Option<String>,
    /// The name by which the operator finds the object if it does not know the id, such as
    /// `server-viewer`.
    #[schemars(length(max = 255))]
    pub key: String,
    /// `true` if the object existed before and the operator adopted it.
    #[serde(default)]
    pub adopted: bool,
}

/// A pending write.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Identifies the attempt by `generation` and `resourceVersion` of the Kubernetes object, such
    /// as `2-4711`.
    pub id: String,
    /// The kind of the write: `Create`, `Recreate` (delete, then create again) or `Adopt` (write
    /// the owner tag).
    pub kind: OperationKind,
    /// When the write began, RFC 3339, such as `2026-11-21T08:00:00Z`.
    pub started_at: String,
    /// Hash of the request, in hexadecimal. It distinguishes a retry from a changed spec.
    pub request_hash: String,
}

/// The kind of a pending write.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// The operator creates the upstream object.
    Create,
    /// The operator deletes the upstream object to create it again.
    Recreate,
    /// The operator writes the owner tag to an existing upstream object.
    Adopt,
}

/// The differences between the upstream object and the spec.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The fields that differ: at most 20.
    #[schemars(length(max = 20))]
    pub fields: Vec<DriftField>,
    /// When the operator first observed a difference, RFC 3339, such as `2026-11-21T08:00:00Z`.
    pub since: String,
    /// How the access that the upstream grants compares with the access in the spec: `Equal`,
    /// `Narrower`, `Wider`, `Both`, or `Unknown` if the operator cannot tell whether it is wider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DriftAccess")]
    pub access: Option<DriftAccess>,
    /// `Policy`: a request that has more access upstream than by the spec, such as
    /// `Server Change/x on nrn:PUB:Server:KR:x:x`; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub witness: Option<String>,
}

/// How the access that the upstream grants compares with the access in the spec.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum DriftAccess {
    /// The upstream grants the same.
    Equal,
    /// The upstream grants less, and nothing more.
    Narrower,
    /// The upstream grants more, and nothing less.
    Wider,
    /// The upstream grants more to some requests and less to others.
    Both,
    /// The operator cannot tell whether the upstream grants more. It acts as if it did.
    Unknown,
}

impl DriftAccess {
    /// Returns whether the upstream may grant more than the spec.
    #[must_use]
    pub fn may_be_wider(self) -> bool {
        matches!(self, Self::Wider | Self::Both | Self::Unknown)
    }
}

/// A field that differs, with shortened values.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DriftField {
    /// The path of the field, such as `spec.ncloud.permissions`.
    pub path: String,
    /// The value in the spec, as JSON, shortened, such as `["10.0.0.2"]`.
    pub desired: String,
    /// The value upstream, as JSON, shortened, such as `["10.0.0.3"]`.
    pub observed: String,
}

/// A change that waits for an approval.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PendingChange {
    /// The hash that an approval names, 64 hexadecimal digits such as `3f2a...`. It changes with everything that the change depends on.
    pub hash: String,
    /// The `metadata.generation` of the spec that the hash covers, such as `3`. If the object has another one, the hash is about to change.
    pub generation: i64,
    /// How the access that the spec grants compares with the access that the upstream grants: `Wider`, `Both`, or
    /// `Unknown` if the operator cannot tell whether it is wider.
    pub access: PendingAccess,
    /// A request that has more access by the spec than upstream, such as `Server Change/x on nrn:PUB:Server:KR:x:x`;
    /// absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub witness: Option<String>,
}

/// How a change that waits for an approval changes access.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum PendingAccess {
    /// It grants more, and nothing less.
    Wider,
    /// It grants more to some requests and less to others.
    Both,
    /// The operator cannot tell whether it grants more.
    Unknown,
}

/// An update that took permissions away.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Narrowing {
    /// When the operator wrote the update, RFC 3339, such as `2026-11-21T08:00:00Z`.
    pub written_at: String,
    /// When the removed permissions are out of force for certain, RFC 3339, such as
    /// `2026-11-21T09:10:00Z`. Until then the upstream may still grant them.
    pub in_force_by: String,
}

/// How many hold a policy, as the operator read it last.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct AttachedTo {
    /// How many sub accounts, groups and roles hold the policy, such as `12`. The members of a group or a role are not
    /// counted.
    pub count: i64,
    /// How many of them are sub accounts of NAVER Cloud, such as `8`.
    #[serde(default)]
    pub sub_accounts: i64,
    /// How many are groups of NAVER Cloud, such as `3`.
    #[serde(default)]
    pub groups: i64,
    /// How many are roles of NAVER Cloud or SpaceONE, such as `1`.
    #[serde(default)]
    pub roles: i64,
    /// At most ten of them, such as `SubAccount alice (1b9d)`. Names are personal data: absent unless the operator runs with
    /// `--holders names`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<String>,
    /// When the operator first read exactly this, RFC 3339, such as `2026-11-21T08:00:00Z`. It does not tell when the
    /// operator read it last, which is about once an hour.
    pub since: String,
}

/// The result of the upstream's validation of a policy.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ValidationResult {
    /// `true` if the upstream accepts the policy.
    pub success: bool,
    /// The remarks of the upstream, as it returned them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ValidationDetail>,
}

/// A remark of the upstream.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ValidationDetail {
    /// The severity: `INFO`, `WARNING` or `ERROR`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The code of the upstream, such as `iam.policy.invalidProduct`.
    #[serde(default)]
    pub code: String,
    /// The place in the policy, in the notation of the upstream, such as
    /// `permissions[0].targets[0].product`.
    #[serde(default)]
    pub location: String,
    /// The message of the upstream, in its language.
    #[serde(default)]
    pub message: String,
    /// The path in `spec` that the remark refers to, if the operator can determine it, such as
    /// `spec.ncloud.permissions[0].targets[0].product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub field: Option<String>,
}

/// Returns the `observedGeneration` of an object that the operator has not observed yet.
#[must_use]
pub fn unobserved_generation() -> i64 {
    -1
}
