//! Streams, triggers and panic containment: builds the four controllers and runs them.
//!
//! What wakes an object: a change that matters (generation, deletion, our annotations;
//! never what the operator writes itself), its interval, its connection. What wakes a
//! connection: a change, its interval, a changed Secret in the operator's namespace, and a
//! policy whose call was refused. Changes come in faster than they are worked off without
//! harm: the runtime keeps one slot for each object.

pub mod isolate;
pub mod schedule;
pub mod startup;
pub mod state_metrics;
pub mod triggers;

use super::clock::Clock;
use super::connection;
use super::connection::Dependants;
use super::context::{Context, Shared};
use super::k8s::depth_limit;
use super::k8s::events::Events;
use super::k8s::namespaces::{scoped, scopes};
use super::kinds::connection::ConnectionResource;
use super::kinds::managed::Managed;
use super::leader::Leadership;
use super::queue::backoff::Backoffs;
use super::queue::permits::Permits;
use super::state::accounts::{Accounts, TriggerSenders};
use super::state::claims::ClaimLocks;
use super::state::observations::Observations;
use super::state::stores::{Complete, StoreOf, Stores};
use super::{Result, Settings};
use crate::api::{
    CONFIRM_DELETE, ClusterConnection, Connection, FORCE_ORPHAN, NetworkPolicy, Policy, RECONCILE_REQUESTED_AT,
};
use crate::engine::deletions::Deletions;
use crate::metrics::Metrics;
use futures::Stream;
use futures::future::{self, BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use isolate::{isolated, log_runtime_error, retry};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::controller::Config;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use schedule::{raise_priority, reconcile_when_permitted};
use serde::de::DeserializeOwned;
use startup::wait_for_cluster_id;
use state_metrics::Count;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use triggers::{Triggers, connections_with, dependants_of, is_there, keys, users_of};

/// The runtime's word for as many reconciles at once as there are.
const UNBOUNDED: u16 = 0;

/// What the operator runs with.
pub struct Options {
    /// The API server.
    pub client: Client,
    /// What the operator was told.
    pub settings: Settings,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Whether this process may write.
    pub leadership: Leadership,
    /// Name of this replica, for events.
    pub instance: Option<String>,
}

/// Runs all controllers until `shutdown`; then finishes what is under way.
pub async fn run(parts: Options, shutdown: CancellationToken) -> Result<()> {
    let given = parts.settings.cluster_id.clone();
    let cluster_id = match given {
        Some(id) => id,
        None => match wait_for_cluster_id(&parts.client, &shutdown).await {
            Some(id) => id,
            None => return Ok(()),
        },
    };
    let (dependants, dependent_triggers) = mpsc::unbounded_channel();
    let (connections, connection_triggers) = mpsc::unbounded_channel();
    let Options { client, settings, clock, metrics, leadership, instance } = parts;
    let client = depth_limit::client(client);
    let (stores, writers) = stores(&settings);
    state_metrics::begin(&metrics);
    let shared = Arc::new(Shared {
        events: Events::new(client.clone(), instance),
        connections: Accounts::new(TriggerSenders { dependants, connections }, settings.cluster_connections),
        backoffs: Backoffs::new(settings.backoff),
        observations: Observations::default(),
        corrections: Mutex::default(),
        deletions: Mutex::new(Deletions::within(settings.delete_window.try_into().unwrap_or(SignedDuration::MAX))),
        claim_locks: ClaimLocks::default(),
        stores,
        permits: Permits::new(settings.concurrency.into()),
        client,
        settings,
        clock,
        metrics,
        leadership,
        cluster_id,
    });
    let triggers = Triggers::start(dependent_triggers, connection_triggers);
    let mut running = Controllers::default();
    for (namespace, writers) in scopes(&shared.settings).into_iter().zip(writers) {
        running.start_managed(&shared, namespace, writers.policies, &triggers, &shutdown);
        running.start_managed(&shared, namespace, writers.network_policies, &triggers, &shutdown);
    }
    running.start_connections(&shared, &triggers, &shutdown);
    future::join(future::join_all(running.controllers), state_metrics::run(shared, running.counts, shutdown)).await;
    Ok(())
}

/// What fills the stores of one namespace in scope.
struct Writers {
    policies: StoreWriter<Policy>,
    network_policies: StoreWriter<NetworkPolicy>,
}

/// Fills a store, and says so once it is full.
struct StoreWriter<K: Managed> {
    store: StoreOf<K>,
    writer: Writer<DeserializeGuard<K>>,
    complete: Complete,
}

/// The stores, before anything fills them: what one object comes to may depend on all.
fn stores(settings: &Settings) -> (Stores, Vec<Writers>) {
    let (mut stores, mut writers) = (Stores::default(), Vec::new());
    for _ in scopes(settings) {
        let (policies, network_policies) = (StoreWriter::new(), StoreWriter::new());
        stores.policies.push(policies.store.clone());
        stores.network_policies.push(network_policies.store.clone());
        stores.complete.extend([Arc::clone(&policies.complete), Arc::clone(&network_policies.complete)]);
        writers.push(Writers { policies, network_policies });
    }
    (stores, writers)
}

impl<K: Managed> StoreWriter<K> {
    fn new() -> Self {
        let (store, writer) = reflector::store();
        Self { store, writer, complete: Complete::default() }
    }
}

/// The controllers, and the counts behind the gauges.
#[derive(Default)]
struct Controllers {
    controllers: Vec<BoxFuture<'static, ()>>,
    counts: Vec<Count>,
}

impl Controllers {
    fn start_managed<K: Managed>(
        &mut self,
        shared: &Arc<Shared>,
        namespace: Option<&str>,
        StoreWriter { store, writer, complete }: StoreWriter<K>,
        triggers: &Triggers,
        shutdown: &CancellationToken,
    ) {
        let api = scoped::<DeserializeGuard<K>>(&shared.client, namespace);
        let objects = watched(api, writer, move |event| {
            if matches!(event, watcher::Event::InitDone) {
                complete.store(true, Ordering::Release);
            }
        });
        let changed = Arc::clone(shared);
        let objects = objects.inspect(move |object| {
            if let Ok(DeserializeGuard(Ok(object))) = object {
                raise_priority(&changed, object);
            }
        });
        self.controllers.push(run_managed::<K>(shared, objects.boxed(), store, triggers, shutdown));
    }

    /// A connection has dependants in all stores.
    fn start_connections(&mut self, shared: &Arc<Shared>, triggers: &Triggers, shutdown: &CancellationToken) {
        let all = Arc::clone(shared);
        let counted: Dependants = Arc::new(move |key| {
            let stores = &all.stores;
            stores.are_complete().then(|| [stores.users::<Policy>(key), stores.users::<NetworkPolicy>(key)].concat())
        });
        self.counts.push(state_metrics::managed(shared.stores.policies.clone()));
        self.counts.push(state_metrics::managed(shared.stores.network_policies.clone()));
        let scopes = scopes(&shared.settings).into_iter();
        let apis = scopes.map(|namespace| scoped(&shared.client, namespace)).collect();
        self.start_connection_kind::<Connection>(shared, apis, &counted, triggers, shutdown);
        if shared.settings.cluster_connections {
            let apis = vec![Api::all(shared.client.clone())];
            self.start_connection_kind::<ClusterConnection>(shared, apis, &counted, triggers, shutdown);
        }
    }

    fn start_connection_kind<K: ConnectionResource>(
        &mut self,
        shared: &Arc<Shared>,
        apis: Vec<Api<DeserializeGuard<K>>>,
        dependants: &Dependants,
        triggers: &Triggers,
        shutdown: &CancellationToken,
    ) {
        let mut stores = Vec::new();
        for api in apis {
            let (store, writer) = reflector::store();
            stores.push(store.clone());
            self.controllers.push(run_connections(shared, api, (store, writer), dependants, triggers, shutdown));
        }
        self.counts.push(state_metrics::connections(stores));
    }
}

fn run_managed<K: Managed>(
    shared: &Arc<Shared>,
    objects: Changes<K>,
    store: Store<DeserializeGuard<K>>,
    triggers: &Triggers,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let woken = store.clone();
    let trigger = keys(&triggers.dependants).flat_map(move |key| stream::iter(dependants_of(&woken, key.as_ref())));
    let ctx = Arc::new(Context { shared: Arc::clone(shared), store: store.clone() });
    let filled = store.clone();
    let controller = Controller::for_stream(objects, store)
        // As many as are due: each waits for a turn of its connection.
        .with_config(Config::default().concurrency(UNBOUNDED))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .run(
            {
                let shutdown = shutdown.clone();
                move |object, ctx| reconcile_when_permitted(object, ctx, shutdown.clone())
            },
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(|result| async move { log_runtime_error(K::KIND, result.err()) });
    until_told(controller, filled, shutdown.clone()).boxed()
}

/// A controller whose first list has not come yet holds its own end back as it holds back its work.
/// Nothing of it is under way then, and it is left.
async fn until_told<K>(controller: impl Future<Output = ()>, store: Store<K>, shutdown: CancellationToken)
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

fn run_connections<K: ConnectionResource>(
    shared: &Arc<Shared>,
    api: Api<DeserializeGuard<K>>,
    (store, writer): (Store<DeserializeGuard<K>>, Writer<DeserializeGuard<K>>),
    dependants: &Dependants,
    triggers: &Triggers,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let (known, by_secret) = (store.clone(), store.clone());
    let trigger =
        keys(&triggers.connections).flat_map(move |key| stream::iter(connections_with::<K>(&known, key.as_ref())));
    let rotated = changed_secrets::<K>(shared).flat_map(move |secret| stream::iter(users_of(&by_secret, &secret)));
    let ctx = Arc::new(connection::Context::new(Arc::clone(shared), Arc::clone(dependants)));
    let (looked_at, there) = (Arc::clone(&ctx), store.clone());
    let objects = watched(api, writer, move |event| {
        if matches!(event, watcher::Event::Delete(_) | watcher::Event::InitDone) {
            looked_at.forget_unless(|key| is_there(&there, key));
        }
    });
    let filled = store.clone();
    let controller = Controller::for_stream(objects, store)
        // One that does not answer must not hold up the others.
        .with_config(Config::default().concurrency(UNBOUNDED))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .reconcile_on(rotated)
        .run(
            |object, ctx: Arc<connection::Context>| {
                let shared = Arc::clone(&ctx.shared);
                isolated(K::KIND, shared, object.object_ref(&()), connection::reconcile::<K>(object, ctx))
            },
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(|result| async move { log_runtime_error(K::KIND, result.err()) });
    until_told(controller, filled, shutdown.clone()).boxed()
}

/// Objects as they change.
type Changes<K> = BoxStream<'static, std::result::Result<DeserializeGuard<K>, watcher::Error>>;

/// Objects as they change in what matters; all others only refresh the store. `on_event` is told
/// of every event after the store was.
fn watched<K, F>(
    api: Api<DeserializeGuard<K>>,
    writer: Writer<DeserializeGuard<K>>,
    on_event: F,
) -> impl Stream<Item = std::result::Result<DeserializeGuard<K>, watcher::Error>> + Send + use<K, F>
where
    F: Fn(&watcher::Event<DeserializeGuard<K>>) + Send,
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    watcher(api, watcher::Config::default())
        .default_backoff()
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer)
        .inspect(move |event| {
            if let Ok(event) = event {
                on_event(event);
            }
        })
        .applied_objects()
        .predicate_filter(
            |object: &DeserializeGuard<K>| Some(matters(object)),
            kube::runtime::PredicateConfig::default(),
        )
}

/// Identifies everything of an object that asks for a reconcile. What the operator writes itself,
/// status and finalizer, does not.
fn matters<K: Resource>(object: &K) -> u64 {
    let mut hash = DefaultHasher::new();
    let meta = object.meta();
    (&meta.uid, meta.generation).hash(&mut hash);
    meta.deletion_timestamp.as_ref().map(|t| t.0).hash(&mut hash);
    for name in [RECONCILE_REQUESTED_AT, FORCE_ORPHAN, CONFIRM_DELETE] {
        object.annotations().get(name).hash(&mut hash);
    }
    hash.finish()
}

/// Secrets of the operator's namespace, by name, as they change; only their metadata travels.
/// Elsewhere there is no permission to watch Secrets: they are read again at every check.
fn changed_secrets<K: ConnectionResource>(shared: &Shared) -> BoxStream<'static, String> {
    if !K::SECRETS_ARE_OURS {
        return stream::empty().boxed();
    }
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(shared.client.clone(), &shared.settings.namespace);
    watcher(api, watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .filter_map(|secret| async move { secret.ok().map(|s| s.name_any()) })
        .boxed()
}
