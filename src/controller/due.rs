//! From due to done: an object waits for a turn of its connection, and is reconciled as it is then.

use super::context::{Context, Shared};
use super::guard::guarded;
use super::managed::Managed;
use super::{Result, reconcile, urgency};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One reconcile, in its turn. A shutdown finishes what has begun, and not what waits.
pub async fn in_turn<K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<Context<K>>,
    shutdown: CancellationToken,
) -> Result<Action> {
    let shared = Arc::clone(&ctx.shared);
    let (about, uid) = (object.object_ref(&()), object.uid().unwrap_or_default());
    let _turn = match &object.0 {
        Ok(managed) => {
            let urgency = urgency::of(managed, shared.backoffs.is_failing(&uid));
            tokio::select! {
                turn = shared.turns.enter(managed.connection(), &uid, urgency) => Some(turn),
                () = shutdown.cancelled() => return Ok(Action::await_change()),
            }
        }
        Err(_) => None,
    };
    // It may have changed while it waited, or be gone.
    let Some(object) = ctx.store.get(&ObjectRef::from_obj(object.as_ref())) else {
        return Ok(Action::await_change());
    };
    // On the heap only now: thousands may wait.
    Box::pin(guarded(K::KIND, shared, about, reconcile::reconcile(object, ctx))).await
}

/// An object was changed by somebody: whatever it waits for, it is more urgent now, and what failed
/// before counts no more.
pub fn hurry<K: Managed>(shared: &Shared, object: &K) {
    let uid = object.uid().unwrap_or_default();
    shared.backoffs.clear(&uid);
    shared.turns.hurry(&object.connection(), &uid, urgency::of(object, false));
}
