//! What is known before anything is looked at: what status remembers, and what the spec allows.

use crate::api::shared::{AdoptionPolicy, CommonSpec, DriftPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::OperationKind;

/// What status remembers of earlier reconciles.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LastKnown {
    /// The upstream's id, once it is ours.
    pub id: Option<String>,
    /// The write that was sent and whose outcome is not recorded.
    pub in_flight: Option<OperationKind>,
    /// Whether the grace in which a lost create may still land has not passed.
    pub in_grace: bool,
    /// Hash of the wanted document that was last written.
    pub applied_hash: Option<String>,
    /// Paths that the upstream did not take when that was written.
    pub not_applied: Vec<String>,
    /// Paths that somebody else changes back each time they are corrected.
    pub fought: Vec<String>,
    /// An older object of this cluster that claims the same upstream object; what to call it.
    pub contender: Option<String>,
}

impl LastKnown {
    /// Whether this is the write whose outcome is not recorded.
    #[must_use]
    pub fn is_in_flight(&self, kind: OperationKind) -> bool {
        self.in_flight == Some(kind)
    }
}

/// What the spec allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules<'a> {
    /// How much may be done.
    pub management: ManagementPolicy,
    /// Whether existing objects may be taken over.
    pub adoption: AdoptionPolicy,
    /// Whether drift is corrected.
    pub drift: DriftPolicy,
    /// Whether delete and create again is allowed.
    pub recreate: RecreatePolicy,
    /// The object to take over.
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
