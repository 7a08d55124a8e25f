//! Reports an upstream object that the operator leaves in place.

use super::untag::OwnerTagFate;
use crate::api::Reason;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::engine::OrphanReason;

/// Logs the orphan and publishes a warning.
pub fn report<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: Option<&UpstreamRef>,
    why: OrphanReason,
    tag: &OwnerTagFate,
) {
    let (namespace, name) = (this.namespace(), this.object.name_any());
    let note = if let Some(UpstreamRef { system, endpoint, id, .. }) = record {
        let id = id.as_deref().unwrap_or("(id unknown)");
        tracing::warn!(
            kind = K::KIND,
            namespace,
            name,
            system,
            endpoint,
            id,
            reason = why.label(),
            "orphaned an upstream object"
        );
        format!("Orphaned {system} {id} at {endpoint}: it is not deleted ({}).{}", why.label(), tag.sentence())
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
