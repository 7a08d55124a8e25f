//! The input of a plan that is known before the upstream is read: the prior state of the object and the policies of
//! its spec.

use crate::api::shared::{AdoptionPolicy, CommonSpec, DriftPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::{CommonStatus, DriftField, OperationKind};
use crate::api::{ConditionType, Reason};
use crate::engine::diff::shortened;
use crate::engine::location::Moved;
use crate::engine::{Diff, FieldDiff};

/// What earlier reconciles left: what status records, what this process remembers of its own writes, and what it found
/// out about other objects that claim the same.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an independent fact")]
pub struct PriorState {
    /// The id of the upstream object, once it is ours.
    pub id: Option<String>,
    /// The kind of a write whose result is not recorded.
    pub in_flight: Option<OperationKind>,
    /// Whether this process sent the create in flight. Status alone does not prove that: others may edit it.
    pub create_sent: bool,
    /// Whether a create in flight may still take effect or become visible.
    pub in_grace: bool,
    /// Whether an earlier process may have sent a create that status does not record any more, or the upstream may have
    /// carried out one that it refused, and the object may become visible.
    pub may_be_unrecorded: bool,
    /// Whether the upstream may have carried out an adoption that it refused.
    pub may_have_adopted: bool,
    /// Hash of the wanted document that was last written.
    pub applied_hash: Option<String>,
    /// Whether reads may not show the last write yet.
    pub settling: bool,
    /// Whether an update whose response was lost may still take effect.
    pub lost_update: bool,
    /// Hash of the wanted document of the last update that this process sent, whatever became of it, while reads may not
    /// show it.
    pub sent: Option<String>,
    /// Whether reads may not show the object at all yet.
    pub unseen: bool,
    /// The differences before the last write, if it was an update whose effect no read showed.
    pub before: Option<Diff>,
    /// The fields that the upstream did not apply at that write, as they were last seen.
    pub not_applied: Vec<Unapplied>,
    /// Paths that another writer changes back after each correction.
    pub fought: Vec<String>,
    /// Name of an older object of this cluster that claims the same upstream object.
    pub contender: Option<String>,
    /// Whether the objects that were found belonged to Kubernetes objects of this cluster that do not exist any
    /// more, and have the name of this one.
    pub left_behind: bool,
    /// Set if status records another location than the one to which the connection leads.
    pub moved: Option<Moved>,
}

impl PriorState {
    /// Returns whether the object of an earlier create may still appear.
    #[must_use]
    pub fn may_appear(&self) -> bool {
        (self.is_in_flight(OperationKind::Create) && self.in_grace) || self.may_be_unrecorded
    }

    /// Returns whether a write of this kind is in flight.
    #[must_use]
    pub fn is_in_flight(&self, kind: OperationKind) -> bool {
        self.in_flight == Some(kind)
    }
}

/// A field that the upstream did not apply, in the form of `status.drift`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unapplied {
    /// Path in the object.
    pub path: String,
    /// The value upstream, shortened.
    pub observed: String,
}

impl Unapplied {
    /// Returns the fields that status says the operator gave up for one of these reasons of `Ready`.
    #[must_use]
    pub fn given_up(status: &CommonStatus, reasons: &[Reason]) -> Vec<Self> {
        let ready = ConditionType::Ready.find(&status.conditions);
        let gave_up = ready.is_some_and(|ready| reasons.iter().any(|reason| ready.reason == reason.as_str()));
        let field = |field: &DriftField| Self { path: field.path.clone(), observed: field.observed.clone() };
        let drift = status.drift.as_ref().filter(|_| gave_up);
        drift.into_iter().flat_map(|drift| &drift.fields).map(field).collect()
    }

    /// Returns a field that differs in this form.
    #[must_use]
    pub fn of(field: &FieldDiff) -> Self {
        Self { path: field.path.clone(), observed: shortened(&field.observed) }
    }
}

/// The policies of the spec.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules<'a> {
    /// `spec.managementPolicy`.
    pub management: ManagementPolicy,
    /// `spec.adoptionPolicy`.
    pub adoption: AdoptionPolicy,
    /// `spec.driftPolicy`.
    pub drift: DriftPolicy,
    /// `spec.recreatePolicy`.
    pub recreate: RecreatePolicy,
    /// `spec.externalId`.
    pub external_id: Option<&'a str>,
}

impl<'a> From<&'a CommonSpec> for Rules<'a> {
    fn from(spec: &'a CommonSpec) -> Self {
        Self {
            management: spec.management_policy,
            adoption: spec.adoption_policy,
            drift: spec.drift_policy,
            recreate: spec.recreate_policy,
            external_id: spec.external_id.as_deref(),
        }
    }
}
