//! The open upstream accounts, one for each healthy connection, shared by all objects that
//! name it.
//!
//! The connection controllers put accounts in and out; the policy controllers resolve their
//! references here and make no call while a connection is not ready. The last good account of
//! an unhealthy connection is kept for deletions.

use crate::api::connection::AllowedNamespaces;
use crate::api::shared::{ConnectionKind, ConnectionRef};
use crate::api::{ClusterConnection, Connection, ConnectionKey, Reason};
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::queue::backoff::jitter;
use crate::engine::outcome::{Outcome, Requeue};
use crate::upstream::Account;
use kube::runtime::controller::Action;
use kube::{Api, Client};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How soon to look again at a connection that has not been checked since the start.
const UNCHECKED: Duration = Duration::from_millis(500);

/// How soon to look again at a connection that is being checked because it failed.
const IN_DOUBT: Duration = Duration::from_secs(2);

/// How a connection stands.
#[derive(Clone)]
pub enum Readiness {
    /// It can be used.
    Ready(Arc<Account>),
    /// It cannot.
    NotReady {
        /// The reason of its `Ready` condition.
        reason: Reason,
    },
}

#[derive(Clone)]
struct Slot {
    health: Readiness,
    last_good: Option<Arc<Account>>,
    allowed: AllowedNamespaces,
}

impl Slot {
    fn missing() -> Self {
        let health = Readiness::NotReady { reason: Reason::ConnectionNotFound };
        Self { health, last_good: None, allowed: AllowedNamespaces::default() }
    }

    fn exists(&self) -> bool {
        !matches!(self.health, Readiness::NotReady { reason: Reason::ConnectionNotFound })
    }
}

/// Why an object cannot use its connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    /// Nobody has looked at the connection yet: say nothing, come back soon.
    Unchecked,
    /// It failed several times in a row and is being checked: say nothing, come back when the verdict
    /// is there.
    InDoubt,
    /// The outcome to report.
    Back(Outcome),
}

impl Held {
    /// Reports it and says when to look again.
    pub async fn report<K: Managed>(self, case: &mut Reconciliation<'_, K>) -> Result<Action> {
        match self {
            Self::Unchecked => Ok(Action::requeue(UNCHECKED)),
            Self::InDoubt => Ok(Action::requeue(jitter(IN_DOUBT))),
            Self::Back(outcome) => case.finish(outcome).await,
        }
    }
}

/// Wakes what depends on a connection, or the connection itself.
#[derive(Clone)]
pub struct TriggerSenders {
    /// Takes connections whose dependants must look again.
    pub dependants: UnboundedSender<ConnectionKey>,
    /// Takes connections that must be checked again.
    pub connections: UnboundedSender<ConnectionKey>,
}

/// All known connections.
pub struct Accounts {
    slots: RwLock<HashMap<ConnectionKey, Slot>>,
    wakers: TriggerSenders,
    /// Whether `ClusterConnection`s are looked after.
    cluster: bool,
}

impl Accounts {
    /// Knows none yet, and will know `ClusterConnection`s only if `cluster`.
    #[must_use]
    pub fn new(wakers: TriggerSenders, cluster: bool) -> Self {
        Self { slots: RwLock::default(), wakers, cluster }
    }

    /// Makes sure that something is known of a connection that nobody has checked: after a
    /// start the policies may come first, and must not call a connection missing that is there.
    pub async fn ensure_known(&self, client: &Client, reference: &ConnectionRef, namespace: &str) -> Result<()> {
        let key = ConnectionKey::of(reference, namespace);
        if self.slot(&key).is_some() || self.is_out_of_sight(&key) {
            return Ok(());
        }
        let exists = match reference.kind {
            ConnectionKind::Connection => {
                Api::<Connection>::namespaced(client.clone(), namespace).get_metadata_opt(&key.name).await?.is_some()
            }
            ConnectionKind::ClusterConnection => {
                Api::<ClusterConnection>::all(client.clone()).get_metadata_opt(&key.name).await?.is_some()
            }
        };
        if !exists {
            // Unless its controller was faster: it knows better.
            self.slots().entry(key).or_insert_with(Slot::missing);
        }
        Ok(())
    }

    /// The account behind a reference, or why it cannot be used.
    pub fn resolve(&self, reference: &ConnectionRef, namespace: &str) -> std::result::Result<Arc<Account>, Held> {
        let key = ConnectionKey::of(reference, namespace);
        if self.is_out_of_sight(&key) {
            return Err(out_of_sight(&key));
        }
        let Some(slot) = self.slot(&key) else { return Err(Held::Unchecked) };
        if slot.exists() && !allows(&slot.allowed, &key, namespace) {
            return Err(back(
                Reason::NamespaceNotAllowed,
                format!(
                    "ClusterConnection {} does not list namespace {namespace} in spec.allowedNamespaces.",
                    key.name
                ),
            ));
        }
        match slot.health {
            Readiness::Ready(account) if account.is_tripped() => {
                self.recheck(reference, namespace);
                Err(Held::InDoubt)
            }
            Readiness::Ready(account) => Ok(account),
            Readiness::NotReady { reason: Reason::ConnectionNotFound } => Err(back(
                Reason::ConnectionNotFound,
                format!(
                    "{:?} {} does not exist. Create it, or correct spec.connectionRef in a new object.{}",
                    reference.kind,
                    key.name,
                    self.namesake(&key)
                ),
            )),
            Readiness::NotReady { reason } => Err(back(
                Reason::ConnectionNotReady,
                format!(
                    "{:?} {} is not ready ({}): its status says what to do. This object waits and makes no calls.",
                    reference.kind,
                    key.name,
                    reason.as_str()
                ),
            )),
        }
    }

    /// What is likely meant by a `Connection` that does not exist: the kind is easily left out.
    fn namesake(&self, key: &ConnectionKey) -> &'static str {
        let other = ConnectionKey { namespace: None, name: key.name.clone() };
        if key.namespace.is_some() && self.slot(&other).is_some_and(|slot| slot.exists()) {
            " A ClusterConnection of this name exists: spec.connectionRef.kind names that kind."
        } else {
            ""
        }
    }

    /// The account for a deletion: the last good one will do, for those who may use it.
    pub fn resolve_for_deletion(
        &self,
        reference: &ConnectionRef,
        namespace: &str,
    ) -> std::result::Result<Arc<Account>, Held> {
        let key = ConnectionKey::of(reference, namespace);
        let slot = self.slot(&key).filter(|slot| allows(&slot.allowed, &key, namespace));
        let last_good = slot.and_then(|slot| slot.last_good).filter(|account| !account.is_tripped());
        last_good.map_or_else(|| self.resolve(reference, namespace), Ok)
    }

    /// The account in use, when the connection is ready.
    pub fn ready(&self, key: &ConnectionKey) -> Option<Arc<Account>> {
        match self.slot(key)?.health {
            Readiness::Ready(account) => Some(account),
            Readiness::NotReady { .. } => None,
        }
    }

    /// The last account that worked, for what it says of itself.
    pub fn last_good(&self, key: &ConnectionKey) -> Option<Arc<Account>> {
        self.slot(key)?.last_good
    }

    /// Whether its account failed so often in a row that it is not used until a check succeeds.
    pub fn is_tripped(&self, reference: &ConnectionRef, namespace: &str) -> bool {
        let slot = self.slot(&ConnectionKey::of(reference, namespace));
        slot.and_then(|slot| slot.last_good).is_some_and(|account| account.is_tripped())
    }

    /// Notes how a connection stands and wakes its dependants when that changed. Returns the account
    /// in whose place another was put: objects that began with it may still use it.
    pub fn set(&self, key: &ConnectionKey, health: Readiness, allowed: AllowedNamespaces) -> Option<Arc<Account>> {
        let before = self.slot(key);
        let last_good = match &health {
            Readiness::Ready(account) => Some(Arc::clone(account)),
            Readiness::NotReady { .. } => before.as_ref().and_then(|slot| slot.last_good.clone()),
        };
        let changed = before.as_ref().is_none_or(|slot| slot.allowed != allowed || differs(&slot.health, &health));
        let former = before.and_then(|slot| slot.last_good);
        let replaced = former.filter(|former| last_good.as_ref().is_none_or(|now| !Arc::ptr_eq(former, now)));
        self.slots().insert(key.clone(), Slot { health, last_good, allowed });
        if changed {
            self.wake_dependants(key);
        }
        replaced
    }

    /// Notes that a connection does not exist any more. Who was allowed to use it may still delete
    /// through it.
    pub fn missing(&self, key: &ConnectionKey) {
        let allowed = self.slot(key).map(|slot| slot.allowed).unwrap_or_default();
        self.set(key, Slot::missing().health, allowed);
    }

    /// Has a connection checked again, now.
    pub fn recheck(&self, reference: &ConnectionRef, namespace: &str) {
        self.recheck_key(&ConnectionKey::of(reference, namespace));
    }

    /// The same, by key.
    pub fn recheck_key(&self, key: &ConnectionKey) {
        send(&self.wakers.connections, key);
    }

    fn wake_dependants(&self, key: &ConnectionKey) {
        send(&self.wakers.dependants, key);
    }

    /// Whether it is of a kind that is not looked after.
    fn is_out_of_sight(&self, key: &ConnectionKey) -> bool {
        key.namespace.is_none() && !self.cluster
    }

    fn slots(&self) -> RwLockWriteGuard<'_, HashMap<ConnectionKey, Slot>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &ConnectionKey) -> Option<Slot> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

fn send(waker: &UnboundedSender<ConnectionKey>, key: &ConnectionKey) {
    if waker.send(key.clone()).is_err() {
        tracing::debug!(connection = %key, "nobody to wake: shutting down");
    }
}

fn differs(a: &Readiness, b: &Readiness) -> bool {
    match (a, b) {
        (Readiness::Ready(a), Readiness::Ready(b)) => !Arc::ptr_eq(a, b),
        (Readiness::NotReady { reason: a }, Readiness::NotReady { reason: b }) => a != b,
        (Readiness::Ready(_), Readiness::NotReady { .. }) | (Readiness::NotReady { .. }, Readiness::Ready(_)) => true,
    }
}

/// Whether the objects of a namespace may use a connection.
pub fn allows(allowed: &AllowedNamespaces, key: &ConnectionKey, namespace: &str) -> bool {
    key.namespace.is_some() || allowed.all == Some(true) || allowed.names.iter().flatten().any(|name| name == namespace)
}

fn out_of_sight(key: &ConnectionKey) -> Held {
    back(
        Reason::ConnectionNotFound,
        format!(
            "ClusterConnection {} cannot be used: the operator looks after single namespaces (--watch-namespaces) and sees no ClusterConnections. Name a Connection of this namespace in a new object.",
            key.name
        ),
    )
}

fn back(reason: Reason, message: String) -> Held {
    Held::Back(Outcome::blocked(reason, message, Requeue::Slow))
}
