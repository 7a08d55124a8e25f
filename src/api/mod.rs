//! The API: the five kinds of the group `cloudpolicy.dev`, as types only.
//!
//! Each field has the description, limits and examples that users see with `kubectl explain`. Rules
//! that need two fields are CEL expressions on the nearest common parent. No code here decides
//! what the operator does.

pub mod approval;
pub mod connection;
mod connection_key;
mod connection_status;
pub mod crds;
pub mod guardrails;
pub mod json_object;
pub(crate) mod kinds;
pub mod network_policy;
pub mod policy;
pub mod reasons;
pub mod recorded_place;
mod rules;
pub mod schema;
pub mod shared;
pub mod status;

use kube::{Resource, ResourceExt};

pub use approval::{PolicyApproval, PolicyApprovalSpec, PolicyApprovalStatus};
pub use connection::{ClusterConnection, ClusterConnectionSpec, Connection, ConnectionSpec, ConnectionStatus};
pub use connection_key::ConnectionKey;
pub use json_object::JsonObject;
pub use network_policy::{NetworkPolicy, NetworkPolicySpec, NetworkPolicyStatus};
pub use policy::{Policy, PolicySpec, PolicyStatus};
pub use reasons::{ConditionType, Reason};

/// The API group of every kind.
pub const GROUP: &str = "cloudpolicy.dev";
/// The only served version.
pub const VERSION: &str = "v1alpha1";
/// The finalizer of every object that may have an upstream object.
pub const FINALIZER: &str = "cloudpolicy.dev/finalizer";
/// An annotation that requests a comparison at once when its value changes.
pub const RECONCILE_REQUESTED_AT: &str = "cloudpolicy.dev/reconcile-requested-at";
/// An annotation that, if `"true"`, releases a deleted object and leaves the upstream object as it is.
pub const FORCE_ORPHAN: &str = "cloudpolicy.dev/force-orphan";
/// An annotation that, if `"true"`, confirms a deletion that is paused because too many objects are deleted at once.
pub const CONFIRM_DELETE: &str = "cloudpolicy.dev/confirm-delete";
/// An annotation that gives up the upstream object that status records in this place, such as
/// `https://subaccount.apigw.ntruss.com#2942`, after its connection was changed to lead elsewhere.
pub const RELEASE_UPSTREAM: &str = "cloudpolicy.dev/release-upstream";
/// The field manager of status and finalizers, as in `managedFields`.
pub const FIELD_MANAGER: &str = "cloud-policy-operator";

/// Returns whether the object has our finalizer.
pub fn has_finalizer<K: Resource>(object: &K) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Returns whether an annotation requests a reconcile that the operator has not handled: `handled` is the last one that
/// status records.
pub fn reconcile_requested<K: Resource>(object: &K, handled: Option<&String>) -> bool {
    let requested = object.annotations().get(RECONCILE_REQUESTED_AT);
    requested.is_some() && requested != handled
}
