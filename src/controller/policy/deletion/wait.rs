//! Waits for a create that may still take effect, or whose object or copy reads may not show yet, and for the check of a
//! connection.

use crate::api::Reason;
use crate::api::status::OperationKind;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};
use std::time::Duration;

/// How soon a deletion is retried whose connection has not been checked yet.
const UNCHECKED_RETRY: Duration = Duration::from_secs(1);

/// Reports that a connection is being checked.
pub fn for_check() -> Outcome {
    Outcome::working(Reason::Deleting, "Waiting for the connection to be checked.", Requeue::After(UNCHECKED_RETRY))
}

/// Stops a deletion that found nothing while a create may still take effect, or while reads may not show the object yet.
pub fn for_create<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let unseen = || this.unseen_left().map(|left| this.shared().settling.count_look(&this.uid()).min(left));
    let inherited = || this.unproven_left();
    let Some(wait) = this.next_look().or_else(unseen).or_else(inherited) else { return Ok(()) };
    let message = if this.is_in_flight(OperationKind::Adopt) {
        "A write of the owner tag may still take effect. Checking whether the object has it."
    } else {
        "A create request may still take effect. Checking whether the object exists."
    };
    Err(Outcome::working(Reason::Deleting, message, Requeue::After(wait)).into())
}

/// Stops a deletion that an owner is missing for, while reads may not show the owner tag yet.
pub fn for_owner_tag<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let Some(left) = this.unseen_left() else { return Ok(()) };
    let wait = this.shared().settling.count_look(&this.uid()).min(left);
    let message = "The upstream may not show the owner tag yet. Looking again.";
    Err(Outcome::working(Reason::Deleting, message, Requeue::After(wait)).into())
}

/// Stops a deletion whose object may have a copy that a search does not show yet: its create was sent twice.
pub fn for_copy<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let Some(wait) = this.copy_hidden_for().filter(|left| !left.is_zero()) else { return Ok(()) };
    let message = "An earlier create request may have made another object. Checking whether it exists.";
    Err(Outcome::working(Reason::Deleting, message, Requeue::After(wait)).into())
}
