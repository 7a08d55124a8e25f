//! Sends an update, and records around it what status must not lose.

use super::Apply;
use crate::api::shared::RecreatePolicy;
use crate::api::status::UpstreamRef;
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::approval::Intended;
use crate::controller::policy::audit_log::Write;
use crate::controller::policy::failure::failed;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::Outcome;
use crate::engine::{Cause, Diff, ErrorKind, Observation, UpstreamError, Written};

impl<K: Managed> Apply<'_, '_, K> {
    /// Sends an update of these fields. The names that it declares are recorded before it. An update that takes
    /// permissions away is recorded before and after it: the upstream may go on granting them for a while. The record stays
    /// if the upstream refuses the update, because it may have taken effect all the same.
    pub(super) async fn send_update(
        &mut self,
        id: &str,
        diff: &Diff,
        cause: Cause,
    ) -> Result<crate::engine::Result<Written<Observation>>, Stop> {
        let before = self.this.status.narrowing.clone();
        self.this.status.once_declared.extend(self.external.lasting_names());
        self.this.save().await?;
        let delay = self.this.record_narrowing(self.external, diff).await?;
        if let Err(denied) = self.permit_update(diff).await {
            self.this.status.narrowing = before;
            return Err(denied);
        }
        let write = Write::update(cause, id, diff);
        self.note_replaced();
        self.note_sent();
        let result = self.this.write(write, self.external.update(id, diff)).await?;
        // It may have waited, and taken effect until its response came.
        self.note_sent();
        match (&result, delay) {
            (Ok(Written::Accepted { .. } | Written::Incomplete { .. }), Some(delay)) => {
                let until = self.this.start_narrowing(delay);
                let note = format!("Removed permissions. The upstream may still grant them until {until}.");
                self.this.normal_event("Narrowed", &note);
            }
            (Err(error), Some(_)) if error.unsent => self.this.status.narrowing = before,
            (Ok(Written::Refused(_)) | Err(_), _) | (_, None) => {}
        }
        Ok(result)
    }

    /// Remembers the update: if the spec is taken back, reads that lag do not prove that it had no effect.
    fn note_sent(&self) {
        self.this.shared().settling.sent(&self.this.uid(), &self.hash);
    }

    /// Asks whether the guardrails permit an update that may grant more than the upstream grants now.
    async fn permit_update(&mut self, diff: &Diff) -> Result<(), Stop> {
        if may_widen(diff) { self.this.permit(self.external).await } else { Ok(()) }
    }

    /// Stops unless writing the spec over the object with this id grants no more, or is approved.
    pub(super) async fn approve(&mut self, id: Option<&str>, adopts: bool) -> Result<(), Stop> {
        let upstream = UpstreamRef { id: id.map(str::to_owned), ..self.place() };
        let (external, account) = (self.external, self.account);
        let intended = Intended { external, account, hash: &self.hash, upstream: &upstream, adopts };
        self.this.approve(intended).await
    }

    /// Remembers that the spec is in force for this upstream object.
    pub(super) fn note_in_force(&self, id: Option<String>) {
        let seen = self.this.in_force(&self.hash, UpstreamRef { id, ..self.place() });
        self.this.shared().approvals.seen(&self.this.uid(), seen);
    }

    /// Forgets what was in force if another document replaces it: the write may take effect although its response is lost.
    pub(super) fn note_replaced(&self) {
        let (approvals, uid) = (&self.this.shared().approvals, self.this.uid());
        if !approvals.was_in_force(&uid, &self.this.in_force(&self.hash, self.place())) {
            approvals.forget(&uid);
        }
    }

    /// Writes the fields of the difference and confirms the write.
    pub(super) async fn update(&mut self, observed: &Observation, diff: &Diff, cause: Cause) -> Result<Outcome, Stop> {
        if may_widen(diff) {
            self.approve(Some(&observed.id), false).await?;
        }
        // The upstream validates an edit itself, and changes nothing if it rejects it.
        self.warn_if_drift(diff, cause);
        match self.send_update(&observed.id, diff, cause).await? {
            Ok(Written::Accepted { id, verdict, shown }) => {
                self.this.shared().settling.updated(&self.this.uid(), &observed.diff);
                self.this.status.common.applied_hash = Some(self.hash.clone());
                self.note_written(&id, self.adopted(), verdict);
                // A read follows a correction of drift, so status need not tell that one may not show it.
                if cause != Cause::Drift {
                    self.note_write_time();
                }
                let is_edit = cause == Cause::Spec && self.this.spec_changed();
                let read_back = if let Some(outcome) = self.believe(shown.as_ref().filter(|_| is_edit)) {
                    Ok(outcome)
                } else {
                    self.this.save().await?;
                    self.read_back(&id).await
                };
                if !matches!(read_back, Err(Stop::Retry(_))) {
                    self.report_update(diff, cause);
                }
                Ok(self.unless_fought(diff, cause, read_back?))
            }
            Ok(Written::Refused(verdict)) => Ok(self.refused_write(verdict)),
            Err(error) if self.must_recreate(&error) => self.recreate(&observed.id, &observed.diff, cause).await,
            Ok(Written::Incomplete { id: _, error }) | Err(error) => {
                if error.kind == ErrorKind::OutcomeUnknown {
                    self.this.shared().settling.lost(&self.this.uid());
                }
                Err(failed(self.this, &error))
            }
        }
    }

    /// Returns whether only a recreation helps, and the spec allows one.
    fn must_recreate(&self, error: &UpstreamError) -> bool {
        error.kind == ErrorKind::NotUpdatable && self.this.rules().recreate == RecreatePolicy::WhenRequired
    }
}

/// Returns whether an update may grant more than the upstream grants now: `diff` says what the upstream grants beyond the
/// spec.
fn may_widen(diff: &Diff) -> bool {
    diff.access.reversed().may_grant()
}
