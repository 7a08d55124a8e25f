//! What earlier reconciles left, as far as status tells it: the operator's own memory of its last writes is not at hand.

use crate::api::status::{CommonStatus, DriftField, OperationKind};
use crate::api::{ConditionType, Reason};
use crate::engine::plan::{PriorState, Unapplied};
use jiff::{SignedDuration, Timestamp};

/// How long a write may not be visible, or may still take effect.
const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// An object as the cluster has it.
pub struct Applied<'a> {
    /// Its status.
    pub status: &'a CommonStatus,
    /// Its spec.
    pub spec_changed: bool,
}

/// Returns the prior state of an object; empty for one that the API server has not seen.
pub fn of(applied: &Applied<'_>, now: Timestamp) -> PriorState {
    let common = applied.status;
    let in_flight = common.operation.as_ref().map(|operation| operation.kind);
    let recorded = common.upstream.as_ref().and_then(|upstream| upstream.id.clone());
    let since = |text: &str| text.parse::<Timestamp>().ok().map(|at| now.duration_since(at));
    let is_recent = |text: &str| since(text).is_some_and(|age| age < GRACE);
    let fought = if applied.spec_changed { Vec::new() } else { given_up(common, &[Reason::DriftFight]) };
    PriorState {
        id: recorded.filter(|_| in_flight != Some(OperationKind::Adopt)),
        in_flight,
        in_grace: common.operation.as_ref().is_some_and(|operation| is_recent(&operation.started_at)),
        applied_hash: common.applied_hash.clone(),
        settling: has_reason(common, &[Reason::Updating]),
        not_applied: given_up(common, &[Reason::NotApplied, Reason::RecreateRequired]),
        fought: fought.into_iter().map(|field| field.path).collect(),
        ..PriorState::default()
    }
}

/// Returns the fields that the operator gave up for one of these reasons.
fn given_up(common: &CommonStatus, reasons: &[Reason]) -> Vec<Unapplied> {
    let drift = common.drift.as_ref().filter(|_| has_reason(common, reasons));
    let field = |field: &DriftField| Unapplied { path: field.path.clone(), observed: field.observed.clone() };
    drift.into_iter().flat_map(|drift| &drift.fields).map(field).collect()
}

/// Returns whether `Ready` has one of these reasons.
fn has_reason(common: &CommonStatus, reasons: &[Reason]) -> bool {
    let ready = ConditionType::Ready.find(&common.conditions);
    ready.is_some_and(|ready| reasons.iter().any(|reason| ready.reason == reason.as_str()))
}
