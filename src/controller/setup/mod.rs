//! Builds the controllers, starts them, and stops them.
//!
//! | file | part |
//! | --- | --- |
//! | [`kinds`] | the one list of managed kinds |
//! | `approvals` | the caches of the approvals |
//! | `controllers` | the pipeline of one controller, from watch to reconcile |
//! | `watches` | which changes of an object or a Secret trigger a reconcile |
//! | `losses` | what other writers took away: finalizers, records, whole objects |
//! | [`triggers`] | triggers between connections and the objects that use them |
//! | `waiting` | the objects that wait for a permit |
//! | [`schedule`], [`isolate`] | reconciles an object that has a permit; contains panics and endless waits |
//! | [`liveness`] | keeps the heartbeats for `/healthz` |
//! | [`startup`] | waits for CRDs and for the id of the cluster |
//! | [`state_metrics`] | the gauges of objects and connections |
//!
//! An object is reconciled when it changes in a way that matters (generation, deletion, our annotations; never
//! what the operator writes itself), when another writer takes its finalizer or its record away, after its interval,
//! and when its connection changes. A connection is
//! reconciled when it changes, after its interval, when one of its Secrets changes, and when a call of one of
//! its objects fails. The runtime keeps one slot for each object, so changes may arrive faster than they are
//! reconciled.

mod approvals;
mod controllers;
pub mod isolate;
pub mod kinds;
mod liveness;
mod losses;
pub mod schedule;
pub mod startup;
pub mod state_metrics;
pub mod triggers;
mod waiting;
mod watches;

use super::clock::Clock;
use super::connection;
use super::context::Shared;
use super::k8s::depth_limit;
use super::k8s::events::{self, EventPublisher};
use super::k8s::namespaces::{scoped, scopes};
use super::k8s::size_limit;
use super::kinds::connection::ConnectionResource;
use super::leader::Leadership;
use super::queue::backoff::Backoffs;
use super::queue::permits::Permits;
use super::state::accounts::{Accounts, TriggerSenders};
use super::state::approvals::Approvals;
use super::state::bounds::Bounds;
use super::state::claims::ClaimLocks;
use super::state::heartbeats::Heartbeats;
use super::state::memories::Departed;
use super::state::observations::Observations;
use super::state::places::Places;
use super::state::records::Records;
use super::state::settling::Settling;
use super::state::stores::Stores;
use super::state::written_tags::WrittenTags;
use super::{Result, Settings};
use crate::api::{ClusterConnection, Connection};
use crate::engine::deletions::Deletions;
use crate::metrics::Metrics;
use approvals::Caches;
use controllers::run_connections;
use futures::StreamExt as _;
use futures::future::{self, BoxFuture};
use futures::stream::FuturesUnordered;
use jiff::SignedDuration;
use kinds::{MANAGED, Start};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, Store};
use kube::{Api, Client};
use liveness::{Forget, forget_late, heard};
use startup::wait_for_cluster_id;
use state_metrics::Count;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use triggers::Triggers;

/// The dependencies and settings that the operator runs with.
pub struct Options {
    /// The client of the API server.
    pub client: Client,
    /// The operator's settings.
    pub settings: Settings,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The operator's metrics.
    pub metrics: Arc<Metrics>,
    /// Whether this process may write upstream.
    pub leadership: Leadership,
    /// Whether the controllers make progress.
    pub heartbeats: Arc<Heartbeats>,
    /// The name of this replica, for events.
    pub instance: Option<String>,
}

/// Runs all controllers until `shutdown`, then finishes what is under way.
pub async fn run(options: Options, shutdown: CancellationToken) -> Result<()> {
    let Some(cluster_id) = cluster_id(&options, &shutdown).await else { return Ok(()) };
    let (dependents, dependent_triggers) = mpsc::unbounded_channel();
    let (connections, connection_triggers) = mpsc::unbounded_channel();
    let mut stores = Stores::default();
    let starts: Vec<Start> = MANAGED.iter().map(|kind| kind.register(&options.settings, &mut stores)).collect();
    let names: Vec<&str> = MANAGED.iter().map(|kind| kind.name()).collect();
    state_metrics::initialize(&options.metrics, &names);
    let (caches, approvals) = Caches::new(&options.settings);
    let (mut shared, publisher) = shared(options, cluster_id, TriggerSenders { dependents, connections }, stores);
    shared.approvals = Approvals::new(approvals);
    let (shared, finished) = (Arc::new(shared), CancellationToken::new());
    let triggers = Triggers::start(dependent_triggers, connection_triggers);
    let managed = starts.into_iter().flat_map(|start| start(&shared, &triggers, &shutdown));
    let mut controllers = Controllers {
        running: managed.collect(),
        counts: MANAGED.iter().map(|kind| kind.count()).collect(),
        forgets: MANAGED.iter().map(|kind| kind.forget_late()).collect(),
    };
    controllers.start_connections(&shared, &triggers, &shutdown);
    controllers.running.extend(caches.fill(&shared, &triggers, &shutdown));
    let Controllers { running, counts, forgets } = controllers;
    let liveness = liveness::run(Arc::clone(&shared), forgets, shutdown.clone());
    let controllers = async {
        future::join3(run_all(running), state_metrics::run(shared, counts, shutdown), liveness).await;
        finished.cancel();
    };
    future::join(controllers, publisher.run(finished.clone())).await;
    Ok(())
}

/// Runs all controllers until they end. Each is polled only when something woke it: the runtime looks at every object that
/// waits or is reconciled whenever it polls a controller.
async fn run_all(controllers: Vec<BoxFuture<'static, ()>>) {
    controllers.into_iter().collect::<FuturesUnordered<_>>().collect::<()>().await;
}

async fn cluster_id(options: &Options, shutdown: &CancellationToken) -> Option<String> {
    match &options.settings.cluster_id {
        Some(id) => Some(id.clone()),
        None => wait_for_cluster_id(&options.client, shutdown).await,
    }
}

fn shared(options: Options, cluster_id: String, triggers: TriggerSenders, stores: Stores) -> (Shared, EventPublisher) {
    let Options { client, settings, clock, metrics, leadership, heartbeats, instance } = options;
    let client = size_limit::client(depth_limit::client(client), settings.object_memory);
    let window = settings.delete_window.try_into().unwrap_or(SignedDuration::MAX);
    let (events, publisher) = events::channel(client.clone(), instance, &metrics);
    let shared = Shared {
        events,
        bounds: Bounds::new(triggers.clone()),
        approvals: Approvals::default(),
        accounts: Accounts::new(triggers, settings.cluster_connections),
        backoffs: Backoffs::new(settings.backoff),
        observations: Observations::default(),
        settling: Settling::new(settings.first_look),
        records: Records::default(),
        places: Places::default(),
        departed: Departed::default(),
        corrections: Mutex::default(),
        deletions: Mutex::new(Deletions::within(window)),
        claim_locks: ClaimLocks::default(),
        written_tags: WrittenTags::default(),
        stores,
        permits: Permits::new(settings.concurrency.into()),
        client,
        settings,
        clock,
        metrics,
        leadership,
        heartbeats,
        cluster_id,
    };
    (shared, publisher)
}

/// The controllers that run, and the gauges of all kinds.
struct Controllers {
    running: Vec<BoxFuture<'static, ()>>,
    counts: Vec<Count>,
    forgets: Vec<Forget>,
}

impl Controllers {
    fn start_connections(&mut self, shared: &Arc<Shared>, triggers: &Triggers, shutdown: &CancellationToken) {
        let watched: Vec<Api<DeserializeGuard<Connection>>> = scopes(&shared.settings)
            .into_iter()
            .map(|namespace| scoped(&heard(shared, Connection::KIND), namespace))
            .collect();
        let own = |client: Client, object: &Connection| {
            Api::namespaced(client, object.metadata.namespace.as_deref().unwrap_or_default())
        };
        self.start_connection_kind(shared, watched, own, triggers, shutdown);
        if shared.settings.cluster_connections {
            let watched: Vec<Api<DeserializeGuard<ClusterConnection>>> =
                vec![Api::all(heard(shared, ClusterConnection::KIND))];
            self.start_connection_kind(shared, watched, |client, _| Api::all(client), triggers, shutdown);
        }
    }

    fn start_connection_kind<K: ConnectionResource>(
        &mut self,
        shared: &Arc<Shared>,
        watched: Vec<Api<DeserializeGuard<K>>>,
        own: connection::context::ApiOf<K>,
        triggers: &Triggers,
        shutdown: &CancellationToken,
    ) {
        let mut stores = Vec::new();
        for api in watched {
            let (store, writer) = reflector::store();
            let ctx = Arc::new(connection::context::Context::new(Arc::clone(shared), own));
            stores.push(store.clone());
            self.running.push(run_connections(ctx, api, (store, writer), triggers, shutdown));
        }
        self.counts.push(state_metrics::connections(stores.clone()));
        let all = move || stores.iter().flat_map(Store::state).collect();
        self.forgets.push(Box::new(move |shared| forget_late(shared, K::KIND, &all)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::poll_fn;
    use futures::poll;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Poll, Waker};

    /// A controller that counts how often it is polled, and never ends.
    #[derive(Default)]
    struct Probe {
        polls: AtomicU32,
        waker: Mutex<Option<Waker>>,
    }

    impl Probe {
        fn controller(self: &Arc<Self>) -> BoxFuture<'static, ()> {
            let probe = Arc::clone(self);
            Box::pin(poll_fn(move |cx| {
                *probe.waker.lock().unwrap() = Some(cx.waker().clone());
                probe.polls.fetch_add(1, Ordering::SeqCst);
                Poll::Pending
            }))
        }

        fn polls(&self) -> u32 {
            self.polls.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn controller_is_polled_only_when_it_was_woken() {
        let (one, other) = (Arc::<Probe>::default(), Arc::<Probe>::default());
        let mut all = Box::pin(run_all(vec![one.controller(), other.controller()]));
        assert!(poll!(&mut all).is_pending());
        assert!(poll!(&mut all).is_pending(), "something else in the task woke it");
        assert_eq!((one.polls(), other.polls()), (1, 1));
        one.waker.lock().unwrap().take().unwrap().wake();
        assert!(poll!(&mut all).is_pending());
        assert_eq!((one.polls(), other.polls()), (2, 1));
    }

    #[tokio::test]
    async fn run_ends_when_all_controllers_have_ended() {
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let waits: BoxFuture<'static, ()> = Box::pin(async { drop(ended.await) });
        let mut all = Box::pin(run_all(vec![Box::pin(async {}), waits]));
        assert!(poll!(&mut all).is_pending());
        drop(end);
        assert!(poll!(&mut all).is_ready());
    }

    #[tokio::test]
    async fn dropped_run_drops_the_controllers() {
        let probe = Arc::<Probe>::default();
        let mut all = Box::pin(run_all(vec![probe.controller()]));
        assert!(poll!(&mut all).is_pending());
        drop(all);
        probe.waker.lock().unwrap().take();
        assert_eq!(Arc::strong_count(&probe), 1);
    }
}
