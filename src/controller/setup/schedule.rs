//! From due to done: an object waits for a turn of its connection, and is reconciled as it is then.

use super::isolate::isolated;
use crate::controller::context::{Context, Shared};
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::priority;
use crate::controller::{Result, policy};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One reconcile, in its turn. A shutdown finishes what has begun, and not what waits.
pub async fn reconcile_when_permitted<K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<Context<K>>,
    shutdown: CancellationToken,
) -> Result<Action> {
    let shared = Arc::clone(&ctx.shared);
    let (about, uid) = (object.object_ref(&()), object.uid().unwrap_or_default());
    let _turn = match &object.0 {
        Ok(managed) => {
            let priority = priority::of(managed, shared.backoffs.is_failing(&uid));
            tokio::select! {
                turn = shared.permits.acquire(managed.connection(), &uid, priority) => Some(turn),
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
    Box::pin(isolated(K::KIND, shared, about, policy::reconcile(object, ctx))).await
}

/// An object was changed by somebody: whatever it waits for, it is more urgent now, and what failed
/// before counts no more.
pub fn raise_priority<K: Managed>(shared: &Shared, object: &K) {
    let uid = object.uid().unwrap_or_default();
    shared.backoffs.clear(&uid);
    shared.permits.raise_priority(&object.connection(), &uid, priority::of(object, false));
}
