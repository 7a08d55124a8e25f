//! Starts the managed kinds: those of the list in `api::kinds`.

use super::controllers::{StoreWriter, run_managed};
use super::liveness::{self, Forget};
use super::state_metrics::{self, Count};
use super::triggers::Triggers;
use crate::api::kinds::managed_kinds;
use crate::controller::Settings;
use crate::controller::context::Shared;
use crate::controller::k8s::namespaces::{scoped, scopes};
use crate::controller::kinds::managed::Managed;
use crate::controller::state::stores::Stores;
use futures::future::{BoxFuture, FutureExt};
use kube::Client;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The managed kinds.
pub const MANAGED: &[&dyn ManagedKind] = &managed_kinds!(|K| &Of::<K>::NEW as &dyn ManagedKind);

/// Starts the controllers of one kind.
pub type Start = Box<dyn FnOnce(&Arc<Shared>, &Triggers, &CancellationToken) -> Vec<BoxFuture<'static, ()>> + Send>;

/// A managed kind without its type.
pub trait ManagedKind: Sync {
    /// Returns the name of the kind.
    fn name(&self) -> &'static str;

    /// Lists one object, to find out whether the CRD exists and may be listed.
    fn probe<'a>(&self, client: &'a Client, namespace: Option<&'a str>) -> BoxFuture<'a, kube::Result<()>>;

    /// Registers an empty store for each watched namespace, and returns what starts the controllers that fill
    /// them. All kinds register before any starts: a reconcile may need the objects of all.
    fn register(&self, settings: &Settings, stores: &mut Stores) -> Start;

    /// Returns what sets the gauge of the kind's objects by reason.
    fn count(&self) -> Count;

    /// Returns what forgets the late objects of the kind that do not exist any more.
    fn forget_late(&self) -> Forget;
}

/// The kind `K`.
struct Of<K>(PhantomData<fn() -> K>);

impl<K> Of<K> {
    const NEW: Self = Self(PhantomData);
}

impl<K: Managed> ManagedKind for Of<K> {
    fn name(&self) -> &'static str {
        K::KIND
    }

    fn probe<'a>(&self, client: &'a Client, namespace: Option<&'a str>) -> BoxFuture<'a, kube::Result<()>> {
        let api = scoped::<DeserializeGuard<K>>(client, namespace);
        async move { api.list(&ListParams::default().limit(1)).await.map(drop) }.boxed()
    }

    fn register(&self, settings: &Settings, stores: &mut Stores) -> Start {
        let writers: Vec<_> = scopes(settings).iter().map(|_| StoreWriter::<K>::new()).collect();
        stores.register(writers.iter().map(|StoreWriter { store, claimants, complete, .. }| {
            (store.clone(), Arc::clone(claimants), Arc::clone(complete))
        }));
        Box::new(move |shared, triggers, shutdown| {
            let watched = scopes(&shared.settings).into_iter().zip(writers);
            watched.map(|(namespace, writer)| run_managed(shared, namespace, writer, triggers, shutdown)).collect()
        })
    }

    fn count(&self) -> Count {
        state_metrics::objects::<K>()
    }

    fn forget_late(&self) -> Forget {
        let all = |shared: &Shared| shared.stores.of::<K>().iter().flat_map(Store::state).collect();
        Box::new(move |shared| liveness::forget_late(shared, K::KIND, || all(shared)))
    }
}
