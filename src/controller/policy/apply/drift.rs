//! Counts drift and its corrections, and publishes events about both.

use super::Apply;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::engine::access::Change;
use crate::engine::plan::ReportOnly;
use crate::engine::{Cause, Diff, FieldDiff};
use crate::metrics::AccessChange;
use crate::upstream::registry;

impl<K: Managed> Apply<'_, '_, K> {
    /// Counts drift and warns of it before the operator corrects it.
    pub(super) fn warn_if_drift(&self, diff: &Diff, cause: Cause) {
        if cause == Cause::Drift {
            self.count_drift(diff.access);
            self.warn_of_drift(&(changed(diff) + &self.this.concerned(diff.access)));
        }
    }

    /// Counts drift once, however many reconciles its correction takes. `access` is what the other writer changed.
    pub(super) fn count_drift(&self, access: Change) {
        if self.this.shared().observations.mark_drifted(&self.this.uid()) {
            self.count_drift_found(access);
        }
    }

    fn count_drift_found(&self, access: Change) {
        let (metrics, system) = (&self.this.shared().metrics, self.external.system());
        metrics.drift_found(system);
        if access != Change::Equal {
            metrics.access_changed(&AccessChange { system, direction: access.label(), cause: "external" });
        }
    }

    /// Returns how access changes when the object of the spec appears upstream.
    pub(super) fn granted(&self) -> Change {
        registry::granted(self.this.object.desired())
    }

    /// Counts a correction if the object that was just written had drifted.
    pub(super) fn mark_corrected(&self) {
        let shared = self.this.shared();
        if shared.observations.mark_corrected(&self.this.uid()) {
            shared.metrics.drift_corrected(self.external.system());
        }
    }

    /// Counts a difference that may only be reported, and warns of it when it is new.
    pub(super) fn notice(&self, diff: Option<&Diff>, why: ReportOnly) {
        let is_drift = matches!(why, ReportOnly::DriftReport | ReportOnly::Ineffective);
        let is_new = match diff {
            Some(diff) => !diff.is_empty() && !self.this.shows(diff),
            // The condition tells that the object is gone; here it is only counted.
            None => is_drift && !self.this.has_reason(Reason::DriftReported),
        };
        if is_new && is_drift {
            // A further change of an object that has drifted already counts as well.
            self.this.shared().observations.mark_drifted(&self.this.uid());
            self.count_drift_found(diff.map_or_else(|| self.granted().reversed(), |diff| diff.access));
        }
        match diff.filter(|_| is_new) {
            Some(diff) if is_drift => self.warn_of_drift(&(changed(diff) + &self.this.concerned(diff.access))),
            Some(diff) => self.warn_of_drift(&format!("The upstream object differs: {}", explain(diff))),
            None => {}
        }
    }

    /// Returns why an object is created: another writer deleted it, the operator deleted it to replace it, or
    /// it never existed.
    pub(super) fn cause_of_create(&self) -> Cause {
        if self.this.is_in_flight(OperationKind::Recreate) {
            return Cause::Recreate;
        }
        let Some(id) = self.this.prior_state().id.filter(|_| !self.this.is_in_flight(OperationKind::Create)) else {
            return Cause::Spec;
        };
        self.count_drift(self.granted().reversed());
        self.warn_of_drift(&format!("Another writer deleted {id} upstream. The operator creates it again."));
        Cause::Drift
    }

    fn warn_of_drift(&self, note: &str) {
        self.this.warning_event("DriftFound", note);
    }

    /// Counts an update and publishes the event about it.
    pub(super) fn report_update(&self, diff: &Diff, cause: Cause) {
        self.mark_corrected();
        self.record_correction(diff, cause);
        let (reason, note) = if cause == Cause::Drift {
            ("DriftCorrected", format!("Corrected {} upstream.", diff.summary()))
        } else {
            let concerned = self.this.concerned(diff.access.reversed());
            ("Updated", format!("Updated {} upstream.{concerned}", diff.summary()))
        };
        self.this.normal_event(reason, &note);
    }

    /// Records a correction, which tells drift from a drift fight. A new spec starts the count again. A repeated
    /// write of what the upstream did not apply does neither: another writer may have been faster than the check.
    pub(super) fn record_correction(&self, diff: &Diff, cause: Cause) {
        let (shared, uid) = (self.this.shared(), self.this.uid());
        if cause == Cause::Drift {
            shared.corrections().note(&uid, diff, shared.clock.now());
        } else if !self.this.has_reason(Reason::NotApplied) {
            shared.corrections().forget(&uid);
        }
    }
}

fn changed(diff: &Diff) -> String {
    format!("Another writer changed the upstream object: {}", explain(diff))
}

/// Returns the difference as the end of a sentence.
fn explain(diff: &Diff) -> String {
    let part = |f: &FieldDiff| format!("{} is {} instead of {}", f.path, cut(&f.observed), cut(&f.desired));
    let text = diff.fields.iter().take(5).map(part).collect::<Vec<_>>().join("; ");
    let text = if text.ends_with("...") { text } else { text + "." };
    match &diff.witness {
        Some(request) => format!("{text} The upstream gives this request more access than the spec: {request}."),
        None => text,
    }
}

fn cut(value: &serde_json::Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(57).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Remedy;

    fn explained(desired: &str) -> String {
        let mut diff = Diff::default();
        diff.compare("spec.x", &desired, &"now", Remedy::Update);
        explain(&diff)
    }

    #[test]
    fn explanation_ends_as_a_sentence_when_a_value_is_cut() {
        assert_eq!(explained("then"), "spec.x is \"now\" instead of \"then\".");
        let mut diff = Diff::default();
        diff.compare("spec.x", &"then", &"now", Remedy::Update);
        diff.witness = Some("a.B.get".to_owned());
        let note = "spec.x is \"now\" instead of \"then\". The upstream gives this request more access than the spec: a.B.get.";
        assert_eq!(explain(&diff), note);
        let long = explained(&"x".repeat(100));
        assert!(long.ends_with("xxx...") && !long.ends_with("...."), "{long}");
    }
}
