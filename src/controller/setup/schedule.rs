//! Waits for a permit of the object's connection, then reconciles the object as it is by then.

use super::isolate::isolated;
use crate::controller::context::{Context, Shared};
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::next::Next;
use crate::controller::queue::permits::Applicant;
use crate::controller::queue::priority;
use crate::controller::{Result, policy};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Reconciles an object once it has a permit. A shutdown finishes reconciles that have begun, and drops those
/// that wait.
pub async fn reconcile_when_permitted<K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<Context<K>>,
    shutdown: CancellationToken,
) -> Result<Next> {
    let shared = Arc::clone(&ctx.shared);
    let (about, uid) = (object.object_ref(&()), object.uid().unwrap_or_default());
    let heartbeats = Arc::clone(&shared.heartbeats);
    let connection = object.0.as_ref().ok().map(Managed::connection);
    let mut attempt = heartbeats.arrived(K::KIND, &uid, connection.as_ref());
    let _permit = match &object.0 {
        Ok(managed) => {
            let priority = priority::of(managed, shared.backoffs.is_failing(&uid));
            let (connection, namespace) = (&managed.connection(), &managed.namespace().unwrap_or_default());
            let applicant = Applicant { connection, namespace, uid: &uid };
            tokio::select! {
                permit = shared.permits.acquire(applicant, priority) => Some(permit),
                () = shutdown.cancelled() => return Ok(Next::on_change()),
            }
        }
        Err(_) => None,
    };
    attempt.begin();
    // The object may have changed while it waited, or be gone.
    let Some(object) = ctx.store.get(&ObjectRef::from_obj(object.as_ref())) else {
        return Ok(Next::on_change());
    };
    // Boxed only now: thousands of reconciles may wait.
    Box::pin(isolated(K::KIND, shared, about, policy::reconcile(object, ctx))).await
}

/// Raises the priority of an object that was changed, if it waits. Its earlier failures do not count any more.
pub fn raise_priority<K: Managed>(shared: &Shared, object: &K) {
    let uid = object.uid().unwrap_or_default();
    shared.backoffs.clear(&uid);
    let (connection, namespace) = (&object.connection(), &object.namespace().unwrap_or_default());
    shared.permits.raise_priority(Applicant { connection, namespace, uid: &uid }, priority::of(object, false));
}
