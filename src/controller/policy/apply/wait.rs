//! Waits for a create that may still take effect.

use super::Apply;
use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};

impl<K: Managed> Apply<'_, '_, K> {
    /// Waits for a create whose response was lost, or that was refused.
    pub(super) fn wait(&self) -> Result<Outcome, Stop> {
        if self.this.recorded_id().is_some() {
            // The response arrived: the upstream only shows the object late.
            return self.not_shown();
        }
        if self.this.refused_left().is_some() && !self.this.is_in_flight(OperationKind::Create) {
            return self.wait_for_refused();
        }
        let message = if self.this.may_be_unrecorded() {
            "Status records no upstream object, and the upstream may show one late. Checking whether one exists before creating it."
        } else {
            "The response to the create request was lost. Checking whether the object exists before retrying."
        };
        let look = self.this.next_look().map_or(Requeue::Backoff, Requeue::After);
        Ok(Outcome::working(Reason::Creating, message, look))
    }

    /// Waits before the adoption of one object until reads would show whether the refused adoption of another one took effect.
    pub(super) fn wait_for_adoption(&self, refused: &str, id: &str) -> Result<(), Stop> {
        let Some(look) = self.this.refused_look().filter(|_| refused != id) else { return Ok(()) };
        let message = format!(
            "The upstream refused an earlier adoption of {refused}, which may have taken effect all the same. Checking whether it has the owner tag before {id} is adopted."
        );
        Err(Outcome::working(Reason::Creating, message, Requeue::After(look)).into())
    }

    /// Waits until a search would show the object of a create that the upstream refused. Status keeps telling why it did, as
    /// long as it is about this spec.
    fn wait_for_refused(&self) -> Result<Outcome, Stop> {
        self.this.shared().records.rest(&self.this.uid(), false);
        let look = self.this.next_look().map_or(Requeue::Backoff, Requeue::After);
        if !self.this.spec_changed() {
            return Err(Stop::Silently(look));
        }
        let message = "The upstream refused an earlier create request, which may have taken effect all the same. Checking whether the object exists before creating it.";
        Ok(Outcome::working(Reason::Creating, message, look))
    }
}
