//! What is told and remembered of drift: counters, events, corrections.

use super::Apply;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::engine::Diff;
use crate::engine::plan::ReportOnly;

impl<K: Managed> Apply<'_, '_, K> {
    /// Before drift is corrected.
    pub(super) async fn drift_found(&self, diff: &Diff) {
        self.count_found();
        self.warn_of_drift(&changed(diff)).await;
    }

    /// Drift is counted once, however often it takes to put it right.
    pub(super) fn count_found(&self) {
        let shared = self.this.shared();
        if shared.observations.drifts(&self.this.uid()) {
            shared.metrics.drift_found(self.subject.system());
        }
    }

    /// The object was written as it should be: if it had drifted, that is put right.
    pub(super) fn put_right(&self) {
        let shared = self.this.shared();
        if shared.observations.is_right(&self.this.uid()) {
            shared.metrics.drift_corrected(self.subject.system());
        }
    }

    /// What differs and may only be reported, when it does so newly.
    pub(super) async fn noticed(&self, diff: Option<&Diff>, why: ReportOnly) {
        let reported = why == ReportOnly::DriftReport;
        let news = match diff {
            Some(diff) => !diff.is_empty() && !self.this.shows(diff),
            // The condition tells it; here it is only counted.
            None => reported && self.this.ready_reason() != Some(Reason::DriftReported.as_str()),
        };
        if news && reported {
            // Another change of what had drifted already is news, too.
            self.this.shared().observations.drifts(&self.this.uid());
            self.this.shared().metrics.drift_found(self.subject.system());
        }
        match diff.filter(|_| news) {
            Some(diff) if reported => self.warn_of_drift(&changed(diff)).await,
            Some(diff) => self.warn_of_drift(&format!("The upstream differs: {}", explain(diff))).await,
            None => {}
        }
    }

    /// Before something is created, why: it was deleted by others, or by us to make it anew, or never was.
    pub(super) async fn gone(&self) -> &'static str {
        let record = self.this.record();
        if record.is_in_flight(OperationKind::Recreate) {
            return "recreate";
        }
        let Some(id) = record.id.clone().filter(|_| !record.is_in_flight(OperationKind::Create)) else { return "spec" };
        self.count_found();
        self.warn_of_drift(&format!("Deleted upstream by somebody else: {id}. It is created again.")).await;
        "drift"
    }

    async fn warn_of_drift(&self, note: &str) {
        self.this.shared().events.warning(&self.this.reference(), "DriftFound", note).await;
    }

    /// After an update.
    pub(super) async fn updated(&self, diff: &Diff, drift: bool) {
        self.put_right();
        self.corrected(diff, drift);
        let (reason, note) = if drift {
            ("DriftCorrected", format!("Wrote {} upstream again.", diff.summary()))
        } else {
            ("Updated", format!("Wrote {} upstream.", diff.summary()))
        };
        self.this.shared().events.normal(&self.this.reference(), reason, &note).await;
    }

    /// Corrections are counted, to tell drift from a fight; a new spec begins anew.
    pub(super) fn corrected(&self, diff: &Diff, drift: bool) {
        let (shared, uid) = (self.this.shared(), self.this.uid());
        if drift {
            shared.corrections().note(&uid, diff, shared.clock.now());
        } else {
            shared.corrections().forget(&uid);
        }
    }
}

fn changed(diff: &Diff) -> String {
    format!("Changed upstream by somebody else: {}", explain(diff))
}

/// What differs, as the end of a sentence.
fn explain(diff: &Diff) -> String {
    let part =
        |f: &crate::engine::FieldDiff| format!("{} is {} instead of {}", f.path, cut(&f.observed), cut(&f.desired));
    let text = diff.fields.iter().take(5).map(part).collect::<Vec<_>>().join("; ");
    if text.ends_with("...") { text } else { text + "." }
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
    fn an_explanation_ends_as_a_sentence_does_also_when_a_value_is_cut() {
        assert_eq!(explained("then"), "spec.x is \"now\" instead of \"then\".");
        let long = explained(&"x".repeat(100));
        assert!(long.ends_with("xxx...") && !long.ends_with("...."), "{long}");
    }
}
