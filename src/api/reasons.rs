//! Condition types and reasons, one enum each, so that tests can compare docs and alerts with the code.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};

/// The types of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// The upstream object equals the spec, or the connection can be used. Tools wait for this
    /// condition.
    Ready,
    /// The upstream object equals the spec.
    Synced,
    /// The upstream accepts the spec.
    Valid,
    /// Another writer changed the upstream object. Present only while it is true.
    Drifted,
    /// The operator is still working on the object. Present only while it is true.
    Reconciling,
    /// The operator cannot continue before a human acts. Present only while it is true.
    Stalled,
}

impl ConditionType {
    /// Returns the spelling in `status.conditions[].type`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Synced => "Synced",
            Self::Valid => "Valid",
            Self::Drifted => "Drifted",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }

    /// Returns the condition of this type.
    #[must_use]
    pub fn find(self, conditions: &[Condition]) -> Option<&Condition> {
        conditions.iter().find(|condition| condition.type_ == self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// The reason of a condition or an event. `docs/reasons.md` has a section for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason { $($(#[doc = $doc])+ $name),+ }

        impl Reason {
            /// Every reason, in the order of this file.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the spelling in `status.conditions[].reason`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

reasons! {
    /// The upstream object equals the spec.
    UpToDate,
    /// The operator waits until a create takes effect upstream.
    Creating,
    /// The operator waits until an update takes effect upstream.
    Updating,
    /// The operator waits until it can complete the deletion upstream.
    Deleting,
    /// `managementPolicy` forbids the write: the operator only observes the upstream object.
    Observed,
    /// `spec.suspend` is `true`: the operator compares and writes nothing.
    Suspended,
    /// The upstream object differs from the spec, and `driftPolicy` or `managementPolicy` forbids a
    /// correction.
    DriftReported,
    /// The connection that `connectionRef` names does not exist.
    ConnectionNotFound,
    /// The connection exists and is not ready.
    ConnectionNotReady,
    /// The `ClusterConnection` does not allow the namespace of the object.
    NamespaceNotAllowed,
    /// The upstream rejected the credentials, or they lack a permission.
    Unauthorized,
    /// The clocks of the operator and of the upstream differ too much for signed requests.
    ClockSkew,
    /// The upstream or the `rateLimit` of the connection limits the requests.
    RateLimited,
    /// The operator cannot reach the upstream, or the upstream failed.
    UpstreamUnavailable,
    /// The upstream's validation rejected the policy.
    ValidationFailed,
    /// The spec violates a rule that the operator checks, or refers to an upstream object that does
    /// not exist.
    InvalidSpec,
    /// The object is beyond the guardrails of its connection, so the operator writes nothing for it.
    GuardrailDenied,
    /// The change grants more, and the connection requires an approval that does not exist.
    ApprovalRequired,
    /// The upstream accepted the write but did not apply every value.
    NotApplied,
    /// The upstream object is recorded in another place than the one to which the connection leads.
    AccountChanged,
    /// The upstream object exists and does not have the owner tag of this object.
    Conflict,
    /// Several upstream objects have the owner tag of this object.
    Duplicate,
    /// The object cannot be deleted because it is in use.
    InUse,
    /// The operator cannot tell who uses the object, so it does not delete it.
    UsersUnknown,
    /// The quota of the account is used up.
    QuotaExceeded,
    /// The upstream cannot change a field in place, and `recreatePolicy` forbids delete and create.
    RecreateRequired,
    /// The upstream does not offer the operation that the spec requires.
    UnsupportedByUpstream,
    /// Too many objects are deleted at once: the operator pauses the deletion until it is
    /// confirmed.
    DeleteHeld,
    /// The operator released the object and left the upstream object as it is.
    Orphaned,
    /// Another writer reverts each correction of a field: the operator stopped writing.
    DriftFight,
    /// The upstream accepted the credentials.
    Authenticated,
    /// The operator cannot use the new credentials, and the former ones stay in use.
    FormerKeyInUse,
    /// The endpoint did not answer or returned an error, or the operator cannot read the Secret.
    Unreachable,
    /// The operator may not call the endpoint.
    EndpointNotAllowed,
    /// The Secret, or the key in it, does not exist.
    SecretNotFound,
    /// The operator may not read Secrets in this namespace.
    SecretsNotPermitted,
    /// The operator itself failed on this object.
    InternalError,
}
