//! Names the reasons for which an upstream object outlives its Kubernetes object.

/// Why the operator leaves an upstream object in place when its Kubernetes object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanReason {
    /// `deletionPolicy: Orphan`.
    Requested,
    /// The annotation `cloudpolicy.dev/force-orphan`.
    Forced,
    /// `managementPolicy: Observe`.
    Observed,
    /// The CRD of the kind is being deleted.
    CrdDeleted,
    /// The connection was deleted first, and the wait for it ended.
    Deadline,
    /// The upstream object has the owner tag of another object.
    NotOurs,
    /// Another writer removed the finalizer.
    FinalizerRemoved,
    /// Status records no upstream object, and the operator let the object go without a search for one.
    NotSearched,
    /// The connection leads elsewhere, and the annotation `cloudpolicy.dev/release-upstream` gives up the object.
    Moved,
}

impl OrphanReason {
    /// All reasons.
    pub const ALL: [Self; 9] = [
        Self::Requested,
        Self::Forced,
        Self::Observed,
        Self::CrdDeleted,
        Self::Deadline,
        Self::NotOurs,
        Self::FinalizerRemoved,
        Self::NotSearched,
        Self::Moved,
    ];

    /// Returns the value of the metric's label `reason`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Requested => "deletion_policy",
            Self::Forced => "force_orphan",
            Self::Observed => "management_policy",
            Self::CrdDeleted => "crd_deleted",
            Self::Deadline => "deadline",
            Self::NotOurs => "not_ours",
            Self::FinalizerRemoved => "finalizer_removed",
            Self::NotSearched => "not_searched",
            Self::Moved => "account_changed",
        }
    }
}
