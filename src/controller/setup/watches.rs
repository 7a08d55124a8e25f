//! Watches objects and Secrets, and passes on the changes that must be reconciled.

use super::liveness::heard;
use crate::api::{CONFIRM_DELETE, FORCE_ORPHAN, RECONCILE_REQUESTED_AT, RELEASE_UPSTREAM};
use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use crate::controller::settings::selector::WatchSelector;
use crate::controller::state::claimants::Claimants;
use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::reflector::store::Writer;
use kube::runtime::{PredicateConfig, WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// How many objects a page of the first list has. A page is in memory as text and as objects at the same time, so pages
/// are small.
const PAGE_SIZE: u32 = 25;

/// Returns what to watch: the objects that the operator manages, or all of a kind that all operators use.
pub(super) fn selecting(selector: &WatchSelector) -> watcher::Config {
    let config = watcher::Config::default().page_size(PAGE_SIZE);
    if selector.selects_all() { config } else { config.labels_from(selector.selector()) }
}

/// Returns the objects that change in a way that matters. All other changes only refresh the store.
/// `before` sees every event before the store, and `after` after it.
pub(super) fn watched<K, B, A>(
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
    before: B,
    writer: Writer<DeserializeGuard<K>>,
    after: A,
) -> impl Stream<Item = Result<DeserializeGuard<K>, watcher::Error>> + Send + use<K, B, A>
where
    B: Fn(&watcher::Event<DeserializeGuard<K>>) + Send,
    A: Fn(&watcher::Event<DeserializeGuard<K>>) + Send,
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    watcher(api, config)
        .default_backoff()
        .inspect_ok(before)
        .reflect(writer)
        .inspect_ok(after)
        .applied_objects()
        .predicate_filter(|object: &DeserializeGuard<K>| Some(fingerprint(object)), PredicateConfig::default())
}

/// Returns what tells `claimants` of each event.
pub(super) fn keep_claims<K: Managed>(
    claimants: Arc<Claimants>,
) -> impl Fn(&watcher::Event<DeserializeGuard<K>>) + Send {
    move |event| match event {
        watcher::Event::Init => claimants.begin_list(),
        watcher::Event::InitApply(object) => claimants.list(object),
        watcher::Event::InitDone => claimants.end_list(),
        watcher::Event::Apply(object) => claimants.keep(object),
        watcher::Event::Delete(object) => claimants.forget(object),
    }
}

/// Does nothing with an event.
pub(super) fn ignore<T>(_event: &T) {}

/// Returns a hash of everything in an object that asks for a reconcile. Status and finalizer are not in it, because the
/// operator writes them itself: `losses` finds out what other writers did to them.
fn fingerprint<K: Resource>(object: &K) -> u64 {
    let mut hash = DefaultHasher::new();
    let meta = object.meta();
    (&meta.uid, meta.generation).hash(&mut hash);
    meta.deletion_timestamp.as_ref().map(|time| time.0).hash(&mut hash);
    for name in [RECONCILE_REQUESTED_AT, FORCE_ORPHAN, CONFIRM_DELETE, RELEASE_UPSTREAM] {
        object.annotations().get(name).hash(&mut hash);
    }
    hash.finish()
}

/// Returns the names of changed Secrets of the operator's namespace; only their metadata travels. Elsewhere the
/// operator may not watch Secrets, and reads them again at every check.
pub(super) fn changed_secrets<K: ConnectionResource>(shared: &Shared) -> BoxStream<'static, String> {
    if !K::SECRETS_IN_OPERATOR_NAMESPACE {
        return stream::empty().boxed();
    }
    let api: Api<PartialObjectMeta<Secret>> = Api::namespaced(heard(shared, K::KIND), &shared.settings.namespace);
    watcher(api, watcher::Config::default())
        .default_backoff()
        .touched_objects()
        .filter_map(|secret| async move { secret.ok().map(|secret| secret.name_any()) })
        .boxed()
}
