//! Keeps the heartbeats: beats for the loop that runs all controllers, and forgets objects that are gone.
//!
//! It runs in the task of the controllers, so it stands still with them. Each reconcile has a task of its own.

use crate::controller::Result;
use crate::controller::context::Shared;
use crate::controller::k8s::heartbeat;
use crate::controller::queue::next::Next;
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::{Client, Resource, ResourceExt};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the loop beats within the time after which it counts as standing still.
const BEATS: u32 = 20;

/// Forgets the late objects of one kind that do not exist any more.
pub type Forget = Box<dyn Fn(&Shared) + Send + Sync>;

/// Beats until shutdown.
pub async fn run(shared: Arc<Shared>, forgets: Vec<Forget>, shutdown: CancellationToken) {
    let pause = shared.heartbeats.patience().work / BEATS;
    while !shutdown.is_cancelled() {
        shared.heartbeats.ran();
        for forget in &forgets {
            forget(&shared);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => {}
        }
    }
    shared.heartbeats.stop();
}

/// Forgets the late objects of `kind` that are not among `existing`.
pub fn forget_late<K: Resource>(shared: &Shared, kind: &'static str, existing: impl FnOnce() -> Vec<Arc<K>>) {
    if shared.heartbeats.has_late(kind) {
        let uids: HashSet<_> = existing().iter().filter_map(|object| object.uid()).collect();
        shared.heartbeats.forget_late(kind, |uid| uids.contains(uid));
    }
}

/// Expects the reconcile of all objects of the first list.
pub fn expect_all<K>(shared: &Shared, kind: &'static str, store: &Store<K>)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    for object in store.state() {
        let uid = object.uid().unwrap_or_default();
        shared.heartbeats.schedule(kind, &uid, Some(Duration::ZERO));
    }
}

/// Returns the client for the watch of a controller, which reports each sign of life.
pub fn heard(shared: &Shared, kind: &'static str) -> Client {
    let (heartbeats, watch) = (Arc::clone(&shared.heartbeats), shared.heartbeats.watch(kind));
    heartbeat::client(shared.client.clone(), move || heartbeats.heard(watch))
}

/// Runs a reconcile, then remembers when the next one is due, and tells the runtime.
pub async fn scheduled(
    kind: &'static str,
    shared: Arc<Shared>,
    uid: Option<String>,
    reconcile: impl Future<Output = Result<Next>>,
) -> Result<Action> {
    let next = reconcile.await?;
    Ok(schedule(&shared, kind, uid.as_deref(), next))
}

/// Remembers when an object is reconciled next, and tells the runtime.
pub fn schedule(shared: &Shared, kind: &'static str, uid: Option<&str>, next: Next) -> Action {
    let wait = next.wait();
    shared.heartbeats.schedule(kind, uid.unwrap_or_default(), wait);
    wait.map_or_else(Action::await_change, Action::requeue)
}
