//! Finds out who uses an upstream object before and after its deletion.
//!
//! Some upstreams refuse to delete an object in use. Others delete it, and its users keep what it granted. So the
//! operator asks before it deletes, and once more when the object is gone.
//!
//! If the upstream does not tell the users, a human confirms the deletion of an object that exists or existed. An object of
//! which nothing proves that it ever existed has nothing to revoke: after the grace a search has shown nothing of it.

use crate::api::CONFIRM_DELETE;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::{ErrorKind, ExternalDeleter, deletion_plan};
use crate::upstream::registry;

/// Stops the deletion of an object that has users.
pub async fn check<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<(), Stop> {
    let used_by = confirmed(this, id, list(this, id, deleter).await)?;
    if used_by.is_empty() { Ok(()) } else { Err(deletion_plan::in_use(id, &used_by).into()) }
}

/// Stops the release of an object that is gone upstream while users keep what it granted. `key` is its name, and
/// nothing of this name is left.
pub async fn check_gone<K: Managed>(
    this: &Reconciliation<'_, K>,
    key: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<(), Stop> {
    if !deleter.grants_after_deletion() || !may_have_been_ours(this, key, deleter) {
        return Ok(());
    }
    let listed = list(this, key, deleter).await;
    let is_unknown = listed.as_ref().is_err_and(|error| error.kind == ErrorKind::UsersUnknown);
    if is_unknown && !has_existed(this, key) {
        return Ok(());
    }
    let used_by = confirmed(this, key, listed)?;
    if used_by.is_empty() { Ok(()) } else { Err(deletion_plan::still_granted(key, &used_by).into()) }
}

/// Returns whether the object may have had this id: this process created it, saw it with our owner tag, or deleted it; it
/// sent a create of this name that the upstream refused, which may have taken effect all the same; or the spec, or a place
/// that this process chose, names it. Status and the annotation may be forged, and their words would tell a tenant who
/// holds the objects of others. Nor is an object asked for that this process knows it never created.
fn may_have_been_ours<K: Managed>(this: &Reconciliation<'_, K>, key: &str, deleter: &dyn ExternalDeleter) -> bool {
    let (shared, uid, system) = (this.shared(), this.uid(), deleter.system());
    let records = &shared.records;
    let was_never_sent = records.is_first_process(&uid) && this.upstream_ref().is_none();
    is_proven(this, key) || records.was_refused(&uid, system, key) || (!was_never_sent && is_named(this, system, key))
}

/// Returns whether this process created the object, saw it with our owner tag, or deleted it.
fn is_proven<K: Managed>(this: &Reconciliation<'_, K>, key: &str) -> bool {
    let (shared, uid) = (this.shared(), this.uid());
    shared.records.proven(&uid).as_deref() == Some(key) || shared.settling.is_deleted(&uid, key)
}

/// Returns whether the object existed upstream, as far as the operator knows: a record with an id counts, too.
fn has_existed<K: Managed>(this: &Reconciliation<'_, K>, key: &str) -> bool {
    is_proven(this, key) || this.upstream_ref().is_some_and(|record| record.id.is_some())
}

/// Returns whether the spec, or a place that this process chose, names the object.
fn is_named<K: Managed>(this: &Reconciliation<'_, K>, system: &str, key: &str) -> bool {
    let chosen = this.place.as_ref().filter(|_| this.shared().places.is_chosen(&this.uid()));
    registry::unique_name(this.object.desired()) == Some((system, key))
        || chosen.is_some_and(|place| place.system == system && place.key == key)
}

/// Lists the users.
async fn list<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    deleter: &dyn ExternalDeleter,
) -> crate::engine::Result<Vec<String>> {
    if !this.shared().settings.safeguards.user_lookup {
        return Ok(Vec::new());
    }
    deleter.used_by(id, this.users_not_before()).await
}

/// Returns the listed users. If the upstream does not tell them, the object waits until a human confirms the deletion.
fn confirmed<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    listed: crate::engine::Result<Vec<String>>,
) -> Result<Vec<String>, Stop> {
    match listed {
        Ok(used_by) => Ok(used_by),
        Err(error) if error.kind == ErrorKind::UsersUnknown && this.object.has_annotation(CONFIRM_DELETE) => {
            let note = format!(
                "The deletion of {id} is confirmed, and the operator cannot tell what holds it ({error}). A holder keeps its permissions."
            );
            tracing::warn!(kind = K::KIND, namespace = this.namespace(), name = this.object.name_any(), id, %error, "deleted without knowing the users");
            this.warning_event("UsersUnchecked", &note);
            Ok(Vec::new())
        }
        Err(error) => Err(failed(this, &error)),
    }
}
