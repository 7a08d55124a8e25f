//! The outcomes of drift fights: another writer changes a field back after each correction.

use super::{Outcome, Requeue};
use crate::api::{RECONCILE_REQUESTED_AT, Reason};
use crate::engine::Diff;
use crate::engine::corrections::{LIMIT, LONGEST_PAUSE};
use std::time::Duration;

impl Outcome {
    /// Reports that the operator goes on correcting, after a pause, what another writer keeps changing: it grants
    /// more than the spec.
    #[must_use]
    pub fn widening_fight(diff: Diff, pause: Duration) -> Self {
        let message = format!(
            "Another writer keeps changing {} so that the upstream may grant more than the spec. The operator corrects this without end, after pauses of at most {} minutes. Stop the other writer, or copy the value into the spec.",
            diff.summary(),
            LONGEST_PAUSE.as_secs() / 60
        );
        Self { drifted: true, diff, requeue: Requeue::After(pause), ..Self::refused(Reason::DriftFight, message) }
    }

    /// Reports that the operator stopped writing, because another writer changes these fields back after
    /// each correction.
    #[must_use]
    pub fn drift_fight(diff: Diff, over: &[String]) -> Self {
        let message = format!(
            "Another writer keeps changing {}; the operator stopped after {LIMIT} corrections in an hour. Copy the value into the spec, stop the other writer and set the annotation {RECONCILE_REQUESTED_AT}, or set spec.driftPolicy: Report.",
            over.join(", ")
        );
        // Status keeps the first fields only, so the contested fields come first.
        let mut diff = diff;
        diff.fields.sort_by_key(|field| !over.contains(&field.path));
        Self { drifted: true, diff, requeue: Requeue::Interval, ..Self::refused(Reason::DriftFight, message) }
    }
}
