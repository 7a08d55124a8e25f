//! Limits mass deletion, which most often is a mistake: a wrong `kubectl delete --all`, the wrong namespace,
//! a repository that rendered to nothing. Deletions above the limit are blocked until a human confirms.
//!
//! The limit counts the objects of one connection and namespace that were deleted upstream within the window, and
//! those whose deletion is pending. Kubernetes stores the pending ones, so a restart does not lift the limit. A
//! mass that is visible at once is blocked as a whole, not let through up to the limit. A blocked deletion
//! stays blocked. A confirmed deletion does not count. Several namespaces that exceed the limit only together are
//! blocked together ([`deletions`](crate::engine::deletions)).

use crate::api::{CONFIRM_DELETE, ConnectionKey, FORCE_ORPHAN, Reason};
use crate::controller::k8s::connection_metadata;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::deletions::Mass;
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
    let Some(deletion) = this.object.deletion() else { return Ok(()) };
    let pending = shared.stores.pending_deletions(&key);
    let now = shared.clock.now();
    let mass = shared.deletions().mass(&key, &deletion, &pending, limit as usize, now);
    let Some(mass) = mass else { return Ok(()) };
    let held = matches!(mass, Mass::OneNamespace(_)).then_some(deletion.namespace.as_str());
    let is_new = shared.deletions().record_alarm(&key, held, now);
    if is_new {
        raise_alarm(this, &key, mass).await;
    }
    Err(blocked(this).into())
}

/// Records that the object was deleted upstream.
pub fn record<K: Managed>(this: &Reconciliation<'_, K>) {
    let shared = this.shared();
    if !this.object.has_annotation(CONFIRM_DELETE)
        && let Some(deletion) = this.object.deletion()
    {
        shared.deletions().note(&this.object.connection(), deletion, shared.clock.now());
    }
}

fn blocked<K: Managed>(this: &Reconciliation<'_, K>) -> Outcome {
    let settings = &this.shared().settings;
    let connection = &this.object.common().connection_ref;
    Outcome::refused(
        Reason::DeleteHeld,
        format!(
            "Deletion paused: more than {} objects of {:?} {} were deleted within {} seconds in this namespace, or in several together. To confirm: kubectl -n {} annotate {} {} {CONFIRM_DELETE}=true. To keep the upstream object, use {FORCE_ORPHAN}=true instead.",
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
async fn raise_alarm<K: Managed>(this: &Reconciliation<'_, K>, key: &ConnectionKey, mass: Mass) {
    let shared = this.shared();
    let limit = shared.settings.delete_limit;
    let namespace = this.namespace();
    let (count, place) = match mass {
        Mass::OneNamespace(count) => (count, format!("in namespace {namespace}")),
        Mass::SeveralNamespaces(count) => (count, "in several namespaces together".to_owned()),
    };
    tracing::warn!(connection = %key, namespace, count, limit, "mass deletion {place} paused until a human confirms it");
    let reference = &this.object.common().connection_ref;
    let about = connection_metadata::get(&shared.client, reference, &namespace).await;
    if let Ok(Some(about)) = about {
        let note = format!(
            "Deletion paused: {count} objects of this connection are being deleted {place}, more than {limit}. See the message of the objects for how to confirm."
        );
        shared.events.warning(&about, Reason::DeleteHeld.as_str(), &note);
    }
}
