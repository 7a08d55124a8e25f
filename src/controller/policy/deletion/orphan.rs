//! Reports an upstream object that the operator leaves in place.

use crate::api::Reason;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::engine::OrphanReason;

/// Logs the orphan and publishes a warning.
pub async fn report<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef, why: OrphanReason) {
    let id = record.id.as_deref().unwrap_or("(id unknown)");
    tracing::warn!(
        kind = K::KIND,
        namespace = this.namespace(),
        name = this.object.name_any(),
        system = record.system,
        endpoint = record.endpoint,
        id,
        reason = why.label(),
        "orphaned an upstream object"
    );
    let note = format!("Orphaned {} {id} at {}: it is not deleted ({}).", record.system, record.endpoint, why.label());
    this.warning_event(Reason::Orphaned.as_str(), &note).await;
}
