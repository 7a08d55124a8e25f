//! Who is woken by what: the way from a connection to its dependants, from a refused call to
//! its connection, and from a Secret to the connections that read it.

use crate::api::ConnectionKey;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;
use futures::Stream;
use futures::stream;
use kube::Resource;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::{broadcast, mpsc};

/// How many wake-ups a slow controller may lag behind before it looks at everything.
const WAKE_BUFFER: usize = 1024;

/// Wake-ups, for every controller that may be concerned.
pub struct Triggers {
    /// Connections whose dependants must look again.
    pub dependants: broadcast::Sender<ConnectionKey>,
    /// Connections that must be checked again.
    pub connections: broadcast::Sender<ConnectionKey>,
}

impl Triggers {
    /// Passes on what comes in through the channels.
    pub fn start(
        dependants: mpsc::UnboundedReceiver<ConnectionKey>,
        connections: mpsc::UnboundedReceiver<ConnectionKey>,
    ) -> Self {
        let triggers =
            Self { dependants: broadcast::Sender::new(WAKE_BUFFER), connections: broadcast::Sender::new(WAKE_BUFFER) };
        pass_on(dependants, triggers.dependants.clone());
        pass_on(connections, triggers.connections.clone());
        triggers
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

/// The connections as they are woken; `None` for wake-ups that were missed because too many came at once.
pub fn keys(triggers: &broadcast::Sender<ConnectionKey>) -> impl Stream<Item = Option<ConnectionKey>> + Send + use<> {
    stream::unfold(triggers.subscribe(), |mut receiver| async move {
        match receiver.recv().await {
            Ok(key) => Some((Some(key), receiver)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some((None, receiver)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    })
}

/// The connections that read this Secret.
pub fn users_of<K: ConnectionResource>(
    store: &Store<DeserializeGuard<K>>,
    secret: &str,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
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

/// The objects that name this connection; all when too many wake-ups came at once.
pub fn dependants_of<K: Managed>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |object| key.is_none_or(|key| object.connection() == *key))
}

/// The connection with this key, if it is of this kind.
pub fn connections_with<K: ConnectionResource>(
    store: &Store<DeserializeGuard<K>>,
    key: Option<&ConnectionKey>,
) -> Vec<ObjectRef<DeserializeGuard<K>>> {
    refs(store, |link| key.is_none_or(|key| link.key() == *key))
}

/// Whether the store holds a connection with this key, readable or not.
pub fn is_there<K: ConnectionResource>(store: &Store<DeserializeGuard<K>>, key: &ConnectionKey) -> bool {
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
