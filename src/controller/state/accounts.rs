//! Keeps the open upstream accounts: one for each ready connection, shared by all objects that name it.
//!
//! The connection controllers store accounts here. The policy controllers resolve their references here,
//! and make no call while a connection is not ready. The last good account of a connection that is not
//! ready is kept for deletions.

use crate::api::connection::AllowedNamespaces;
use crate::api::shared::ConnectionRef;
use crate::api::{ConnectionKey, Reason};
use crate::upstream::Account;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use tokio::sync::mpsc::UnboundedSender;

/// Whether a connection can be used.
#[derive(Clone)]
pub enum Readiness {
    /// It can be used, through this account.
    Ready(Arc<Account>),
    /// It cannot be used.
    NotReady {
        /// The reason of its `Ready` condition.
        reason: Reason,
    },
}

impl Readiness {
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ready(a), Self::Ready(b)) => !Arc::ptr_eq(a, b),
            (Self::NotReady { reason: a }, Self::NotReady { reason: b }) => a != b,
            (Self::Ready(_), Self::NotReady { .. }) | (Self::NotReady { .. }, Self::Ready(_)) => true,
        }
    }
}

#[derive(Clone)]
struct Slot {
    readiness: Readiness,
    last_good: Option<Arc<Account>>,
    allowed: AllowedNamespaces,
}

impl Slot {
    fn missing() -> Self {
        let readiness = Readiness::NotReady { reason: Reason::ConnectionNotFound };
        Self { readiness, last_good: None, allowed: AllowedNamespaces::default() }
    }

    fn exists(&self) -> bool {
        !matches!(self.readiness, Readiness::NotReady { reason: Reason::ConnectionNotFound })
    }
}

/// Why an object cannot use its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The connection has not been checked since the start.
    Unchecked,
    /// Its calls failed several times in a row, and it is being checked.
    InDoubt,
    /// It is a `ClusterConnection`, and this operator watches single namespaces only.
    NotWatched,
    /// It does not list the namespace of the object.
    NamespaceNotAllowed,
    /// It does not exist.
    NotFound {
        /// Whether a `ClusterConnection` of the same name exists: users easily leave out the kind.
        cluster_namesake: bool,
    },
    /// It is not ready, for this reason.
    NotReady(Reason),
}

/// Sends connections to the controllers that have to reconcile something for them.
#[derive(Clone)]
pub struct TriggerSenders {
    /// Takes connections whose dependents must be reconciled.
    pub dependents: UnboundedSender<ConnectionKey>,
    /// Takes connections that must be checked again.
    pub connections: UnboundedSender<ConnectionKey>,
}

/// The accounts of all known connections.
pub struct Accounts {
    slots: RwLock<HashMap<ConnectionKey, Slot>>,
    triggers: TriggerSenders,
    /// Whether the operator watches `ClusterConnection`s.
    watches_cluster: bool,
}

impl Accounts {
    /// Knows no connection yet.
    #[must_use]
    pub fn new(triggers: TriggerSenders, watches_cluster: bool) -> Self {
        Self { slots: RwLock::default(), triggers, watches_cluster }
    }

    /// Returns whether something is known of this connection, or never will be.
    #[must_use]
    pub fn is_settled(&self, key: &ConnectionKey) -> bool {
        self.slot(key).is_some() || !self.watches(key)
    }

    /// Records that a connection does not exist, unless its controller was faster: it knows better.
    pub fn record_absent(&self, key: ConnectionKey) {
        self.slots().entry(key).or_insert_with(Slot::missing);
    }

    /// Returns the account behind a reference, or why it is unavailable.
    pub fn resolve(&self, reference: &ConnectionRef, namespace: &str) -> Result<Arc<Account>, Unavailable> {
        let key = ConnectionKey::of(reference, namespace);
        if !self.watches(&key) {
            return Err(Unavailable::NotWatched);
        }
        let Some(slot) = self.slot(&key) else { return Err(Unavailable::Unchecked) };
        if slot.exists() && !allows(&slot.allowed, &key, namespace) {
            return Err(Unavailable::NamespaceNotAllowed);
        }
        match slot.readiness {
            Readiness::Ready(account) if account.is_tripped() => {
                self.recheck(&key);
                Err(Unavailable::InDoubt)
            }
            Readiness::Ready(account) => Ok(account),
            Readiness::NotReady { reason: Reason::ConnectionNotFound } => {
                Err(Unavailable::NotFound { cluster_namesake: self.has_cluster_namesake(&key) })
            }
            Readiness::NotReady { reason } => Err(Unavailable::NotReady(reason)),
        }
    }

    /// Returns the account for a deletion: the last good one suffices for objects that may use it.
    pub fn resolve_for_deletion(
        &self,
        reference: &ConnectionRef,
        namespace: &str,
    ) -> Result<Arc<Account>, Unavailable> {
        let key = ConnectionKey::of(reference, namespace);
        let slot = self.slot(&key).filter(|slot| allows(&slot.allowed, &key, namespace));
        let last_good = slot.and_then(|slot| slot.last_good).filter(|account| !account.is_tripped());
        last_good.map_or_else(|| self.resolve(reference, namespace), Ok)
    }

    /// Returns the account in use while the connection is ready.
    pub fn ready(&self, key: &ConnectionKey) -> Option<Arc<Account>> {
        match self.slot(key)?.readiness {
            Readiness::Ready(account) => Some(account),
            Readiness::NotReady { .. } => None,
        }
    }

    /// Returns the last account that worked.
    pub fn last_good(&self, key: &ConnectionKey) -> Option<Arc<Account>> {
        self.slot(key)?.last_good
    }

    /// Returns whether the circuit breaker of the account is open: only probes are sent.
    pub fn is_tripped(&self, key: &ConnectionKey) -> bool {
        self.last_good(key).is_some_and(|account| account.is_tripped())
    }

    /// Stores the readiness of a connection and triggers its dependents if it changed. Returns the account
    /// that another one replaced: reconciles that began with it may still use it.
    pub fn set(&self, key: &ConnectionKey, readiness: Readiness, allowed: AllowedNamespaces) -> Option<Arc<Account>> {
        let before = self.slot(key);
        let last_good = match &readiness {
            Readiness::Ready(account) => Some(Arc::clone(account)),
            Readiness::NotReady { .. } => before.as_ref().and_then(|slot| slot.last_good.clone()),
        };
        let changed = |slot: &Slot| slot.allowed != allowed || slot.readiness.differs(&readiness);
        let changed = before.as_ref().is_none_or(changed);
        let former = before.and_then(|slot| slot.last_good);
        let replaced = former.filter(|former| last_good.as_ref().is_none_or(|now| !Arc::ptr_eq(former, now)));
        self.slots().insert(key.clone(), Slot { readiness, last_good, allowed });
        if changed {
            send(&self.triggers.dependents, key);
        }
        replaced
    }

    /// Stores that a connection was deleted. Objects that were allowed to use it may still delete through it.
    pub fn set_missing(&self, key: &ConnectionKey) {
        let allowed = self.slot(key).map(|slot| slot.allowed).unwrap_or_default();
        self.set(key, Slot::missing().readiness, allowed);
    }

    /// Triggers a check of the connection now.
    pub fn recheck(&self, key: &ConnectionKey) {
        send(&self.triggers.connections, key);
    }

    fn watches(&self, key: &ConnectionKey) -> bool {
        key.namespace.is_some() || self.watches_cluster
    }

    fn has_cluster_namesake(&self, key: &ConnectionKey) -> bool {
        let other = ConnectionKey { namespace: None, name: key.name.clone() };
        key.namespace.is_some() && self.slot(&other).is_some_and(|slot| slot.exists())
    }

    fn slots(&self) -> RwLockWriteGuard<'_, HashMap<ConnectionKey, Slot>> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &ConnectionKey) -> Option<Slot> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// Returns whether the objects of a namespace may use a connection.
#[must_use]
pub fn allows(allowed: &AllowedNamespaces, key: &ConnectionKey, namespace: &str) -> bool {
    key.namespace.is_some() || allowed.all == Some(true) || allowed.names.iter().flatten().any(|name| name == namespace)
}

fn send(trigger: &UnboundedSender<ConnectionKey>, key: &ConnectionKey) {
    if trigger.send(key.clone()).is_err() {
        tracing::debug!(connection = %key, "trigger dropped: controllers have stopped");
    }
}
