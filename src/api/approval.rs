//! `PolicyApproval`: permits one change that grants more, on a connection that requires approvals.
//!
//! People who may write a policy need not be those who may approve it, so approvals are objects of their own.

use super::schema;
use super::status::UpstreamRef;
use kube::core::Rule;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Forbids to change an approval.
fn immutable() -> Rule {
    Rule::new("self == oldSelf").message("spec is immutable: delete the approval and create another one")
}

/// The approval of a change that grants more.
#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, KubeSchema, PartialEq)]
#[kube(
    group = "cloudpolicy.dev",
    version = "v1alpha1",
    kind = "PolicyApproval",
    plural = "policyapprovals",
    namespaced,
    status = "PolicyApprovalStatus",
    derive = "PartialEq",
    category = "cloudpolicy",
    shortname = "cloudapproval",
    doc = "Approves one change of an object of the same namespace that grants more, on a connection that requires approvals.",
    printcolumn(name = "OBJECT", type_ = "string", json_path = ".spec.policyRef.name"),
    printcolumn(name = "USED", type_ = "string", json_path = ".status.used.usedAt"),
    printcolumn(name = "EXPIRES", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = immutable())]
pub struct PolicyApprovalSpec {
    /// The policy that may be changed, such as `{name: server-viewer}`.
    pub policy_ref: ApprovedRef,
    /// The change, 64 hexadecimal digits such as `3f2a...`, as `status.pendingChange.hash` of the policy or
    /// `cloud-policy plan` shows them.
    #[schemars(schema_with = "schema::change_hash")]
    pub hash: String,
    /// The approval cannot be used for the first time after this time, RFC 3339 in at most 40 characters, such as
    /// `2026-12-01T09:00:00Z`. By default, it does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub expires_at: Option<String>,
}

/// Names a policy in the namespace of the approval.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ApprovedRef {
    /// `Policy` (the default). Other kinds grant nothing, so they need no approval.
    #[serde(default)]
    pub kind: ApprovedKind,
    /// Name of the policy: at most 253 characters, such as `server-viewer`.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

/// The kinds whose changes are approved.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
pub enum ApprovedKind {
    /// A `Policy`.
    #[default]
    Policy,
}

impl ApprovedKind {
    /// Returns the name of the kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => stringify!(Policy),
        }
    }
}

/// What the operator recorded of an approval.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PolicyApprovalStatus {
    /// The change for which the operator used the approval. It counts for no other change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalUse")]
    pub used: Option<ApprovalUse>,
}

/// The use of an approval.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalUse {
    /// The `metadata.uid` of the policy, such as `29e6118e-3a58-4d4f-bb32-c67f8a49bc3c`.
    pub uid: String,
    /// The `metadata.generation` of the policy, such as `3`.
    pub generation: i64,
    /// Hash of the spec that the operator wrote, as in `status.appliedHash` of the policy.
    pub applied_hash: String,
    /// The upstream object that was changed, as in `status.upstream` of the policy; without an id if it was new.
    pub upstream: UpstreamRef,
    /// When the operator used the approval, RFC 3339, such as `2026-12-01T09:00:00Z`.
    pub used_at: String,
}

/// Which changes of the objects of a connection need an approval.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// `Required`: a change that grants more, or that may, needs a `PolicyApproval`. `NotRequired` (the default): no
    /// change needs one.
    #[serde(default)]
    pub widening: WideningApproval,
}

/// Whether a change that grants more needs an approval.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
pub enum WideningApproval {
    /// No change needs an approval.
    #[default]
    NotRequired,
    /// A change that grants more needs an approval.
    Required,
}

impl Approval {
    /// Returns whether a change that grants more needs an approval.
    #[must_use]
    pub fn is_required(approval: Option<&Self>) -> bool {
        approval.is_some_and(|approval| approval.widening == WideningApproval::Required)
    }
}
