//! Finds out who uses an upstream object before and after its deletion.
//!
//! Some upstreams refuse to delete an object in use. Others delete it, and its users keep what it granted. So the
//! operator asks before it deletes, and once more when the object is gone.

use crate::api::CONFIRM_DELETE;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::{ErrorKind, ExternalDeleter, deletion_plan};

/// Stops the deletion of an object that has users.
pub async fn check<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<(), Stop> {
    let used_by = list(this, id, deleter).await?;
    if used_by.is_empty() { Ok(()) } else { Err(deletion_plan::in_use(id, &used_by).into()) }
}

/// Stops the release of an object that is gone upstream while users keep what it granted. `key` is the name in the
/// spec: an id that only status contains is not asked for.
pub async fn check_gone<K: Managed>(
    this: &Reconciliation<'_, K>,
    key: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<(), Stop> {
    let recorded = this.recorded_id();
    let Some(id) = recorded.as_deref().filter(|id| *id == key && deleter.grants_after_deletion()) else {
        return Ok(());
    };
    let used_by = list(this, id, deleter).await?;
    if used_by.is_empty() { Ok(()) } else { Err(deletion_plan::still_granted(id, &used_by).into()) }
}

/// Lists the users. If the upstream does not tell them, the object waits until a human confirms the deletion.
async fn list<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<Vec<String>, Stop> {
    if !this.shared().settings.safeguards.user_lookup {
        return Ok(Vec::new());
    }
    match deleter.used_by(id, this.users_not_before()).await {
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
