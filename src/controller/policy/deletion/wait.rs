//! Waits for a create that may still take effect, or whose object reads may not show yet.

use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};

/// Stops a deletion that found nothing while a create may still take effect, or while reads may not show the object yet.
pub fn for_create<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let adopting = this.is_in_flight(OperationKind::Adopt);
    let unseen = || this.unseen_left().map(|left| this.shared().settling.next_look(&this.uid()).min(left));
    let Some(wait) = this.next_look().filter(|_| !adopting).or_else(unseen) else { return Ok(()) };
    let message = "A create request may still take effect. Checking whether the object exists.";
    Err(Outcome::working(Reason::Deleting, message, Requeue::After(wait)).into())
}
