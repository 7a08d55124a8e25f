//! The result of one reconcile and how conditions report it.
//!
//! Each reconcile has one [`Outcome`]. [`Outcome::conditions`] turns it into conditions that change
//! only with their meaning: messages contain no timestamps, and `lastTransitionTime` stays while the
//! status stays.

mod approvals;
mod conditions;
mod fights;
mod guardrails;
mod messages;

use super::error::{ErrorKind, Retry, UpstreamError};
use super::plan::ReportOnly;
use super::{Diff, Remedy, Verdict};
use crate::api::Reason;
use messages::{finding, ineffective};
use serde_json::Value;
use std::time::Duration;

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
    /// The present condition stays if it is about this generation; `Unknown` otherwise.
    Unchanged,
}

impl Truth {
    /// Returns the status of the condition that says so.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown | Self::Unchanged => "Unknown",
        }
    }
}

/// When the object is reconciled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// After the interval of the object.
    Interval,
    /// After a delay that grows with each failure.
    Backoff,
    /// After a long delay: a human must act, and a change of the object triggers a reconcile at once.
    Slow,
    /// After this delay.
    After(Duration),
    /// Not by itself: a change triggers the next reconcile.
    Never,
}

/// The result of a reconcile.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Reason of `Ready`.
    pub reason: Reason,
    /// Message of `Ready`, a sentence.
    pub message: String,
    /// Status of `Ready`.
    pub ready: Truth,
    /// Status of `Synced`.
    pub synced: Truth,
    /// Status of `Valid`.
    pub valid: Truth,
    /// Whether `Drifted` is present.
    pub drifted: bool,
    /// Whether `Reconciling` is present.
    pub reconciling: bool,
    /// Whether `Stalled` is present.
    pub stalled: bool,
    /// The fields that differ upstream, as `status.drift` shows them.
    pub diff: Diff,
    /// When the object is reconciled again.
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

    /// Reports that the upstream equals the spec.
    #[must_use]
    pub fn up_to_date() -> Self {
        Self {
            ready: Truth::True,
            synced: Truth::True,
            valid: Truth::True,
            ..Self::base(Reason::UpToDate, "The upstream equals the spec.")
        }
    }

    /// Reports an upstream object that a policy forbids to write; `diff` is `None` if the object does not
    /// exist.
    #[must_use]
    pub fn reported(diff: Option<Diff>, why: ReportOnly) -> Self {
        let Some(diff) = diff else { return Self::absent(why) };
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
            (ReportOnly::Ineffective, _) => (Reason::DriftReported, ineffective(&diff), Truth::False),
        };
        Self { ready, synced, drifted: !diff.is_empty(), diff, ..Self::base(reason, message) }
    }

    /// Reports an upstream object that does not exist and that a policy forbids to create.
    fn absent(why: ReportOnly) -> Self {
        match why {
            ReportOnly::Observe | ReportOnly::CreateOnly => Self {
                synced: Truth::False,
                ..Self::base(
                    Reason::Observed,
                    "The upstream object does not exist; managementPolicy is Observe, so the operator does not create it.",
                )
            },
            ReportOnly::DriftReport | ReportOnly::Ineffective => Self {
                synced: Truth::False,
                drifted: true,
                ..Self::base(
                    Reason::DriftReported,
                    "The object was deleted upstream; driftPolicy is Report, so the operator does not create it again.",
                )
            },
        }
    }

    /// Reports that `spec.suspend` is set.
    #[must_use]
    pub fn suspended() -> Self {
        Self {
            synced: Truth::Unchanged,
            requeue: Requeue::Never,
            ..Self::base(
                Reason::Suspended,
                "spec.suspend is true: the operator neither compares nor writes the upstream object.",
            )
        }
    }

    /// Reports work in progress that continues without a human.
    #[must_use]
    pub fn working(reason: Reason, message: impl Into<String>, requeue: Requeue) -> Self {
        Self { reconciling: true, requeue, ..Self::base(reason, message) }
    }

    /// Reports that the object cannot use its connection.
    #[must_use]
    pub fn blocked(reason: Reason, message: impl Into<String>, requeue: Requeue) -> Self {
        let stalled = matches!(reason, Reason::ConnectionNotFound | Reason::NamespaceNotAllowed | Reason::InvalidSpec);
        Self { stalled, requeue, ..Self::base(reason, message) }
    }

    /// Reports a problem that a human must solve.
    #[must_use]
    pub fn refused(reason: Reason, message: impl Into<String>) -> Self {
        let valid = match reason {
            Reason::ValidationFailed | Reason::InvalidSpec => Truth::False,
            _ => Truth::Unchanged,
        };
        Self { valid, synced: Truth::False, stalled: true, requeue: Requeue::Slow, ..Self::base(reason, message) }
    }

    /// Reports that another object of this cluster owns or claims the upstream object. No event tells
    /// when that ends, so the object is requeued after `delay`.
    #[must_use]
    pub fn yielded(message: impl Into<String>, delay: Duration) -> Self {
        Self { requeue: Requeue::After(delay), ..Self::refused(Reason::Conflict, message) }
    }

    /// Reports that several upstream objects have the owner tag of this object.
    #[must_use]
    pub fn duplicate(ids: &[String]) -> Self {
        let message = format!(
            "Several upstream objects have the owner tag of this object: {}. The operator writes nothing until you delete all but one upstream. If you delete this object, the operator deletes all of them.",
            ids.join(", ")
        );
        Self::refused(Reason::Duplicate, message)
    }

    /// Reports that the upstream's validation rejected the spec, so nothing was written. `wanted` is the document that it
    /// judged.
    #[must_use]
    pub fn invalid(verdict: &Verdict, wanted: &Value) -> Self {
        Self::rejected(verdict, wanted, " Nothing was written.")
    }

    /// Reports that the upstream refused a write because of the spec. The write may have taken effect all the same.
    #[must_use]
    pub fn refused_write(verdict: &Verdict, wanted: &Value) -> Self {
        Self::rejected(verdict, wanted, "")
    }

    fn rejected(verdict: &Verdict, wanted: &Value, effect: &str) -> Self {
        let first = verdict.details.iter().find(|d| d.kind == "ERROR").or(verdict.details.first());
        let detail = first.map_or_else(|| " without a detail".to_owned(), |detail| finding(detail, wanted));
        Self::refused(
            Reason::ValidationFailed,
            format!("The upstream rejects the spec{detail}.{effect} Correct the spec."),
        )
    }

    /// Reports that reads may not show a write yet. The operator looks again after `pause`.
    #[must_use]
    pub fn settling(diff: Diff, pause: Duration) -> Self {
        let message = if diff.is_empty() {
            "An earlier write may not be shown yet, or may still take effect. The operator looks again.".to_owned()
        } else {
            let missing = diff.summary();
            format!("The upstream accepted the write but does not show {missing} yet. The operator looks again.")
        };
        Self { diff, ..Self::working(Reason::Updating, message, Requeue::After(pause)) }
    }

    /// Reports fields that the upstream did not apply, or that it cannot change in place.
    #[must_use]
    pub fn not_applied(diff: Diff) -> Self {
        let (reason, message) = if diff.needs_recreate() {
            (
                Reason::RecreateRequired,
                format!(
                    "The upstream cannot change {} in place. Undo the change, or set spec.recreatePolicy: WhenRequired to have the operator delete the object and create it again (with a new id; no object exists while the upstream rejects the new one).",
                    diff.summary()
                ),
            )
        } else {
            (
                Reason::NotApplied,
                format!("The upstream accepted the write but did not apply {}. See status.drift.", diff.summary()),
            )
        };
        // What grants more than the spec is written again without end, if it can be written at all.
        let retried = diff.fields.iter().any(|field| field.widens && field.remedy == Remedy::Update);
        let requeue = if retried { Requeue::Backoff } else { Requeue::Slow };
        Self { diff, requeue, ..Self::refused(reason, message) }
    }

    /// Reports a failed upstream call. `grace` is how long a write without a response may still take
    /// effect.
    #[must_use]
    pub fn failed(error: &UpstreamError, grace: Duration) -> Self {
        let reason = error.kind.reason();
        let message = format!("{} {}", error.sentence(), error.kind.advice());
        match error.kind {
            ErrorKind::Rejected | ErrorKind::NotUpdatable | ErrorKind::InvalidReference => {
                Self::refused(reason, message)
            }
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
}

#[cfg(test)]
mod tests;
