//! Keeps the objects of one controller that wait for a permit of their connection.
//!
//! The runtime keeps a slot for each reconcile that is under way, and looks at all slots whenever one of them moves. So
//! an object that waits takes no slot: its reconcile ends at once, and the object waits here. [`Waiting::granted`] triggers
//! its reconcile again once it has a permit, and [`Waiting::begin`] hands the permit to that reconcile. An object waits
//! once at a time, and changes that come meanwhile lead to no further reconcile: the one that follows the grant reads
//! the object as it is by then.
//!
//! A permit is never lost: a grant that its object does not take, because the object is gone or names another connection,
//! is dropped, and the permit goes to the next object.

use crate::api::ConnectionKey;
use crate::controller::queue::permits::Permit;
use crate::controller::state::heartbeats::Attempt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, Stream, StreamExt, poll_fn};
use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// Permits one reconcile of one object, until it is dropped.
pub struct Grant {
    attempt: Attempt,
    /// The connection that the object named when it began to wait, with its permit.
    permit: Option<(ConnectionKey, Permit)>,
}

impl Grant {
    /// Returns the grant of an object that needs no permit.
    pub const fn without_permit(attempt: Attempt) -> Self {
        Self { attempt, permit: None }
    }

    /// Returns the grant of an object that got a permit of this connection.
    pub const fn with_permit(attempt: Attempt, connection: ConnectionKey, permit: Permit) -> Self {
        Self { attempt, permit: Some((connection, permit)) }
    }

    fn is_for(&self, connection: &ConnectionKey) -> bool {
        self.permit.as_ref().is_some_and(|(key, _)| key == connection)
    }

    /// Records that the reconcile begins.
    pub fn begin(mut self) -> Self {
        self.attempt.begin();
        self
    }
}

/// Waits for a grant; `None` if the object names another connection meanwhile.
pub type Wait = BoxFuture<'static, Option<Grant>>;

/// The namespace and the name of an object.
type Name = (Option<String>, String);

/// An object that begins to wait.
struct Entering<K: Resource<DynamicType = ()>> {
    object: ObjectRef<K>,
    wait: Wait,
}

/// The objects of one controller that wait, and the grants that their next reconciles take.
pub struct Waiting<K: Resource<DynamicType = ()>> {
    state: Mutex<State>,
    entering: UnboundedSender<Entering<K>>,
}

#[derive(Default)]
struct State {
    waiting: HashSet<Name>,
    granted: HashMap<Name, Grant>,
}

/// Receives the objects that begin to wait.
pub struct Entrance<K: Resource<DynamicType = ()>>(UnboundedReceiver<Entering<K>>);

impl<K: Resource<DynamicType = ()> + 'static> Waiting<K> {
    /// Starts without objects.
    pub fn new() -> (Arc<Self>, Entrance<K>) {
        let (entering, entrance) = mpsc::unbounded_channel();
        (Arc::new(Self { state: Mutex::default(), entering }), Entrance(entrance))
    }

    /// Returns the grant of an object that uses this connection: the one that it waited for, or the one that `wait`
    /// returns at once. Otherwise the object waits, and the answer is `None`.
    pub fn begin(
        &self,
        object: ObjectRef<K>,
        connection: &ConnectionKey,
        wait: impl FnOnce() -> Wait,
    ) -> Option<Grant> {
        // An object that names another connection by now waits for that one.
        let granted = self.take_grant(&object).filter(|grant| grant.is_for(connection));
        if granted.is_some() || self.lock().waiting.contains(&name(&object)) {
            return granted;
        }
        let mut wait = wait();
        if let Some(grant) = (&mut wait).now_or_never() {
            return grant;
        }
        self.lock().waiting.insert(name(&object));
        // The receiver ends with the controller.
        let _ = self.entering.send(Entering { object, wait });
        None
    }

    /// Triggers the reconcile of each object that waited, once it has its grant or names another connection. Drops the
    /// grant of an object that does not exist any more.
    pub fn granted<E: Fn(&ObjectRef<K>) -> bool + Send>(
        self: &Arc<Self>,
        Entrance(mut entrance): Entrance<K>,
        exists: E,
    ) -> impl Stream<Item = ObjectRef<K>> + Send + use<K, E> {
        let (waiting, mut waits) = (Arc::clone(self), FuturesUnordered::new());
        poll_fn(move |cx: &mut Context<'_>| {
            loop {
                while let Poll::Ready(Some(Entering { object, wait })) = entrance.poll_recv(cx) {
                    waits.push(wait.map(|grant| (object, grant)));
                }
                let Poll::Ready(Some((object, grant))) = waits.poll_next_unpin(cx) else { return Poll::Pending };
                let exists = exists(&object);
                waiting.grant(name(&object), grant.filter(|_| exists));
                if exists {
                    return Poll::Ready(Some(object));
                }
            }
        })
    }

    /// Takes its grant from an object, for example because the runtime does not find the object any more.
    pub fn take_grant<O: Resource>(&self, object: &ObjectRef<O>) -> Option<Grant>
    where
        O::DynamicType: std::hash::Hash + Eq,
    {
        self.lock().granted.remove(&name(object))
    }

    fn grant(&self, name: Name, grant: Option<Grant>) {
        let mut state = self.lock();
        state.waiting.remove(&name);
        if let Some(grant) = grant {
            state.granted.insert(name, grant);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name<K: Resource>(object: &ObjectRef<K>) -> Name
where
    K::DynamicType: std::hash::Hash + Eq,
{
    (object.namespace.clone(), object.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::queue::permits::{Applicant, Permits};
    use crate::controller::state::heartbeats::Heartbeats;
    use crate::upstream::Priority;
    use futures::poll;
    use k8s_openapi::api::core::v1::ConfigMap;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn key(connection: &str) -> ConnectionKey {
        ConnectionKey { namespace: None, name: connection.to_owned() }
    }

    fn object(name: &str) -> ObjectRef<ConfigMap> {
        ObjectRef::new(name).within("team")
    }

    /// The waiting objects of a controller, whose connections have one permit each.
    struct Controller {
        permits: Arc<Permits>,
        waiting: Arc<Waiting<ConfigMap>>,
        heartbeats: Arc<Heartbeats>,
    }

    impl Controller {
        fn new() -> (Self, Entrance<ConfigMap>) {
            let (waiting, entrance) = Waiting::new();
            (Self { permits: Permits::new(1), waiting, heartbeats: Arc::default() }, entrance)
        }

        fn begin(&self, name: &'static str, connection: &str) -> Option<Grant> {
            let (connection, permits) = (key(connection), Arc::clone(&self.permits));
            let attempt = self.heartbeats.arrived("ConfigMap", name, Some(&connection));
            let named = connection.clone();
            self.waiting.begin(object(name), &named, || {
                async move {
                    let applicant = Applicant { connection: &connection, namespace: "team", uid: name };
                    let permit = permits.acquire(applicant, Priority::Creation).await?;
                    Some(Grant::with_permit(attempt, connection, permit))
                }
                .boxed()
            })
        }

        fn queued(&self, connection: &str) -> usize {
            self.permits.waiting(&key(connection))
        }
    }

    #[tokio::test]
    async fn object_waits_once_and_is_triggered_once_it_has_a_permit() {
        let (controller, entrance) = Controller::new();
        let mut granted = Box::pin(controller.waiting.granted(entrance, |_| true));
        let first = controller.begin("a", "c").unwrap();
        for _ in 0..3 {
            assert!(controller.begin("b", "c").is_none());
            assert!(poll!(granted.next()).is_pending());
        }
        assert_eq!(controller.queued("c"), 1);
        drop(first);
        assert_eq!(granted.next().await, Some(object("b")));
        let second = controller.begin("b", "c");
        assert!(second.is_some(), "its permit was granted");
        assert!(controller.begin("a", "c").is_none(), "the permit is in use");
        drop(second);
        assert_eq!(granted.next().await, Some(object("a")));
    }

    #[tokio::test]
    async fn permit_of_missing_object_goes_to_the_next_one() {
        let (controller, entrance) = Controller::new();
        let exists = Arc::new(AtomicBool::new(true));
        let shows = Arc::clone(&exists);
        let mut granted = Box::pin(controller.waiting.granted(entrance, move |_| shows.load(Ordering::SeqCst)));
        let first = controller.begin("a", "c").unwrap();
        assert!(controller.begin("b", "c").is_none());
        exists.store(false, Ordering::SeqCst);
        drop(first);
        assert!(poll!(granted.next()).is_pending(), "an object that is gone is not triggered");
        let second = controller.begin("d", "c").unwrap();
        exists.store(true, Ordering::SeqCst);
        assert!(controller.begin("b", "c").is_none(), "it waits anew");
        drop(second);
        assert_eq!(granted.next().await, Some(object("b")));
        // The runtime does not find the object: it went after it was triggered.
        drop(controller.waiting.take_grant(&object("b")));
        assert!(controller.begin("d", "c").is_some());
    }

    #[tokio::test]
    async fn permit_of_moved_object_goes_to_the_next_one() {
        let (controller, entrance) = Controller::new();
        let mut granted = Box::pin(controller.waiting.granted(entrance, |_| true));
        let first = controller.begin("a", "c").unwrap();
        let other = controller.begin("x", "d").unwrap();
        assert!(controller.begin("b", "c").is_none());
        drop(first);
        assert_eq!(granted.next().await, Some(object("b")));
        assert!(controller.begin("b", "d").is_none(), "the grant is of another connection");
        assert!(controller.begin("e", "c").is_some(), "whose permit is free again");
        drop(other);
        assert_eq!(granted.next().await, Some(object("b")));
    }

    #[tokio::test]
    async fn object_that_moves_while_it_waits_is_triggered() {
        let (controller, entrance) = Controller::new();
        let mut granted = Box::pin(controller.waiting.granted(entrance, |_| true));
        let _first = controller.begin("a", "c").unwrap();
        assert!(controller.begin("b", "c").is_none());
        let moved = Applicant { connection: &key("d"), namespace: "team", uid: "b" };
        controller.permits.raise_priority(moved, Priority::Change);
        assert_eq!(granted.next().await, Some(object("b")));
        assert!(controller.begin("b", "d").is_some());
    }
}
