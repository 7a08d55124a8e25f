//! The conditions of an outcome.

use super::{Outcome, Truth};
use crate::api::ConditionType;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

impl Outcome {
    /// Returns the conditions that report this outcome, given those that status has now.
    #[must_use]
    pub fn conditions(&self, before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
        let always = [
            (ConditionType::Ready, self.ready),
            (ConditionType::Synced, self.synced),
            (ConditionType::Valid, self.valid),
        ];
        let when_true = [
            (ConditionType::Drifted, self.drifted),
            (ConditionType::Reconciling, self.reconciling),
            (ConditionType::Stalled, self.stalled),
        ];
        let present = when_true.into_iter().filter(|(_, is_present)| *is_present).map(|(kind, _)| (kind, Truth::True));
        always
            .into_iter()
            .chain(present)
            .map(|(kind, truth)| self.condition(kind, truth, before, generation, now))
            .collect()
    }

    /// Returns the message of one condition. `Valid` has its own: a spec may be valid while the upstream
    /// does not equal it.
    fn message_of(&self, kind: ConditionType, truth: Truth) -> String {
        match (kind, truth) {
            (ConditionType::Valid, Truth::True) => "The upstream accepts the spec.".to_owned(),
            _ => self.message.clone(),
        }
    }

    fn condition(
        &self,
        kind: ConditionType,
        truth: Truth,
        before: &[Condition],
        generation: i64,
        now: Timestamp,
    ) -> Condition {
        let old = before.iter().find(|c| c.type_ == kind.as_str());
        if truth == Truth::Unchanged
            && let Some(old) = old.filter(|c| c.observed_generation == Some(generation))
        {
            return old.clone();
        }
        let status = truth.as_str();
        let since = old.filter(|c| c.status == status).map_or(Time(now), |c| c.last_transition_time.clone());
        Condition {
            type_: kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: self.reason.as_str().to_owned(),
            message: self.message_of(kind, truth),
            observed_generation: Some(generation),
            last_transition_time: since,
        }
    }
}
