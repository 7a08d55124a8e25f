//! Sets the gauges of objects by reason and of the state of connections: from the caches, without a request.

use crate::api::connection::Usage;
use crate::api::status::DriftAccess;
use crate::api::{ClusterConnection, ConditionType, Connection, ConnectionKey, Reason};
use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::stores::{StoreOf, UsageCount};
use crate::engine::OrphanReason;
use crate::metrics::{AccountState, CollectionUsage, ConnectionState, Metrics};
use crate::upstream::AccountStats;
use crate::upstream::registry::{count_keys, systems};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// How often the gauges are set.
const EVERY: Duration = Duration::from_secs(10);

/// The reason shown for an object without a condition, or with a reason that an older version wrote.
const UNSEEN: &str = "Unseen";

/// The reason shown for an object that cannot be decoded, and is skipped until it changes.
const UNREADABLE: &str = "Unreadable";

/// The data that all counts of one round share.
pub struct Round<'a> {
    shared: &'a Shared,
    /// How many objects use each connection, once the caches are complete.
    usage: Option<HashMap<ConnectionKey, UsageCount>>,
}

/// Sets the gauges of one kind.
pub type Count = Box<dyn Fn(&Round<'_>) + Send + Sync>;

/// Starts the counters of what must not happen at 0, so that the first occurrence is an increase.
pub fn initialize(metrics: &Metrics, managed: &[&'static str]) {
    let reasons = OrphanReason::ALL.map(OrphanReason::label);
    let kinds = [managed, &[Connection::KIND, ClusterConnection::KIND]].concat();
    metrics.initialize(&kinds, managed, &reasons, &systems());
}

/// Sets the gauges until shutdown.
pub async fn run(shared: Arc<Shared>, counts: Vec<Count>, shutdown: CancellationToken) {
    loop {
        let round = Round { shared: &shared, usage: shared.stores.usage() };
        for count in &counts {
            count(&round);
        }
        if let Some(usage) = &round.usage {
            shared.forget_departed();
            shared.accounts.prune(|key| usage.contains_key(key), |key| shared.stores.users(key));
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Returns what counts the objects of a managed kind by reason.
pub fn objects<K: Managed>() -> Count {
    Box::new(|Round { shared, .. }| {
        let mut by_reason = BTreeMap::<&'static str, usize>::new();
        let mut wider = BTreeMap::<&'static str, usize>::new();
        for object in shared.stores.of::<K>().iter().flat_map(Store::state) {
            let status = object.0.as_ref().map(Managed::common_status);
            let reason = status.as_ref().map_or(UNREADABLE, |common| reason(&common.conditions));
            *by_reason.entry(reason).or_default() += 1;
            let drift = status.as_ref().ok().and_then(|common| common.drift.as_ref());
            if drift.and_then(|drift| drift.access).is_some_and(DriftAccess::may_be_wider) {
                *wider.entry(reason).or_default() += 1;
            }
        }
        shared.metrics.set_objects(K::KIND, by_reason);
        shared.metrics.set_wider_objects(K::KIND, wider);
    })
}

/// Returns what shows the state of each connection of a kind.
pub fn connections<K: ConnectionResource>(stores: Vec<StoreOf<K>>) -> Count
where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    Box::new(move |Round { shared, usage }| {
        let all = stores.iter().flat_map(Store::state).collect::<Vec<_>>();
        // With a selector, status counts no dependents: other operators have some of them.
        if let Some(usage) = usage.as_ref().filter(|_| shared.settings.selector.selects_all()) {
            recount(shared, usage, all.iter().filter_map(|guard| guard.0.as_ref().ok()));
        }
        let now = all.iter().map(|guard| connection(shared, guard.as_ref())).collect();
        shared.metrics.set_connections(K::KIND, now);
    })
}

/// Triggers a check of connections whose status counts other dependents than there are, or other moved ones.
fn recount<'a, K: ConnectionResource>(
    shared: &Shared,
    usage: &HashMap<ConnectionKey, UsageCount>,
    connections: impl Iterator<Item = &'a K>,
) {
    for connection in connections {
        let (key, status) = (connection.key(), connection.status());
        let UsageCount { dependents, moved } = usage.get(&key).copied().unwrap_or_default();
        let differs = |counted: i64, used: usize| usize::try_from(counted) != Ok(used);
        if status.dependants.is_some_and(|counted| {
            differs(counted, dependents) || differs(status.recorded_elsewhere.unwrap_or_default(), moved)
        }) {
            shared.accounts.recheck(&key);
        }
    }
}

fn connection<K: ConnectionResource>(shared: &Shared, guard: &DeserializeGuard<K>) -> ConnectionState
where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    let (namespace, name) = (guard.meta().namespace.clone(), guard.name_any());
    let key = ConnectionKey { namespace: namespace.clone(), name: name.clone() };
    let status = guard.0.as_ref().map(ConnectionResource::status).unwrap_or_default();
    let reason = guard.0.as_ref().map_or(UNREADABLE, |_| reason(&status.conditions));
    let ready = ConditionType::Ready.find(&status.conditions);
    ConnectionState {
        namespace: namespace.unwrap_or_default(),
        name,
        ready: ready.is_some_and(|ready| ready.status == "True"),
        reason,
        account: shared.accounts.last_good(&key).map(|account| account_state(&account.stats())),
        usage: status.usage.as_ref().map(collection_usage).unwrap_or_default(),
    }
}

fn account_state(stats: &AccountStats) -> AccountState {
    let since_1970 = |time: &SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    AccountState {
        breaker_open: stats.tripped,
        rate: stats.rate,
        rate_configured: stats.rate_configured,
        tokens: stats.tokens,
        waiting: stats.waiting,
        snapshots: stats.snapshots.iter().map(|(system, begun)| (*system, since_1970(begun))).collect(),
    }
}

/// Returns how many objects each collection of an account holds.
fn collection_usage(usage: &Usage) -> Vec<CollectionUsage> {
    let collections = count_keys().into_iter().filter_map(|key| {
        Some(CollectionUsage { collection: snake_case(key), count: usage.count(key)?, limit: usage.limit(key) })
    });
    collections.collect()
}

fn snake_case(key: &str) -> String {
    key.chars().fold(String::new(), |mut label, letter| {
        if letter.is_ascii_uppercase() {
            label.push('_');
        }
        label.push(letter.to_ascii_lowercase());
        label
    })
}

fn reason(conditions: &[Condition]) -> &'static str {
    let known = ConditionType::Ready
        .find(conditions)
        .and_then(|condition| Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason));
    known.map_or(UNSEEN, |reason| reason.as_str())
}
