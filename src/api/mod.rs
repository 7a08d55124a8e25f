//! What users write: the four kinds of the group `cloudpolicy.dev`, as types only.
//!
//! Nothing here decides anything. Each field carries the description, limits and
//! examples that users see with `kubectl explain`; the rules that need two fields
//! are CEL expressions on the nearest common parent.

pub mod connection;
mod connection_key;
pub mod crds;
pub(crate) mod kinds;
pub mod network_policy;
pub mod policy;
pub mod reasons;
mod rules;
pub mod schema;
pub mod shared;
pub mod status;

pub use connection::{ClusterConnection, ClusterConnectionSpec, Connection, ConnectionSpec, ConnectionStatus};
pub use connection_key::ConnectionKey;
pub use network_policy::{NetworkPolicy, NetworkPolicySpec, NetworkPolicyStatus};
pub use policy::{Policy, PolicySpec, PolicyStatus};
pub use reasons::{ConditionType, Reason};

/// The API group of every kind.
pub const GROUP: &str = "cloudpolicy.dev";
/// The one served version.
pub const VERSION: &str = "v1alpha1";
/// Held on every object that may have something upstream.
pub const FINALIZER: &str = "cloudpolicy.dev/finalizer";
/// Change its value to have an object compared at once.
pub const RECONCILE_REQUESTED_AT: &str = "cloudpolicy.dev/reconcile-requested-at";
/// `"true"` lets a deleted object go without touching the upstream.
pub const FORCE_ORPHAN: &str = "cloudpolicy.dev/force-orphan";
/// `"true"` confirms the deletion of an object that is held because too many are deleted at once.
pub const CONFIRM_DELETE: &str = "cloudpolicy.dev/confirm-delete";
/// Who writes status and finalizers, as `managedFields` shows it.
pub const FIELD_MANAGER: &str = "cloud-policy-operator";
