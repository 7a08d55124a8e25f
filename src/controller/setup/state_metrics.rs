//! Counts the objects by kind and reason, and shows how connections stand, for the gauges: from the
//! stores, without a request.

use crate::api::ConnectionKey;
use crate::api::connection::Usage;
use crate::api::{ClusterConnection, ConditionType, Connection, NetworkPolicy, Policy, Reason};
use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::deletion::orphan::OrphanReason;
use crate::metrics::{AccountNow, ConnectionNow, HeldNow, Metrics};
use crate::upstream::AccountStats;
use crate::upstream::registry;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// How often the gauges follow.
const EVERY: Duration = Duration::from_secs(10);

/// Shown for an object that nobody has looked at, or whose reason an older version wrote.
const UNSEEN: &str = "Unseen";

/// Shown for an object that cannot be decoded, and is skipped until it changes.
const UNREADABLE: &str = "Unreadable";

/// What all counts of one round look at.
pub struct Round<'a> {
    shared: &'a Shared,
    /// How many objects name each connection, once all objects are known.
    usage: Option<HashMap<ConnectionKey, usize>>,
}

/// Sets the gauges of one kind.
pub type Count = Box<dyn Fn(&Round<'_>) + Send + Sync>;

/// Has the counters of what must not happen begin at 0.
pub fn begin(metrics: &Metrics) {
    let whys = OrphanReason::ALL.map(OrphanReason::label);
    let managed = [Policy::KIND, NetworkPolicy::KIND];
    let kinds = [Policy::KIND, NetworkPolicy::KIND, Connection::KIND, ClusterConnection::KIND];
    metrics.begin(&kinds, &managed, &whys, &registry::systems());
}

/// Counts until shutdown.
pub async fn run(shared: Arc<Shared>, counts: Vec<Count>, shutdown: CancellationToken) {
    loop {
        let round = Round { shared: &shared, usage: shared.stores.usage() };
        for count in &counts {
            count(&round);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Counts a policy kind by reason, over all its stores.
pub fn managed<K: Managed>(stores: Vec<Store<DeserializeGuard<K>>>) -> Count {
    Box::new(move |Round { shared, .. }| {
        let mut by_reason = BTreeMap::<&'static str, usize>::new();
        for object in stores.iter().flat_map(Store::state) {
            let reason = object.0.as_ref().map_or(UNREADABLE, |object| reason(&object.report().common.conditions));
            *by_reason.entry(reason).or_default() += 1;
        }
        shared.metrics.set_objects(K::KIND, by_reason);
    })
}

/// Shows how each connection of a kind stands.
pub fn connections<K: ConnectionResource>(stores: Vec<Store<DeserializeGuard<K>>>) -> Count
where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    Box::new(move |Round { shared, usage }| {
        let all = stores.iter().flat_map(Store::state).collect::<Vec<_>>();
        if let Some(usage) = usage {
            recount(shared, usage, all.iter().filter_map(|guard| guard.0.as_ref().ok()));
        }
        let now = all.iter().map(|guard| connection(shared, guard.as_ref())).collect();
        shared.metrics.set_connections(K::KIND, now);
    })
}

/// Has connections looked at again whose status counts other dependants than there are.
fn recount<'a, K: ConnectionResource>(
    shared: &Shared,
    usage: &HashMap<ConnectionKey, usize>,
    connections: impl Iterator<Item = &'a K>,
) {
    for link in connections {
        let (key, counted) = (link.key(), link.status().dependants);
        let used = usage.get(&key).copied().unwrap_or_default();
        if counted.is_some_and(|counted| usize::try_from(counted) != Ok(used)) {
            shared.connections.recheck_key(&key);
        }
    }
}

fn connection<K: ConnectionResource>(shared: &Shared, guard: &DeserializeGuard<K>) -> ConnectionNow
where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    let (namespace, name) = (guard.meta().namespace.clone(), guard.name_any());
    let key = ConnectionKey { namespace: namespace.clone(), name: name.clone() };
    let status = guard.0.as_ref().map(ConnectionResource::status).unwrap_or_default();
    let reason = guard.0.as_ref().map_or(UNREADABLE, |_| reason(&status.conditions));
    ConnectionNow {
        namespace: namespace.unwrap_or_default(),
        name,
        ready: status.conditions.iter().any(|c| c.type_ == ConditionType::Ready.as_str() && c.status == "True"),
        reason,
        account: shared.connections.last_good(&key).map(|account| account_now(&account.stats())),
        held: status.usage.as_ref().map(held).unwrap_or_default(),
    }
}

fn account_now(stats: &AccountStats) -> AccountNow {
    let since_1970 = |time: &SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    AccountNow {
        breaker_open: stats.tripped,
        rate: stats.rate,
        rate_configured: stats.rate_configured,
        tokens: stats.tokens,
        waiting: stats.waiting,
        snapshots: stats.snapshots.iter().map(|(system, begun)| (*system, since_1970(begun))).collect(),
    }
}

fn held(usage: &Usage) -> Vec<HeldNow> {
    let collections = registry::counted().into_iter();
    let held = collections.filter_map(|key| {
        Some(HeldNow { collection: snake_case(key), count: usage.count(key)?, limit: usage.limit(key) })
    });
    held.collect()
}

/// Converts a key of status to a metric label: `networkPolicies` is `network_policies`.
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
    let ready = conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str());
    let known = ready.and_then(|c| Reason::ALL.iter().find(|reason| reason.as_str() == c.reason));
    known.map_or(UNSEEN, |reason| reason.as_str())
}
