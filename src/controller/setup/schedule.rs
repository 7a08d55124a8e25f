//! Reconciles an object when it has a permit of its connection.

use super::isolate::isolated;
use super::waiting::{Grant, Wait, Waiting};
use crate::api::ConnectionKey;
use crate::controller::context::{Context, Shared};
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::next::Next;
use crate::controller::queue::permits::Applicant;
use crate::controller::queue::priority;
use crate::controller::{Result, policy};
use futures::FutureExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Reconciles an object that has a permit of its connection; another one waits. A shutdown finishes reconciles that have
/// begun, and begins none.
pub async fn reconcile_when_permitted<K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<Context<K>>,
    waiting: Arc<Waiting<DeserializeGuard<K>>>,
    shutdown: CancellationToken,
) -> Result<Next> {
    if shutdown.is_cancelled() {
        return Ok(Next::on_change());
    }
    let Some(_grant) = grant(&object, &ctx, &waiting) else { return Ok(Next::on_change()) };
    let (shared, about) = (Arc::clone(&ctx.shared), object.object_ref(&()));
    Box::pin(isolated(K::KIND, shared, about, policy::reconcile(object, ctx))).await
}

/// Returns the grant of an object that may be reconciled now; `None` for an object that waits for its permit.
fn grant<K: Managed>(
    object: &Arc<DeserializeGuard<K>>,
    ctx: &Context<K>,
    waiting: &Waiting<DeserializeGuard<K>>,
) -> Option<Grant> {
    let (shared, uid) = (&ctx.shared, object.uid().unwrap_or_default());
    let reference = ObjectRef::from_obj(object.as_ref());
    let Ok(managed) = &object.0 else {
        waiting.take_grant(&reference);
        return Some(Grant::without_permit(shared.heartbeats.arrived(K::KIND, &uid, None)));
    };
    shared.observations.record_seen(&uid);
    if managed.is_deleted() {
        shared.observations.record_deletion_seen(&uid);
    }
    let connection = managed.connection();
    waiting.begin(reference, &connection, || wait(managed, connection.clone(), uid, shared)).map(Grant::begin)
}

/// Waits for a permit of the object's connection.
fn wait<K: Managed>(managed: &K, connection: ConnectionKey, uid: String, shared: &Shared) -> Wait {
    let namespace = managed.namespace().unwrap_or_default();
    let priority = priority::of(managed, shared.backoffs.is_failing(&uid));
    let attempt = shared.heartbeats.arrived(K::KIND, &uid, Some(&connection));
    let permits = Arc::clone(&shared.permits);
    async move {
        let applicant = Applicant { connection: &connection, namespace: &namespace, uid: &uid };
        let permit = permits.acquire(applicant, priority).await?;
        Some(Grant::with_permit(attempt, connection, permit))
    }
    .boxed()
}

/// Raises the priority of an object that was changed, if it waits. Its earlier failures do not count any more.
pub fn raise_priority<K: Managed>(shared: &Shared, object: &K) {
    let uid = object.uid().unwrap_or_default();
    shared.backoffs.clear(&uid);
    let (connection, namespace) = (&object.connection(), &object.namespace().unwrap_or_default());
    shared.permits.raise_priority(Applicant { connection, namespace, uid: &uid }, priority::of(object, false));
}
