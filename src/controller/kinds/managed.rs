//! Defines what the managed kinds have in common, so that one flow reconciles them all.

use crate::api::shared::CommonSpec;
use crate::api::shared::{DeletionPolicy, ManagementPolicy};
use crate::api::status::{AttachedTo, CommonStatus, Narrowing, PendingChange, ValidationResult};
use crate::api::{CONFIRM_DELETE, ConnectionKey, FORCE_ORPHAN, has_finalizer, reconcile_requested, recorded_place};
use crate::engine::deletions::Deletion;
use crate::engine::{Details, OrphanReason};
use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// The status of an object, before it takes the shape of its kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusDraft {
    /// The part that all kinds share.
    pub common: CommonStatus,
    /// The further fields that the upstream shows of the object.
    pub details: Details,
    /// The id of the upstream object that was observed last. `common.upstream` holds the id only once
    /// the object is ours.
    pub observed_id: Option<String>,
    /// The upstream's last verdict on the spec.
    pub verdict: Option<ValidationResult>,
    /// The last update that took permissions away, while the upstream may still grant them.
    pub narrowing: Option<Narrowing>,
    /// How many hold the upstream object.
    pub attached_to: Option<AttachedTo>,
    /// The change that waits for an approval.
    pub pending_change: Option<PendingChange>,
    /// The names that the spec declared once and the upstream still holds.
    pub once_declared: BTreeSet<String>,
}

impl StatusDraft {
    /// Returns the report of an object without status.
    #[must_use]
    pub fn unobserved() -> Self {
        let common = CommonStatus {
            observed_generation: crate::api::status::unobserved_generation(),
            ..CommonStatus::default()
        };
        Self { common, ..Self::default() }
    }

    /// Returns the id that status shows.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        let recorded = self.common.upstream.as_ref().and_then(|upstream| upstream.id.clone());
        recorded.or_else(|| self.observed_id.clone())
    }
}

/// A kind whose objects live upstream.
pub trait Managed:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + ResourceExt
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The name of the kind, for logs and metrics.
    const KIND: &'static str;
    /// The name of its CRD.
    const CRD: &'static str;
    /// The status of the kind.
    type Status: Serialize + Debug + PartialEq + Send + Sync;

    /// Returns the part of the spec that all kinds share.
    fn common(&self) -> &CommonSpec;
    /// Returns the spec. The registry of upstream collections finds the collection that it describes.
    fn desired(&self) -> &dyn Any;
    /// Returns what status says now.
    fn status_draft(&self) -> StatusDraft;
    /// Returns the part of the status that all kinds share; `None` for an object without status. It costs nothing, unlike
    /// [`Self::status_draft`].
    fn saved_common(&self) -> Option<&CommonStatus>;
    /// Returns the report in the shape of the kind's status.
    fn status(draft: &StatusDraft) -> Self::Status;

    /// Returns the part of the status that all kinds share, without a copy of it.
    fn common_status(&self) -> Cow<'_, CommonStatus> {
        self.saved_common().map_or_else(|| Cow::Owned(StatusDraft::unobserved().common), Cow::Borrowed)
    }

    /// Returns the key of the connection that the spec names.
    fn connection(&self) -> ConnectionKey {
        ConnectionKey::of(&self.common().connection_ref, &self.namespace().unwrap_or_default())
    }

    /// Returns whether a change of this connection concerns the object: its spec or its record names it. The record may
    /// be edited, so it gives no right to use the connection.
    fn is_concerned_by(&self, key: &ConnectionKey) -> bool {
        let recorded = self.saved_common().and_then(|status| status.upstream.as_ref());
        let namespace = || self.namespace().unwrap_or_default();
        self.connection() == *key || recorded.is_some_and(|it| ConnectionKey::of(&it.connection, &namespace()) == *key)
    }

    /// Returns whether an annotation requests a reconcile that `status` does not record yet.
    fn reconcile_requested(&self, status: &CommonStatus) -> bool {
        reconcile_requested(self, status.last_handled_reconcile_at.as_ref())
    }

    /// Returns whether the spec is newer than the one that `status` describes.
    fn spec_changed(&self, status: &CommonStatus) -> bool {
        self.meta().generation != Some(status.observed_generation)
    }

    /// Returns whether this annotation is set to `true`.
    fn has_annotation(&self, annotation: &str) -> bool {
        self.annotations().get(annotation).is_some_and(|value| value == "true")
    }

    /// Returns whether the object is being deleted.
    fn is_deleted(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// Returns whether the object only observes its upstream object.
    fn only_observes(&self) -> bool {
        self.common().management_policy == ManagementPolicy::Observe
    }

    /// Returns why the object itself asks to keep its upstream object when it is deleted.
    fn orphan_reason(&self) -> Option<OrphanReason> {
        if self.has_annotation(FORCE_ORPHAN) {
            Some(OrphanReason::Forced)
        } else if self.common().deletion_policy == DeletionPolicy::Orphan {
            Some(OrphanReason::Requested)
        } else if self.only_observes() {
            Some(OrphanReason::Observed)
        } else {
            None
        }
    }

    /// Returns the deletion of the object, as the limit on mass deletion counts it; `None` if it is not being deleted.
    fn deletion(&self) -> Option<Deletion> {
        let since = self.meta().deletion_timestamp.as_ref()?.0;
        Some(Deletion { uid: self.uid()?, namespace: self.namespace().unwrap_or_default(), since })
    }

    /// Returns whether the deletion of the object waits, will reach the upstream and is not confirmed:
    /// it counts towards the limit on mass deletion.
    fn counts_as_pending_deletion(&self) -> bool {
        self.is_deleted()
            && has_finalizer(self)
            && self.orphan_reason().is_none()
            && !self.has_annotation(CONFIRM_DELETE)
            // Another writer may have taken the record out of status.
            && (self.common_status().upstream.is_some() || recorded_place::read(self).is_some())
    }
}
