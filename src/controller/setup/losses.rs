//! Finds what other writers took away: the finalizer or the record of a living object, and whole objects that this
//! process did not let go.
//!
//! The operator writes finalizer and status itself, so their changes are no triggers. Each event is compared with what
//! this process wrote last. The comparison is repeated when the responses of writes under way have arrived, and an
//! object that still differs is reconciled.

use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::looks::full_name;
use crate::controller::policy::vanished::{self, Trace};
use crate::controller::state::footprint::Footprint;
use crate::controller::state::stores::StoreOf;
use futures::future;
use futures::stream::{self, BoxStream, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// How long the response to a write may arrive after its event.
const SETTLE: Duration = Duration::from_millis(300);

/// How many objects may settle at once. More of them wait.
const SETTLING: usize = 1024;

/// Compares the events of one watch with what this process remembers.
pub(super) struct Losses<K: Resource<DynamicType = ()> + 'static> {
    shared: Arc<Shared>,
    store: StoreOf<K>,
    footprint: fn(&K) -> Footprint,
    disturbed: UnboundedSender<ObjectRef<DeserializeGuard<K>>>,
    /// The objects before a new list.
    before: Mutex<Vec<Arc<DeserializeGuard<K>>>>,
}

/// The objects that lost something.
pub(super) type Disturbed<K> = BoxStream<'static, ObjectRef<DeserializeGuard<K>>>;

impl<K> Losses<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    fn watch(shared: &Arc<Shared>, store: &StoreOf<K>, footprint: fn(&K) -> Footprint) -> (Self, Disturbed<K>) {
        let (disturbed, receiver) = mpsc::unbounded_channel();
        let (of, store) = (Arc::clone(shared), store.clone());
        let settled = settled(Arc::clone(shared), store.clone(), footprint, receiver);
        (Self { shared: of, store, footprint, disturbed, before: Mutex::default() }, settled)
    }

    /// Compares the objects of an event, and returns those that are gone.
    fn compare(&self, event: &Event<DeserializeGuard<K>>) -> Vec<Arc<DeserializeGuard<K>>> {
        match event {
            Event::Apply(object) | Event::InitApply(object) => {
                if is_disturbed(&self.shared, object, self.footprint) {
                    // Without a receiver the controller has stopped.
                    let _ = self.disturbed.send(ObjectRef::from_obj(object));
                }
                Vec::new()
            }
            Event::Delete(object) => vec![Arc::new(object.clone())],
            Event::Init => {
                *self.before() = self.store.state();
                Vec::new()
            }
            Event::InitDone => {
                let listed: HashSet<_> = self.store.state().iter().filter_map(|object| object.uid()).collect();
                let mut before = std::mem::take(&mut *self.before());
                before.retain(|object| object.uid().is_none_or(|uid| !listed.contains(&uid)));
                before
            }
        }
    }

    fn before(&self) -> MutexGuard<'_, Vec<Arc<DeserializeGuard<K>>>> {
        // The list is replaced whole, so a panic elsewhere leaves a valid one.
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Managed> Losses<K> {
    /// Watches the objects of a managed kind.
    pub(super) fn of_managed(shared: &Arc<Shared>, store: &StoreOf<K>) -> (Self, Disturbed<K>) {
        Self::watch(shared, store, Footprint::of)
    }

    /// Handles an event of the watch, after the store did.
    pub(super) fn see(&self, event: &Event<DeserializeGuard<K>>) {
        for gone in self.compare(event) {
            let Ok(object) = &gone.0 else { continue };
            let uid = object.uid().unwrap_or_default();
            let place = self.shared.places.of(object);
            let shown = object.common_status().upstream.clone().or_else(|| place.clone());
            let proven = self.shared.records.proven(&uid);
            if let Some(record) = self.shared.forget(&uid, shown) {
                self.shared.observations.record_lost(full_name(object));
                let trace = Trace { record, place, proven };
                tokio::spawn(vanished::report(Arc::clone(&self.shared), object.clone(), trace));
            }
        }
    }
}

impl<K: ConnectionResource> Losses<K> {
    /// Watches the objects of a connection kind.
    pub(super) fn of_connections(shared: &Arc<Shared>, store: &StoreOf<K>) -> (Self, Disturbed<K>) {
        Self::watch(shared, store, Footprint::of_connection)
    }

    /// Handles an event of the watch, after the store did.
    pub(super) fn see_connection(&self, event: &Event<DeserializeGuard<K>>) {
        for gone in self.compare(event) {
            self.shared.forget(&gone.uid().unwrap_or_default(), None);
        }
    }
}

/// Returns the objects that still differ from what this process wrote, once its writes have settled.
fn settled<K>(
    shared: Arc<Shared>,
    store: StoreOf<K>,
    footprint: fn(&K) -> Footprint,
    receiver: UnboundedReceiver<ObjectRef<DeserializeGuard<K>>>,
) -> Disturbed<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    let refs = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    let settled = refs.map(|object| async move {
        tokio::time::sleep(SETTLE).await;
        object
    });
    let still = move |object: &ObjectRef<DeserializeGuard<K>>| {
        let now = store.get(object);
        future::ready(now.is_some_and(|object| is_disturbed(&shared, object.as_ref(), footprint)))
    };
    settled.buffer_unordered(SETTLING).filter(still).boxed()
}

fn is_disturbed<K>(shared: &Shared, object: &DeserializeGuard<K>, footprint: fn(&K) -> Footprint) -> bool
where
    K: Resource<DynamicType = ()>,
{
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    object.0.as_ref().is_ok_and(|object| shared.records.is_disturbed(uid, &footprint(object)))
}
