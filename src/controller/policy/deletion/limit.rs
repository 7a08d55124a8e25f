//! Limits mass deletion, which most often is a mistake: a wrong `kubectl delete --all`, the wrong namespace,
//! a repository that rendered to nothing. Deletions above the limit are blocked until a human confirms.
//!
//! The limit counts the objects of one connection that were deleted upstream within the window, and those
//! whose deletion is pending. Kubernetes stores the pending ones, so a restart does not lift the limit. A
//! mass that is visible at once is blocked as a whole, not let through up to the limit. A blocked deletion
//! stays blocked. A confirmed deletion does not count.

use crate::api::{CONFIRM_DELETE, ConnectionKey, FORCE_ORPHAN, Reason};
use crate::controller::k8s::connection_metadata;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::{Outcome, Requeue};
use std::time::Duration;

/// How soon a deletion is retried while the caches are being filled.
const FILLING_CACHES: Duration = Duration::from_millis(500);

/// Stops a deletion that would reach the upstream above the limit.
pub async fn check<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let shared = this.shared();
    let limit = shared.settings.delete_limit;
    if limit == 0 || this.object.has_annotation(CONFIRM_DELETE) {
        return Ok(());
    }
    if this.has_reason(Reason::DeleteHeld) {
        return Err(blocked(this).into());
    }
    if !shared.stores.are_complete() {
        let message = "Waiting until the operator has listed all objects.";
        return Err(Outcome::working(Reason::Deleting, message, Requeue::After(FILLING_CACHES)).into());
    }
    let key = this.object.connection();
    let mut pending = shared.stores.pending_deletions(&key);
    // The cache may lag behind this object.
    pending.insert(this.uid());
    let now = shared.clock.now();
    let count = shared.deletions().count(&key, &pending, now);
    if count <= limit as usize {
        return Ok(());
    }
    let is_new = shared.deletions().record_alarm(&key, now);
    if is_new {
        raise_alarm(this, &key, count).await;
    }
    Err(blocked(this).into())
}

/// Records that the object was deleted upstream.
pub fn record<K: Managed>(this: &Reconciliation<'_, K>) {
    if !this.object.has_annotation(CONFIRM_DELETE) {
        let shared = this.shared();
        shared.deletions().note(&this.object.connection(), &this.uid(), shared.clock.now());
    }
}

fn blocked<K: Managed>(this: &Reconciliation<'_, K>) -> Outcome {
    let settings = &this.shared().settings;
    let connection = &this.object.common().connection_ref;
    Outcome::refused(
        Reason::DeleteHeld,
        format!(
            "Deletion paused: more than {} objects of {:?} {} were deleted within {} seconds. To confirm: kubectl -n {} annotate {} {} {CONFIRM_DELETE}=true. To keep the upstream object, use {FORCE_ORPHAN}=true instead.",
            settings.delete_limit,
            connection.kind,
            connection.name,
            settings.delete_window.as_secs(),
            this.namespace(),
            K::CRD,
            this.object.name_any(),
        ),
    )
}

/// Logs the alarm and publishes one event about the connection.
async fn raise_alarm<K: Managed>(this: &Reconciliation<'_, K>, key: &ConnectionKey, count: usize) {
    let shared = this.shared();
    let limit = shared.settings.delete_limit;
    tracing::warn!(connection = %key, count, limit, "mass deletion paused until a human confirms it");
    let reference = &this.object.common().connection_ref;
    let about = connection_metadata::get(&shared.client, reference, &this.namespace()).await;
    if let Ok(Some(about)) = about {
        let note = format!(
            "Deletion paused: {count} objects of this connection are being deleted, more than {limit}. See the message of the objects for how to confirm."
        );
        shared.events.warning(&about, Reason::DeleteHeld.as_str(), &note).await;
    }
}
