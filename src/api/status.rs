//! The parts of status that the kinds share.

use super::schema;
use super::shared::ConnectionRef;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What every policy kind reports.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommonStatus {
    /// The `metadata.generation` that this status speaks of; -1 until the operator has seen the object.
    #[serde(default = "unseen")]
    pub observed_generation: i64,

    /// What is true of this object now, one entry a type, such as `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// Where the upstream object lives: enough to delete it without a valid spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "UpstreamRef")]
    pub upstream: Option<UpstreamRef>,

    /// A write whose outcome is not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Operation")]
    pub operation: Option<Operation>,

    /// Where the upstream differs from the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Drift")]
    pub drift: Option<Drift>,

    /// Hash of the spec that was last written upstream, in hexadecimal: tells drift from an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub applied_hash: Option<String>,

    /// Echo of the annotation `cloudpolicy.dev/reconcile-requested-at` once it was acted on, such
    /// as `2026-11-21T08:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub last_handled_reconcile_at: Option<String>,
}

/// The deletion record.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamRef {
    /// Which upstream collection holds the object, such as `ncloud/policy`.
    pub system: String,
    /// The connection it was written through.
    pub connection: ConnectionRef,
    /// The endpoint it was written to, such as `https://subaccount.apigw.ntruss.com`.
    pub endpoint: String,
    /// The upstream's id, such as `npolicy-0123456789ab`; absent while a create is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub id: Option<String>,
    /// The name under which the upstream object can be found when the id is unknown, such as
    /// `server-viewer`.
    pub key: String,
    /// Whether the object existed before and was taken over.
    #[serde(default)]
    pub adopted: bool,
}

/// A write in flight.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Identifies this attempt: generation and `resourceVersion` of the object, such as `2-4711`.
    pub id: String,
    /// What is being written: `Create`, `Recreate` (deleted, to be created again) or `Adopt`
    /// (marked as taken over).
    pub kind: OperationKind,
    /// When it began, RFC 3339, such as `2026-11-21T08:00:00Z`.
    pub started_at: String,
    /// Hash of the request in hexadecimal, to tell a retry from a changed spec.
    pub request_hash: String,
}

/// Which write is in flight.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// The object is being created.
    Create,
    /// The object is being deleted to be created again.
    Recreate,
    /// An existing object is being marked as taken over.
    Adopt,
}

/// Where the upstream differs from the spec.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// At most 20 fields that differ.
    #[schemars(length(max = 20))]
    pub fields: Vec<DriftField>,
    /// When the difference was first seen, RFC 3339, such as `2026-11-21T08:00:00Z`.
    pub since: String,
}

/// One field that differs, its values shortened.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DriftField {
    /// The path in the spec, such as `spec.ncloud.permissions`.
    pub path: String,
    /// What the spec asks for, as JSON, shortened, such as `["10.0.0.2"]`.
    pub desired: String,
    /// What the upstream has, as JSON, shortened, such as `["10.0.0.3"]`.
    pub observed: String,
}

/// The upstream's verdict on a policy.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ValidationResult {
    /// Whether the upstream accepts the policy.
    pub success: bool,
    /// What the upstream remarks, in its own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ValidationDetail>,
}

/// One remark of the upstream.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ValidationDetail {
    /// `INFO`, `WARNING` or `ERROR`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The upstream's code, such as `iam.policy.invalidProduct`.
    #[serde(default)]
    pub code: String,
    /// Where in the policy, in the upstream's notation, such as `permissions[0].targets[0].product`.
    #[serde(default)]
    pub location: String,
    /// The upstream's message, in its own language.
    #[serde(default)]
    pub message: String,
    /// The path in `spec` that the remark speaks of, where it can be told, such as
    /// `spec.ncloud.permissions[0].targets[0].product`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub field: Option<String>,
}

/// A JSON object of the upstream, kept as it is.
pub type UpstreamObject = Map<String, Value>;

/// The `observedGeneration` of an object that nobody has looked at.
#[must_use]
pub fn unseen() -> i64 {
    -1
}
