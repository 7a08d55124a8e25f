//! What a reconcile came to, and what conditions say of it.
//!
//! One [`Outcome`] per reconcile; [`Outcome::conditions`] turns it into conditions that move
//! only when their meaning moves: no timestamps in messages, `lastTransitionTime` kept while
//! the status stays.

use super::corrections::LIMIT;
use super::error::{ErrorKind, Retry, UpstreamError};
use super::plan::ReportOnly;
use super::{Diff, Verdict};
use crate::api::{ConditionType, RECONCILE_REQUESTED_AT, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::time::Duration;

/// What is known of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// It cannot be told now.
    Unknown,
    /// As the status says already of this spec; of another one nothing is known.
    Unchanged,
}

/// When to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// After the object's interval.
    Interval,
    /// Soon, with growing distances.
    Backoff,
    /// Seldom: a human is needed; a change wakes it at once.
    Slow,
    /// After this time.
    After(Duration),
}

/// What a reconcile came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Reason of `Ready`.
    pub reason: Reason,
    /// Message of `Ready`: a sentence.
    pub message: String,
    /// `Ready`.
    pub ready: Truth,
    /// `Synced`.
    pub synced: Truth,
    /// `Valid`.
    pub valid: Truth,
    /// `Drifted`.
    pub drifted: bool,
    /// `Reconciling`.
    pub reconciling: bool,
    /// `Stalled`.
    pub stalled: bool,
    /// What differs upstream now; shown in `status.drift`.
    pub diff: Diff,
    /// When to look again.
    pub requeue: Requeue,
}

impl Outcome {
    fn base(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            ready: Truth::False,
            synced: Truth::Unknown,
            valid: Truth::Unchanged,
            drifted: false,
            reconciling: false,
            stalled: false,
            diff: Diff::default(),
            requeue: Requeue::Interval,
        }
    }

    /// The upstream equals the spec.
    #[must_use]
    pub fn up_to_date() -> Self {
        Self {
            ready: Truth::True,
            synced: Truth::True,
            valid: Truth::True,
            ..Self::base(Reason::UpToDate, "The upstream equals the spec.")
        }
    }

    /// Only a report was allowed.
    #[must_use]
    pub fn reported(diff: Option<Diff>, why: ReportOnly) -> Self {
        let Some(diff) = diff else { return Self::gone(why) };
        let synced = if diff.is_empty() { Truth::True } else { Truth::False };
        let differs = format!("The upstream differs at {}", diff.summary());
        let (reason, message, ready) = match (why, diff.is_empty()) {
            (ReportOnly::Observe, true) => {
                (Reason::Observed, "The upstream equals the spec; managementPolicy is Observe.".to_owned(), Truth::True)
            }
            (ReportOnly::Observe, false) => {
                (Reason::Observed, format!("{differs}; managementPolicy is Observe."), Truth::True)
            }
            (ReportOnly::CreateOnly, _) => {
                (Reason::Observed, format!("{differs}; managementPolicy is CreateOnly."), Truth::True)
            }
            (ReportOnly::DriftReport, _) => {
                (Reason::DriftReported, format!("{differs}; driftPolicy is Report."), Truth::False)
            }
        };
        Self { ready, synced, drifted: !diff.is_empty(), diff, ..Self::base(reason, message) }
    }

    fn gone(why: ReportOnly) -> Self {
        match why {
            ReportOnly::Observe | ReportOnly::CreateOnly => Self {
                synced: Truth::False,
                ..Self::base(
                    Reason::Observed,
                    "No such object exists upstream; managementPolicy is Observe, so none is created.",
                )
            },
            ReportOnly::DriftReport => Self {
                synced: Truth::False,
                drifted: true,
                ..Self::base(
                    Reason::DriftReported,
                    "The object was deleted upstream; driftPolicy is Report, so it is not created again.",
                )
            },
        }
    }

    /// `spec.suspend` is set.
    #[must_use]
    pub fn suspended() -> Self {
        Self {
            synced: Truth::Unchanged,
            ..Self::base(Reason::Suspended, "spec.suspend is true: nothing is compared or written.")
        }
    }

    /// Work is under way and goes on by itself.
    #[must_use]
    pub fn working(reason: Reason, message: impl Into<String>, requeue: Requeue) -> Self {
        Self { reconciling: true, requeue, ..Self::base(reason, message) }
    }

    /// The connection cannot be used.
    #[must_use]
    pub fn blocked(reason: Reason, message: impl Into<String>, requeue: Requeue) -> Self {
        let stalled = matches!(reason, Reason::ConnectionNotFound | Reason::NamespaceNotAllowed | Reason::InvalidSpec);
        Self { stalled, requeue, ..Self::base(reason, message) }
    }

    /// A human is needed.
    #[must_use]
    pub fn refused(reason: Reason, message: impl Into<String>) -> Self {
        let valid = match reason {
            Reason::ValidationFailed | Reason::InvalidSpec => Truth::False,
            _ => Truth::Unchanged,
        };
        Self { valid, synced: Truth::False, stalled: true, requeue: Requeue::Slow, ..Self::base(reason, message) }
    }

    /// Another object of this cluster has it, or comes first. When that one is gone nobody says so,
    /// so it is looked at again after a while.
    #[must_use]
    pub fn yielded(message: impl Into<String>, again: Duration) -> Self {
        Self { requeue: Requeue::After(again), ..Self::refused(Reason::Conflict, message) }
    }

    /// The upstream's validation refused the spec; nothing was written.
    #[must_use]
    pub fn invalid(verdict: &Verdict) -> Self {
        let first = verdict.details.iter().find(|d| d.kind == "ERROR").or(verdict.details.first());
        let words = first.map_or_else(
            || "without giving a detail".to_owned(),
            |d| {
                let place = d.field.as_deref().unwrap_or(&d.location);
                format!("at {place}: {} ({})", d.message, d.code)
            },
        );
        Self::refused(
            Reason::ValidationFailed,
            format!("The upstream refuses the policy {words}. Nothing was written; correct the spec."),
        )
    }

    /// A write was accepted and these fields are not as asked.
    #[must_use]
    pub fn stuck(diff: Diff) -> Self {
        let (reason, message) = if diff.needs_recreate() {
            (
                Reason::RecreateRequired,
                format!(
                    "The upstream cannot change {} in place. Set spec.recreatePolicy: WhenRequired to have it deleted and created again (with a new id; with none while the upstream refuses it then), or undo the change.",
                    diff.summary()
                ),
            )
        } else {
            (
                Reason::NotApplied,
                format!("The upstream accepted the write and did not take {}. See status.drift.", diff.summary()),
            )
        };
        Self { diff, ..Self::refused(reason, message) }
    }

    /// Somebody else changes these fields back each time: writing stopped.
    #[must_use]
    pub fn fight(diff: Diff, over: &[String]) -> Self {
        let message = format!(
            "Somebody else changes {} back each time: it was corrected {LIMIT} times within an hour, and nothing is written any more. Take the other value over into the spec, have the other side stopped and set the annotation {RECONCILE_REQUESTED_AT}, or set spec.driftPolicy: Report.",
            over.join(", ")
        );
        // Status shows and remembers the first fields only.
        let (fought, others): (Vec<_>, Vec<_>) = diff.fields.into_iter().partition(|field| over.contains(&field.path));
        let diff = Diff { fields: [fought, others].concat() };
        Self { drifted: true, diff, requeue: Requeue::Interval, ..Self::refused(Reason::DriftFight, message) }
    }

    /// An upstream call failed.
    #[must_use]
    pub fn failed(error: &UpstreamError, grace: Duration) -> Self {
        let reason = error.kind.reason();
        let message = sentence(error);
        match error.kind {
            ErrorKind::Rejected | ErrorKind::InvalidReference => Self::refused(reason, message),
            kind => {
                let (stalled, requeue) = match kind.retry() {
                    Retry::Backoff => (false, error.retry_after.map_or(Requeue::Backoff, Requeue::After)),
                    Retry::AfterGrace => (false, Requeue::After(grace)),
                    Retry::Slow => (true, Requeue::Slow),
                };
                Self { stalled, requeue, ..Self::base(reason, message) }
            }
        }
    }

    /// The same, left unsaid for now: status stays as it is.
    #[must_use]
    pub fn without_status(self, requeue: Requeue) -> Self {
        Self { ready: Truth::Unchanged, requeue, ..self }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_without_status(&self) -> bool {
        self.ready == Truth::Unchanged
    }

    /// The conditions that say so.
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
        let shown = when_true.into_iter().filter(|(_, holds)| *holds).map(|(kind, _)| (kind, Truth::True));
        always
            .into_iter()
            .chain(shown)
            .map(|(kind, truth)| self.condition(kind, truth, before, generation, now))
            .collect()
    }

    /// A spec may be valid for long after the upstream was last equal to it.
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
        let status = match truth {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown | Truth::Unchanged => "Unknown",
        };
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

fn sentence(error: &UpstreamError) -> String {
    let advice = match error.kind {
        ErrorKind::Unauthorized => " Check the Secret of the connection and the permissions of its key.",
        ErrorKind::ClockSkew => " Set the clock of the node that runs the operator.",
        ErrorKind::RateLimited => " The operator slows down by itself.",
        ErrorKind::Unavailable => " The operator tries again by itself.",
        ErrorKind::OutcomeUnknown => " The operator looks whether it happened before it tries again.",
        ErrorKind::Rejected => " Correct the spec.",
        ErrorKind::InvalidReference => " Correct the id in the spec.",
        ErrorKind::AlreadyExists => " Choose another name, or set spec.adoptionPolicy.",
        ErrorKind::InUse => " Detach it upstream.",
        ErrorKind::QuotaExceeded => " Delete unused policies upstream, or have the quota raised.",
        ErrorKind::Unsupported => " Check spec.spaceone.apiStyle of the connection.",
        ErrorKind::EndpointNotAllowed => " Ask the operator's administrator to allow the host.",
    };
    format!("{}{advice}", error.sentence())
}

#[cfg(test)]
mod tests;
