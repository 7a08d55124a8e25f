//! Sends an update, and records around it what status must not lose.

use super::Apply;
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::audit_log::Write;
use crate::engine::{Cause, Diff, ErrorKind, Observation, Written};

impl<K: Managed> Apply<'_, '_, K> {
    /// Sends an update of these fields. The names that it declares are recorded before it. An update that takes permissions away is recorded before and after it: the
    /// upstream may go on granting them for a while.
    pub(super) async fn send_update(
        &mut self,
        id: &str,
        diff: &Diff,
        cause: Cause,
    ) -> Result<crate::engine::Result<Written<Observation>>> {
        let before = self.this.status.narrowing.clone();
        self.this.status.once_declared.extend(self.external.lasting_names());
        self.this.save().await?;
        let delay = self.this.record_narrowing(self.external, diff).await?;
        let write = Write::update(cause, id, diff);
        let result = self.this.write(write, self.external.update(id, diff)).await?;
        match (&result, delay) {
            (Ok(Written::Accepted { .. } | Written::Incomplete { .. }), Some(delay)) => {
                let until = self.this.start_narrowing(delay);
                let note = format!("Removed permissions. The upstream may still grant them until {until}.");
                self.this.normal_event("Narrowed", &note);
            }
            (Err(error), _) if error.kind == ErrorKind::OutcomeUnknown => {}
            (Ok(Written::Refused(_)) | Err(_), Some(_)) => self.this.status.narrowing = before,
            (_, None) => {}
        }
        Ok(result)
    }
}
