//! Builds the pipeline of one controller, from the watch to the reconcile.

use super::isolate::{isolated, log_runtime_error, retry};
use super::liveness::{expect_all, heard, scheduled};
use super::losses::Losses;
use super::schedule::{raise_priority, reconcile_when_permitted};
use super::triggers::{Triggers, approved_of, connections_with, dependents_of, exists, keys, readers_of};
use super::waiting::Waiting;
use super::watches::{changed_secrets, ignore, keep_claims, selecting, watched};
use crate::controller::Result;
use crate::controller::connection;
use crate::controller::context::{Context, Shared};
use crate::controller::k8s::namespaces::scoped;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::next::Next;
use crate::controller::settings::selector::WatchSelector;
use crate::controller::state::claimants::Claimants;
use crate::controller::state::stores::{Complete, StoreOf};
use futures::future::{self, BoxFuture, FutureExt};
use futures::stream::{self, Stream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Action, Config};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{Controller, watcher};
use kube::{Api, Resource, ResourceExt};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once};
use tokio_util::sync::CancellationToken;

/// No limit on concurrent reconciles: 0 means unlimited in kube-rs. Reconciles wait for a permit of their
/// connection instead, so one slow connection does not block the others.
const UNLIMITED: u16 = 0;

/// A store that a controller is going to fill.
pub(super) struct StoreWriter<K: Managed> {
    pub store: StoreOf<K>,
    pub writer: Writer<DeserializeGuard<K>>,
    /// What its objects claim.
    pub claimants: Arc<Claimants>,
    /// Set once the first list is complete.
    pub complete: Complete,
}

impl<K: Managed> StoreWriter<K> {
    /// Creates an empty store.
    pub fn new() -> Self {
        let (store, writer) = reflector::store();
        Self { store, writer, claimants: Arc::default(), complete: Complete::default() }
    }
}

/// Runs the controller of a managed kind in one watched namespace, or in all.
pub(super) fn run_managed<K: Managed>(
    shared: &Arc<Shared>,
    namespace: Option<&str>,
    writer: StoreWriter<K>,
    triggers: &Triggers,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let store = writer.store.clone();
    let (losses, lost) = Losses::of_managed(shared, &store);
    let objects = changes(shared, namespace, writer, losses);
    let (triggered, filled, exists) = (store.clone(), store.clone(), store.clone());
    let trigger = keys(&triggers.dependents).flat_map(move |key| stream::iter(dependents_of(&triggered, key.as_ref())));
    let named = store.clone();
    let approved = keys(&triggers.approvals).flat_map(move |it| stream::iter(approved_of(&named, it.as_ref())));
    let ctx = Arc::new(Context { shared: Arc::clone(shared), store: store.clone() });
    let (waiting, entrance) = Waiting::new();
    let granted = waiting.granted(entrance, move |object| exists.get(object).is_some());
    let (unfound, ending) = (Arc::clone(&waiting), shutdown.clone());
    let controller = Controller::for_stream(objects, store)
        .with_config(Config::default().concurrency(UNLIMITED))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .reconcile_on(approved)
        .reconcile_on(lost)
        .reconcile_on(granted)
        .run(
            move |object, ctx| reconcile_managed(object, ctx, Arc::clone(&waiting), ending.clone()),
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(move |result| {
            if let Err(controller::Error::ObjectNotFound(object)) = &result {
                unfound.take_grant(object);
            }
            log_runtime_error(K::KIND, result.err());
            future::ready(())
        });
    until_shutdown(controller, filled, shutdown.clone()).boxed()
}

/// Watches the objects of a managed kind, and fills the store with them.
fn changes<K: Managed>(
    shared: &Arc<Shared>,
    namespace: Option<&str>,
    StoreWriter { store, writer, claimants, complete }: StoreWriter<K>,
    losses: Losses<K>,
) -> impl Stream<Item = Result<DeserializeGuard<K>, watcher::Error>> + Send + use<K> {
    let api = scoped::<DeserializeGuard<K>>(&heard(shared, K::KIND), namespace);
    let (expecting, changed) = (Arc::clone(shared), Arc::clone(shared));
    watched(api, selecting(&shared.settings.selector), keep_claims(claimants), writer, move |event| {
        losses.see(event);
        if matches!(event, watcher::Event::InitDone) && !complete.swap(true, Ordering::AcqRel) {
            expect_all(&expecting, K::KIND, &store);
        }
    })
    .inspect(move |object| raise_if_readable(&changed, object.as_ref().ok()))
}

/// Reconciles an object of a managed kind, and tells the runtime when to do it again.
async fn reconcile_managed<K: Managed>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<Context<K>>,
    waiting: Arc<Waiting<DeserializeGuard<K>>>,
    shutdown: CancellationToken,
) -> Result<Action> {
    let (shared, uid) = (Arc::clone(&ctx.shared), object.uid());
    scheduled(K::KIND, shared, uid, reconcile_when_permitted(object, ctx, waiting, shutdown)).await
}

fn raise_if_readable<K: Managed>(shared: &Shared, object: Option<&DeserializeGuard<K>>) {
    if let Some(DeserializeGuard(Ok(object))) = object {
        raise_priority(shared, object);
    }
}

/// Runs the controller of a connection kind in one watched namespace, or in all.
pub(super) fn run_connections<K: ConnectionResource>(
    ctx: Arc<connection::context::Context<K>>,
    api: Api<DeserializeGuard<K>>,
    (store, writer): (Store<DeserializeGuard<K>>, Writer<DeserializeGuard<K>>),
    triggers: &Triggers,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let (known, readers) = (store.clone(), store.clone());
    let trigger = keys(&triggers.connections).flat_map(move |key| stream::iter(connections_with(&known, key.as_ref())));
    let secrets = changed_secrets::<K>(&ctx.shared);
    let rotated = secrets.flat_map(move |secret| stream::iter(readers_of(&readers, &secret)));
    let (losses, lost) = Losses::of_connections(&ctx.shared, &store);
    let (context, existing, first) = (Arc::clone(&ctx), store.clone(), Once::new());
    let objects = watched(api, selecting(&WatchSelector::default()), ignore, writer, move |event| {
        losses.see_connection(event);
        if matches!(event, watcher::Event::Delete(_) | watcher::Event::InitDone) {
            context.forget_unless(|key| exists(&existing, key));
        }
        if matches!(event, watcher::Event::InitDone) {
            first.call_once(|| expect_all(&context.shared, K::KIND, &existing));
        }
    });
    let filled = store.clone();
    let controller = Controller::for_stream(objects, store)
        .with_config(Config::default().concurrency(UNLIMITED))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .reconcile_on(rotated)
        .reconcile_on(lost)
        .run(
            |object, ctx: Arc<connection::context::Context<K>>| {
                let (shared, uid) = (Arc::clone(&ctx.shared), object.uid());
                scheduled(K::KIND, shared, uid, reconcile_connection(object, ctx))
            },
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(|result| async move { log_runtime_error(K::KIND, result.err()) });
    until_shutdown(controller, filled, shutdown.clone()).boxed()
}

/// Reconciles a connection. It needs no permit.
async fn reconcile_connection<K: ConnectionResource>(
    object: Arc<DeserializeGuard<K>>,
    ctx: Arc<connection::context::Context<K>>,
) -> Result<Next> {
    let (shared, about) = (Arc::clone(&ctx.shared), object.object_ref(&()));
    let heartbeats = Arc::clone(&shared.heartbeats);
    let _attempt = heartbeats.arrived(K::KIND, &object.uid().unwrap_or_default(), None);
    isolated(K::KIND, shared, about, connection::reconcile(object, ctx)).await
}

/// Runs a controller until shutdown. kube-rs does not shut down before the initial list: if the store is
/// still empty at shutdown, nothing is under way, and the controller is dropped.
async fn until_shutdown<K>(controller: impl Future<Output = ()>, store: Store<K>, shutdown: CancellationToken)
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let idle = async {
        shutdown.cancelled().await;
        if store.wait_until_ready().now_or_never().is_some() {
            future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = controller => {}
        () = idle => {}
    }
}
