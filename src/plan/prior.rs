//! What earlier reconciles left, as far as status tells it: the operator's own memory of its last writes is not at hand.

use crate::api::status::{CommonStatus, OperationKind};
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
    let fought = if applied.spec_changed { Vec::new() } else { Unapplied::given_up(common, &[Reason::DriftFight]) };
    let ready = ConditionType::Ready.find(&common.conditions);
    PriorState {
        id: recorded.filter(|_| in_flight != Some(OperationKind::Adopt)),
        in_flight,
        in_grace: common.operation.as_ref().is_some_and(|operation| is_recent(&operation.started_at)),
        applied_hash: common.applied_hash.clone(),
        settling: ready.is_some_and(|ready| ready.reason == Reason::Updating.as_str()),
        not_applied: Unapplied::given_up(common, &[Reason::NotApplied, Reason::RecreateRequired]),
        fought: fought.into_iter().map(|field| field.path).collect(),
        ..PriorState::default()
    }
}
