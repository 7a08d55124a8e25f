//! Condition types and reasons: one enum each, so that docs, alerts and code cannot drift apart.

use serde::{Deserialize, Serialize};

/// The conditions that objects carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionType {
    /// The one for people and tools: everything is as the spec says.
    Ready,
    /// The upstream equals the spec.
    Synced,
    /// The upstream accepts the spec.
    Valid,
    /// The upstream was changed behind the operator's back. Present only when true.
    Drifted,
    /// Work is under way. Present only when true.
    Reconciling,
    /// A human is needed. Present only when true.
    Stalled,
}

impl ConditionType {
    /// The spelling in `status.conditions[].type`.
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
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        /// Why a condition is as it is. `docs/reasons.md` has a section for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason { $($(#[doc = $doc])+ $name),+ }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The spelling in `status.conditions[].reason`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

reasons! {
    /// The upstream equals the spec.
    UpToDate,
    /// The object is being created upstream.
    Creating,
    /// A change is being written upstream.
    Updating,
    /// The object is being deleted upstream.
    Deleting,
    /// `managementPolicy: Observe`: read and reported, never written.
    Observed,
    /// `suspend: true`: nothing is touched.
    Suspended,
    /// The upstream differs from the spec, and `driftPolicy` or `managementPolicy` forbids a correction.
    DriftReported,
    /// The connection that `connectionRef` names does not exist.
    ConnectionNotFound,
    /// The connection exists and is not ready.
    ConnectionNotReady,
    /// The `ClusterConnection` does not list the namespace of the object.
    NamespaceNotAllowed,
    /// The upstream refused the credentials, or they lack a permission.
    Unauthorized,
    /// The clock of the operator and of the upstream differ too much for signatures.
    ClockSkew,
    /// The upstream asked for fewer requests.
    RateLimited,
    /// The upstream could not be reached or failed.
    UpstreamUnavailable,
    /// The upstream's validation refused the policy.
    ValidationFailed,
    /// The spec breaks a rule that the operator checks before it asks the upstream.
    InvalidSpec,
    /// The upstream answered success but did not take every value.
    NotApplied,
    /// The upstream object exists and belongs to somebody else.
    Conflict,
    /// More than one upstream object carries this object's stamp.
    Duplicate,
    /// The upstream object is still used and cannot be deleted.
    InUse,
    /// The account's quota is used up.
    QuotaExceeded,
    /// The change needs delete and create, and `recreatePolicy` forbids it.
    RecreateRequired,
    /// The upstream does not offer what the spec asks for.
    UnsupportedByUpstream,
    /// Too many deletions at once: held until a human confirms.
    DeleteHeld,
    /// The Kubernetes object was let go; the upstream object was left as it is.
    Orphaned,
    /// The same field is changed back again and again by somebody else: writing stopped.
    DriftFight,
    /// The upstream accepted the credentials.
    Authenticated,
    /// The endpoint did not answer.
    Unreachable,
    /// The endpoint is not one that the operator may call.
    EndpointNotAllowed,
    /// The Secret, or the key in it, does not exist.
    SecretNotFound,
    /// The operator may not read Secrets in this namespace.
    SecretsNotPermitted,
    /// The operator itself failed on this object.
    InternalError,
}
