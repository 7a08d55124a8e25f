//! Waits for a permit of the object's connection, then reconciles the object as it is by then.

use super::isolate::isolated;
use crate::controller::context::{Context, Shared};
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::next::Next;
use crate::controller::queue::permits::{Applicant, Permit};
use crate::controller::queue::priority;
use crate::controller::state::heartbeats::{Attempt, Heartbeats};
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
    let about = object.object_ref(&());
    let heartbeats = Arc::clone(&shared.heartbeats);
    let permitted = permitted(object, &ctx, &heartbeats, &shutdown).await;
    let Some((object, _attempt, _permit)) = permitted else { return Ok(Next::on_change()) };
    // Boxed only now: thousands of reconciles may wait.
    Box::pin(isolated(K::KIND, shared, about, policy::reconcile(object, ctx))).await
}

/// Waits for a permit, and returns the object as it is by then; `None` if it is gone, or at a shutdown.
async fn permitted<'h, K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: &Context<K>,
    heartbeats: &'h Heartbeats,
    shutdown: &CancellationToken,
) -> Option<(Arc<DeserializeGuard<K>>, Attempt<'h>, Option<Permit>)> {
    let (shared, reference) = (&ctx.shared, ObjectRef::from_obj(object.as_ref()));
    loop {
        let object = ctx.store.get(&reference)?;
        let uid = object.uid().unwrap_or_default();
        let Ok(managed) = &object.0 else {
            let attempt = heartbeats.arrived(K::KIND, &uid, None);
            return Some((object, attempt, None));
        };
        shared.observations.record_seen(&uid);
        if managed.is_deleted() {
            shared.observations.record_deletion_seen(&uid);
        }
        let priority = priority::of(managed, shared.backoffs.is_failing(&uid));
        let (connection, namespace) = (managed.connection(), managed.namespace().unwrap_or_default());
        let applicant = Applicant { connection: &connection, namespace: &namespace, uid: &uid };
        let mut attempt = heartbeats.arrived(K::KIND, &uid, Some(&connection));
        let permit = tokio::select! {
            permit = shared.permits.acquire(applicant, priority) => permit,
            () = shutdown.cancelled() => return None,
        };
        let now = ctx.store.get(&reference)?;
        // The object may name another connection by now, and waits for that one then.
        if permit.is_some() && now.0.as_ref().map_or(true, |now| now.connection() == connection) {
            attempt.begin();
            return Some((now, attempt, permit));
        }
    }
}

/// Raises the priority of an object that was changed, if it waits. Its earlier failures do not count any more.
pub fn raise_priority<K: Managed>(shared: &Shared, object: &K) {
    let uid = object.uid().unwrap_or_default();
    shared.backoffs.clear(&uid);
    let (connection, namespace) = (&object.connection(), &object.namespace().unwrap_or_default());
    shared.permits.raise_priority(Applicant { connection, namespace, uid: &uid }, priority::of(object, false));
}
