//! Reports an upstream object that the operator leaves in place.
//!
//! The report names an id only if it is proven: this process created the object, or saw it with our owner tag. An id that
//! only status contains may be forged. Then the event tells the name, at the place that the operator recorded, and the log
//! has what status says beside it.

use super::fate::{OwnerTagFate, Tagged};
use crate::api::Reason;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::engine::OrphanReason;

/// Logs the orphan and publishes a warning. `was_deleted` says that the upstream accepted its deletion before.
pub fn report<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: Option<&UpstreamRef>,
    why: OrphanReason,
    tag: &OwnerTagFate,
    was_deleted: bool,
) {
    let (namespace, name) = (this.namespace(), this.object.name_any());
    let note = if let Some(record) = record {
        let (system, object) = (&record.system, shown(this, record, tag));
        tracing::warn!(
            kind = K::KIND,
            namespace,
            name,
            system,
            object,
            status_id = record.id,
            reason = why.label(),
            "orphaned an upstream object"
        );
        let copy = copy_sentence(this, why, tag);
        let fate = fate(tag, was_deleted, this.is_only_refused());
        format!("Orphaned {system} {object}: {fate} ({}).{}{copy}", why.label(), tag.sentence())
    } else {
        tracing::warn!(
            kind = K::KIND,
            namespace,
            name,
            reason = why.label(),
            "let an object go without a record of its upstream object and without a search for it"
        );
        format!(
            "Status records no upstream object, and the operator searched for none ({}): one with the owner tag of uid {} may be left.",
            why.label(),
            this.uid()
        )
    };
    this.warning_event(Reason::Orphaned.as_str(), &note);
}

fn fate(tag: &OwnerTagFate, was_deleted: bool, is_only_refused: bool) -> &'static str {
    match tag {
        _ if was_deleted => "it was deleted, and not seen to be gone",
        OwnerTagFate::Gone => "a search did not find it, so nothing is left in place",
        OwnerTagFate::Untouched | OwnerTagFate::Stays(_) if is_only_refused => {
            "the upstream refused its create, and it may be there all the same"
        }
        OwnerTagFate::Untouched | OwnerTagFate::Found(_) | OwnerTagFate::Stays(_) => "it is not deleted",
    }
}

/// Tells of one of several objects before its owner tag is removed, once. A later process may not find it any more, so this
/// one waits for the event.
pub async fn announce<K: Managed>(this: &Reconciliation<'_, K>, system: &str, why: OrphanReason, object: &Tagged) {
    if !this.shared().records.announce(&this.uid(), object) {
        return;
    }
    let (namespace, name, reason) = (this.namespace(), this.object.name_any(), why.label());
    let shown = format!("{} at {}", object.id, object.endpoint);
    tracing::warn!(kind = K::KIND, namespace, name, system, object = shown, reason, "orphans an upstream object");
    let note = format!(
        "Orphaned {system} {shown}: it is not deleted ({reason}). The operator removes its owner tag now, and tells the outcome of all objects at the end."
    );
    this.shared().events.awaited_warning(&this.reference(), Reason::Orphaned.as_str(), &note).await;
}

/// Tells of the copy that a repeated create may have made, unless a search would have shown it.
fn copy_sentence<K: Managed>(this: &Reconciliation<'_, K>, why: OrphanReason, tag: &OwnerTagFate) -> String {
    let was_searched = why == OrphanReason::NotOurs || tag.is_complete();
    if !this.may_have_copy() || (was_searched && this.copy_hidden_for().is_none_or(|left| left.is_zero())) {
        return String::new();
    }
    format!(" Another object with the owner tag of uid {} may be left: its create was sent twice.", this.uid())
}

/// Returns the id and the endpoint of the object, or its name where the id is not proven.
fn shown<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef, tag: &OwnerTagFate) -> String {
    if let OwnerTagFate::Found(found) = tag {
        let all: Vec<_> = found.all().map(|Tagged { id, endpoint }| format!("{id} at {endpoint}")).collect();
        return all.join(" and ");
    }
    // Status names the place, too, and may be forged alike.
    let place = this.place.as_ref().filter(|place| place.connection == record.connection);
    let UpstreamRef { key, endpoint, .. } = place.unwrap_or(record);
    match this.shared().records.proven(&this.uid()) {
        Some(id) => format!("{id} at {endpoint}"),
        None => format!("named {key} at {endpoint}"),
    }
}
