//! Streams, triggers and panic containment: builds the four controllers and runs them.
//!
//! What wakes an object: a change that matters (generation, finalizers, deletion, our
//! annotations; never our own status writes), its interval, its connection. What wakes a
//! connection: a change, its interval, a changed Secret in the operator's namespace, and a
//! policy whose call was refused. Changes come in faster than they are worked off without
//! harm: the runtime keeps one slot for each object.

use super::connection::{self, Dependants, Link};
use super::connections::{ConnectionKey, Connections, Wakers};
use super::context::{Context, Shared};
use super::events::Events;
use super::leader::Leadership;
use super::managed::Managed;
use super::{Error, Result, Settings, backoff::Backoffs, clock::Clock, reconcile};
use crate::api::{ClusterConnection, Connection, FORCE_ORPHAN, NetworkPolicy, Policy, RECONCILE_REQUESTED_AT};
use crate::metrics::Metrics;
use futures::future::{self, BoxFuture};
use futures::stream::{self, BoxStream, StreamExt};
use futures::{FutureExt, Stream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// How many wake-ups a slow controller may lag behind before it looks at everything.
const WAKE_BUFFER: usize = 1024;

/// What the operator runs with.
pub struct Parts {
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
pub async fn run(parts: Parts, shutdown: CancellationToken) -> Result<()> {
    let cluster_id = match &parts.settings.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&parts.client).await?,
    };
    let (dependants, woken_dependants) = mpsc::unbounded_channel();
    let (connections, woken_connections) = mpsc::unbounded_channel();
    let Parts { client, settings, clock, metrics, leadership, instance } = parts;
    let shared = Arc::new(Shared {
        events: Events::new(client.clone(), instance),
        connections: Connections::new(Wakers { dependants, connections }),
        backoffs: Backoffs::new(settings.backoff),
        client,
        settings,
        clock,
        metrics,
        leadership,
        cluster_id,
    });
    let wakes = Wakes::start(woken_dependants, woken_connections);
    let mut running = Running::default();
    for namespace in scopes(&shared.settings) {
        running.start(&shared, namespace.as_deref(), &wakes, &shutdown);
    }
    running.start_links(&shared, &wakes, &shutdown);
    future::join_all(running.controllers).await;
    Ok(())
}

/// One round of controllers for each namespace in scope, or one for all.
fn scopes(settings: &Settings) -> Vec<Option<String>> {
    if settings.scope.is_empty() { vec![None] } else { settings.scope.iter().cloned().map(Some).collect() }
}

/// The controllers, and the stores in which connections find their dependants.
#[derive(Default)]
struct Running {
    controllers: Vec<BoxFuture<'static, ()>>,
    policies: Vec<Store<DeserializeGuard<Policy>>>,
    network_policies: Vec<Store<DeserializeGuard<NetworkPolicy>>>,
}

impl Running {
    fn start(&mut self, shared: &Arc<Shared>, namespace: Option<&str>, wakes: &Wakes, shutdown: &CancellationToken) {
        let (policies, writer) = reflector::store();
        self.policies.push(policies.clone());
        self.controllers.push(run_managed::<Policy>(shared, namespace, (policies, writer), wakes, shutdown));
        let (network_policies, writer) = reflector::store();
        self.network_policies.push(network_policies.clone());
        self.controllers.push(run_managed::<NetworkPolicy>(
            shared,
            namespace,
            (network_policies, writer),
            wakes,
            shutdown,
        ));
    }

    /// After all stores are known: a connection counts its dependants in every one of them.
    fn start_links(&mut self, shared: &Arc<Shared>, wakes: &Wakes, shutdown: &CancellationToken) {
        let (policies, network_policies) = (self.policies.clone(), self.network_policies.clone());
        let counted: Dependants = Arc::new(move |key| {
            policies.iter().map(|store| dependants_of(store, Some(key)).len()).sum::<usize>()
                + network_policies.iter().map(|store| dependants_of(store, Some(key)).len()).sum::<usize>()
        });
        for namespace in scopes(&shared.settings) {
            let api = scoped(&shared.client, namespace.as_deref());
            let links = run_links::<Connection>(shared, api, &counted, wakes, stream::empty().boxed(), shutdown);
            self.controllers.push(links);
        }
        if shared.settings.cluster_connections {
            let api = Api::all(shared.client.clone());
            let links =
                run_links::<ClusterConnection>(shared, api, &counted, wakes, changed_secrets(shared).boxed(), shutdown);
            self.controllers.push(links);
        }
    }
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name))
}

/// The uid of `kube-system` identifies a cluster for as long as it lives.
async fn cluster_id(client: &Client) -> Result<String> {
    let namespace = Api::<Namespace>::all(client.clone()).get_metadata("kube-system").await?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}

/// Wake-ups, for every controller that may be concerned.
struct Wakes {
    dependants: broadcast::Sender<ConnectionKey>,
    connections: broadcast::Sender<ConnectionKey>,
}

impl Wakes {
    fn start(
        dependants: mpsc::UnboundedReceiver<ConnectionKey>,
        connections: mpsc::UnboundedReceiver<ConnectionKey>,
    ) -> Self {
        let wakes =
            Self { dependants: broadcast::Sender::new(WAKE_BUFFER), connections: broadcast::Sender::new(WAKE_BUFFER) };
        pass_on(dependants, wakes.dependants.clone());
        pass_on(connections, wakes.connections.clone());
        wakes
    }
}

fn pass_on(mut from: mpsc::UnboundedReceiver<ConnectionKey>, to: broadcast::Sender<ConnectionKey>) {
    tokio::spawn(async move {
        while let Some(key) = from.recv().await {
            // No receiver: the controllers have not started, and will look at everything.
            let _ = to.send(key);
        }
    });
}

/// `None` for wake-ups that were missed because too many came at once.
fn keys(wakes: &broadcast::Sender<ConnectionKey>) -> impl Stream<Item = Option<ConnectionKey>> + Send + use<> {
    stream::unfold(wakes.subscribe(), |mut receiver| async move {
        match receiver.recv().await {
            Ok(key) => Some((Some(key), receiver)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some((None, receiver)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
}

fn run_managed<K: Managed>(
    shared: &Arc<Shared>,
    namespace: Option<&str>,
    (store, writer): (Store<DeserializeGuard<K>>, Writer<DeserializeGuard<K>>),
    wakes: &Wakes,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let api: Api<DeserializeGuard<K>> = scoped(&shared.client, namespace);
    let woken = store.clone();
    let trigger = keys(&wakes.dependants).flat_map(move |key| stream::iter(dependants_of(&woken, key.as_ref())));
    let ctx = Arc::new(Context { shared: Arc::clone(shared), store: store.clone() });
    Controller::for_stream(watched(api, writer), store)
        .with_config(Config::default().concurrency(shared.settings.concurrency))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .run(
            |object, ctx: Arc<Context<K>>| {
                let shared = Arc::clone(&ctx.shared);
                guarded(K::KIND, shared, reconcile::reconcile(object, ctx))
            },
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(|result| async move { log_runtime_error(K::KIND, result.err()) })
        .boxed()
}

fn run_links<K: Link>(
    shared: &Arc<Shared>,
    api: Api<DeserializeGuard<K>>,
    dependants: &Dependants,
    wakes: &Wakes,
    changed: BoxStream<'static, String>,
    shutdown: &CancellationToken,
) -> BoxFuture<'static, ()> {
    let (store, writer) = reflector::store();
    let (known, by_secret) = (store.clone(), store.clone());
    let trigger = keys(&wakes.connections).flat_map(move |key| stream::iter(links_of::<K>(&known, key.as_ref())));
    let rotated = changed.flat_map(move |secret| stream::iter(users_of(&by_secret, &secret)));
    let ctx = Arc::new(connection::Context {
        shared: Arc::clone(shared),
        dependants: Arc::clone(dependants),
        opened: Mutex::new(HashMap::new()),
    });
    Controller::for_stream(watched(api, writer), store)
        .with_config(Config::default().concurrency(shared.settings.concurrency))
        .graceful_shutdown_on(shutdown.clone().cancelled_owned())
        .reconcile_on(trigger)
        .reconcile_on(rotated)
        .run(
            |object, ctx: Arc<connection::Context>| {
                let shared = Arc::clone(&ctx.shared);
                guarded(K::KIND, shared, connection::reconcile::<K>(object, ctx))
            },
            |object, error, ctx| retry(K::KIND, object.as_ref(), error, &ctx.shared),
            ctx,
        )
        .for_each(|result| async move { log_runtime_error(K::KIND, result.err()) })
        .boxed()
}

/// Objects as they change in what matters; all others only refresh the store.
fn watched<K>(
    api: Api<DeserializeGuard<K>>,
    writer: Writer<DeserializeGuard<K>>,
) -> impl Stream<Item = std::result::Result<DeserializeGuard<K>, watcher::Error>> + Send
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    watcher(api, watcher::Config::default())
        .default_backoff()
        .modify(|object| object.managed_fields_mut().clear())
        .reflect(writer)
        .applied_objects()
        .predicate_filter(
            |object: &DeserializeGuard<K>| Some(matters(object)),
            kube::runtime::PredicateConfig::default(),
        )
}

/// Identifies everything of an object that asks for a reconcile. The own status does not.
fn matters<K: Resource>(object: &K) -> u64 {
    let mut hash = DefaultHasher::new();
    let meta = object.meta();
    (&meta.uid, meta.generation, &meta.finalizers).hash(&mut hash);
    meta.deletion_timestamp.as_ref().map(|t| t.0).hash(&mut hash);
    for name in [RECONCILE_REQUESTED_AT, FORCE_ORPHAN] {
        object.annotations().get(name).hash(&mut hash);
    }
    hash.finish()
}

/// Secrets of the operator's namespace, by name, as they change; only their metadata travels.
fn changed_secrets(shared: &Shared) -> impl Stream<Item = String> + Send + 'static {
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(shared.client.clone(), &shared.settings.namespace);
    watcher(api, watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .filter_map(|secret| async move { secret.ok().map(|s| s.name_any()) })
}

fn users_of<K: Link>(store: &Store<DeserializeGuard<K>>, secret: &str) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    let uses = |link: &K| {
        let spec = link.spec();
        let names = [
            spec.ncloud.as_ref().map(|n| &n.credentials_secret_ref.name),
            spec.spaceone.as_ref().map(|s| &s.token_secret_ref.name),
            spec.ca_bundle_secret_ref.as_ref().map(|r| &r.name),
        ];
        names.into_iter().flatten().any(|name| name == secret)
    };
    refs(store, |link| uses(link))
}

fn dependants_of<K: Managed>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |object| key.is_none_or(|key| depends(object, key)))
}

fn depends<K: Managed>(object: &K, key: &ConnectionKey) -> bool {
    ConnectionKey::of(&object.common().connection_ref, &object.namespace().unwrap_or_default()) == *key
}

/// The connection with this key, if it is of this kind.
fn links_of<K: Link>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |link| key.is_none_or(|key| link.key() == *key))
}

fn refs<K>(store: &Store<DeserializeGuard<K>>, wanted: impl Fn(&K) -> bool) -> Vec<ObjectRef<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let state = store.state();
    let chosen = state.iter().filter(|guard| guard.0.as_ref().is_ok_and(&wanted));
    chosen.map(|guard| ObjectRef::from_obj(guard.as_ref())).collect()
}

/// Contains panics and endless waits of one object's reconcile, and measures it.
async fn guarded(
    kind: &'static str,
    shared: Arc<Shared>,
    work: impl Future<Output = Result<Action>>,
) -> Result<Action> {
    let begun = Instant::now();
    let limit = shared.settings.reconcile_timeout;
    let result = match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            shared.metrics.panicked(kind);
            Err(Error::Panic(words(panic.as_ref())))
        }
        Err(_) => Err(Error::Timeout(limit)),
    };
    let label = result.as_ref().map_or_else(Error::label, |_| "ok");
    shared.metrics.reconciled(kind, label, begun.elapsed());
    result
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

fn retry<K: Resource<DynamicType = ()>>(kind: &'static str, object: &K, error: &Error, shared: &Shared) -> Action {
    let wait = shared.backoffs.failed(object.meta().uid.as_deref().unwrap_or_default());
    let (namespace, name) = (object.namespace(), object.name_any());
    if matches!(error, Error::Stale) {
        // Expected: the watch brings the newer object, this is only the net below it.
        tracing::debug!(kind, namespace, name, %error, "look again");
    } else {
        tracing::warn!(kind, namespace, name, %error, ?wait, "reconcile failed");
    }
    Action::requeue(wait)
}

fn log_runtime_error<E: std::fmt::Display>(kind: &'static str, error: Option<E>) {
    if let Some(error) = error {
        tracing::debug!(kind, %error, "controller");
    }
}
