//! Passes triggers on: from a connection to the objects that use it, from a failed call to its connection,
//! and from a Secret to the connections that read it.

use crate::api::ConnectionKey;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use futures::Stream;
use futures::stream;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::{broadcast, mpsc};

/// How many triggers a slow controller may lag behind. Beyond that it reconciles all of its objects.
const TRIGGER_BUFFER: usize = 1024;

/// The triggers that every controller may subscribe to.
pub struct Triggers {
    /// Connections whose dependents must be reconciled.
    pub dependents: broadcast::Sender<ConnectionKey>,
    /// Connections that must be checked again.
    pub connections: broadcast::Sender<ConnectionKey>,
    /// Policies of which an approval came or went.
    pub approvals: broadcast::Sender<Approved>,
}

/// A policy that an approval names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Triggers {
    /// Starts to pass on what arrives in the channels.
    pub fn start(
        dependents: mpsc::UnboundedReceiver<ConnectionKey>,
        connections: mpsc::UnboundedReceiver<ConnectionKey>,
    ) -> Self {
        let triggers = Self {
            dependents: broadcast::Sender::new(TRIGGER_BUFFER),
            connections: broadcast::Sender::new(TRIGGER_BUFFER),
            approvals: broadcast::Sender::new(TRIGGER_BUFFER),
        };
        forward(dependents, triggers.dependents.clone());
        forward(connections, triggers.connections.clone());
        triggers
    }
}

fn forward(mut from: mpsc::UnboundedReceiver<ConnectionKey>, to: broadcast::Sender<ConnectionKey>) {
    tokio::spawn(async move {
        while let Some(key) = from.recv().await {
            // Without a receiver the controllers have not started, and will reconcile everything.
            let _ = to.send(key);
        }
    });
}

/// Returns what is triggered, such as connections; `None` stands for triggers that were missed because too many
/// came at once.
pub fn keys<T: Clone + Send + 'static>(
    triggers: &broadcast::Sender<T>,
) -> impl Stream<Item = Option<T>> + Send + use<T> {
    stream::unfold(triggers.subscribe(), |mut receiver| async move {
        match receiver.recv().await {
            Ok(key) => Some((Some(key), receiver)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some((None, receiver)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
}

/// Returns the connections that read this Secret.
pub fn readers_of<K: ConnectionResource>(
    store: &Store<DeserializeGuard<K>>,
    secret: &str,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |connection: &K| connection.reads_secret(secret))
}

/// Returns the objects that use this connection; all objects if triggers were missed.
pub fn dependents_of<K: Managed>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |object: &K| key.is_none_or(|key| object.is_concerned_by(key)))
}

/// Returns the object that an approval names; all objects if triggers were missed.
pub fn approved_of<K: Managed>(
    store: &Store<DeserializeGuard<K>>,
    approved: Option<&Approved>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    let is_named = |object: &K, it: &Approved| {
        it.kind == K::KIND && object.namespace().as_ref() == Some(&it.namespace) && object.name_any() == it.name
    };
    refs(store, |object: &K| approved.is_none_or(|approved| is_named(object, approved)))
}

/// Returns the connection with this key, if it is of this kind; all connections if triggers were missed.
pub fn connections_with<K: ConnectionResource>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |connection: &K| key.is_none_or(|key| connection.key() == *key))
}

/// Returns whether the store holds a connection with this key, readable or not.
pub fn exists<K: ConnectionResource>(store: &Store<DeserializeGuard<K>>, key: &ConnectionKey) -> bool {
    store.state().iter().any(|object| {
        let meta = object.meta();
        meta.namespace == key.namespace && meta.name.as_ref() == Some(&key.name)
    })
}

fn refs<K>(store: &Store<DeserializeGuard<K>>, wanted: impl Fn(&K) -> bool) -> Vec<ObjectRef<DeserializeGuard<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let state = store.state();
    let chosen = state.iter().filter(|guard| guard.0.as_ref().is_ok_and(&wanted));
    chosen.map(|guard| ObjectRef::from_obj(guard.as_ref())).collect()
}
