//! Counts the objects by kind and reason, for the gauges: from the stores, without a request.

use super::connection::Link;
use super::context::Shared;
use super::managed::Managed;
use crate::api::{ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the gauges follow.
const EVERY: Duration = Duration::from_secs(10);

/// Shown for an object that nobody has looked at, or whose reason an older version wrote.
const UNSEEN: &str = "Unseen";

/// Shown for an object that cannot be decoded, and is skipped until it changes.
const UNREADABLE: &str = "Unreadable";

/// Sets the gauges of one kind.
pub type Count = Box<dyn Fn(&Shared) + Send + Sync>;

/// Counts until shutdown.
pub async fn run(shared: Arc<Shared>, counts: Vec<Count>, shutdown: CancellationToken) {
    loop {
        for count in &counts {
            count(&shared);
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// Counts a policy kind by reason, over all its stores.
pub fn managed<K: Managed>(stores: Vec<Store<DeserializeGuard<K>>>) -> Count {
    Box::new(move |shared| {
        let mut by_reason = BTreeMap::<&'static str, usize>::new();
        for object in stores.iter().flat_map(Store::state) {
            let reason = object.0.as_ref().map_or(UNREADABLE, |object| reason(&object.report().common.conditions));
            *by_reason.entry(reason).or_default() += 1;
        }
        shared.metrics.set_objects(K::KIND, by_reason);
    })
}

/// Counts a connection kind: how many are ready, of how many.
pub fn links<K: Link>(stores: Vec<Store<DeserializeGuard<K>>>) -> Count
where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    Box::new(move |shared| {
        let all: Vec<_> = stores.iter().flat_map(Store::state).collect();
        let accepted = |guard: &&Arc<DeserializeGuard<K>>| {
            guard.0.as_ref().is_ok_and(|link| reason(&link.status().conditions) == Reason::Authenticated.as_str())
        };
        let ready = all.iter().filter(accepted).count();
        shared.metrics.set_connection_ready(K::KIND, ready, all.len());
    })
}

fn reason(conditions: &[Condition]) -> &'static str {
    let ready = conditions.iter().find(|c| c.type_ == ConditionType::Ready.as_str());
    let known = ready.and_then(|c| Reason::ALL.iter().find(|reason| reason.as_str() == c.reason));
    known.map_or(UNSEEN, |reason| reason.as_str())
}
