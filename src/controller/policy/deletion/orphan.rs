//! Why an upstream object is left as it is when its Kubernetes object goes.

use crate::api::FORCE_ORPHAN;
use crate::api::shared::{DeletionPolicy, ManagementPolicy};
use crate::controller::kinds::managed::Managed;

/// The reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanReason {
    /// `deletionPolicy: Orphan`.
    Asked,
    /// The annotation that lets go at once.
    Forced,
    /// `managementPolicy: Observe`.
    Observed,
    /// The CRD is being deleted.
    CrdDeleted,
    /// The connection went first, and waiting ended.
    Deadline,
    /// It bears somebody else's stamp.
    NotOurs,
}

impl OrphanReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Asked, Self::Forced, Self::Observed, Self::CrdDeleted, Self::Deadline, Self::NotOurs];

    /// The value of the metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Asked => "deletion_policy",
            Self::Forced => "force_orphan",
            Self::Observed => "management_policy",
            Self::CrdDeleted => "crd_deleted",
            Self::Deadline => "deadline",
            Self::NotOurs => "not_ours",
        }
    }

    /// What the object itself says.
    #[must_use]
    pub fn wanted_by<K: Managed>(object: &K) -> Option<Self> {
        let spec = object.common();
        if object.has_annotation(FORCE_ORPHAN) {
            Some(Self::Forced)
        } else if spec.deletion_policy == DeletionPolicy::Orphan {
            Some(Self::Asked)
        } else if spec.management_policy == ManagementPolicy::Observe {
            Some(Self::Observed)
        } else {
            None
        }
    }
}
