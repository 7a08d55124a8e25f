//! Keeps the open upstream accounts: one for each ready connection, shared by all objects that name it.
//!
//! The connection controllers store accounts here. The policy controllers resolve their references here,
//! and make no call while a connection is not ready. The last good account of a connection that is not
//! ready is kept for deletions. If the connection was deleted while objects used it, only these objects may
//! delete through its account, and the last of them takes the account with it: a later connection of the same
//! name, and its objects, may belong to another team.

use crate::api::connection::AllowedNamespaces;
use crate::api::shared::ConnectionRef;
use crate::api::{ConnectionKey, Reason};
use crate::upstream::Account;
use std::collections::{BTreeSet, HashMap};
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

/// The account of a connection that was deleted while objects used it.
#[derive(Clone)]
struct Former {
    account: Arc<Account>,
    allowed: AllowedNamespaces,
    /// The uids of the objects that used it.
    users: BTreeSet<String>,
}

#[derive(Clone)]
struct Slot {
    /// The uid of the connection; empty if it does not exist.
    uid: String,
    readiness: Readiness,
    last_good: Option<Arc<Account>>,
    allowed: AllowedNamespaces,
    former: Option<Former>,
    /// Whether a call failed since the last probe, so that another one is wanted.
    probe_wanted: bool,
}

impl Slot {
    fn missing() -> Self {
        let readiness = Readiness::NotReady { reason: Reason::ConnectionNotFound };
        let allowed = AllowedNamespaces::default();
        Self { uid: String::new(), readiness, last_good: None, allowed, former: None, probe_wanted: false }
    }

    /// Returns what is left of the slot for these objects once its connection is gone.
    fn bequeath(self, users: BTreeSet<String>) -> Option<Former> {
        let allowed = self.allowed;
        let former = self.last_good.map(|account| Former { account, allowed, users }).or(self.former);
        former.filter(|former| !former.users.is_empty())
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

    /// Returns the account for a deletion: the last good one suffices for objects that may use it, and that of a
    /// deleted connection for the objects that used it.
    pub fn resolve_for_deletion(
        &self,
        reference: &ConnectionRef,
        namespace: &str,
        uid: &str,
    ) -> Result<Arc<Account>, Unavailable> {
        let key = ConnectionKey::of(reference, namespace);
        let slot = self.slot(&key);
        let last_good = slot.as_ref().filter(|slot| allows(&slot.allowed, &key, namespace));
        let last_good = last_good.and_then(|slot| slot.last_good.clone());
        let former = slot.and_then(|slot| slot.former).filter(|former| former.users.contains(uid));
        let former = former.filter(|former| allows(&former.allowed, &key, namespace)).map(|former| former.account);
        let usable = last_good.or(former).filter(|account| !account.is_tripped());
        usable.map_or_else(|| self.resolve(reference, namespace), Ok)
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

    /// Stores the readiness of the connection with this uid and triggers its dependents if it changed. Returns the
    /// account that another one replaced: reconciles that began with it may still use it. `users` returns the
    /// uids of its dependents, in case a connection of this name was deleted and made again unseen.
    pub fn set(
        &self,
        key: &ConnectionKey,
        uid: &str,
        users: impl FnOnce() -> BTreeSet<String>,
        readiness: Readiness,
        allowed: AllowedNamespaces,
    ) -> Option<Arc<Account>> {
        let before = self.slot(key);
        let (mut last_good, mut former) = (None, None);
        let probe_wanted = before.as_ref().is_some_and(|slot| slot.probe_wanted);
        let replaceable = before.as_ref().and_then(|slot| slot.last_good.clone());
        let changed = |slot: &Slot| slot.allowed != allowed || slot.readiness.differs(&readiness);
        let changed = before.as_ref().is_none_or(changed);
        match before {
            Some(slot) if slot.uid == uid || slot.uid.is_empty() => (last_good, former) = (slot.last_good, slot.former),
            Some(slot) => former = slot.bequeath(users()),
            None => {}
        }
        if let Readiness::Ready(account) = &readiness {
            last_good = Some(Arc::clone(account));
        }
        let replaced = replaceable.filter(|old| last_good.as_ref().is_none_or(|now| !Arc::ptr_eq(old, now)));
        self.slots()
            .insert(key.clone(), Slot { uid: uid.to_owned(), readiness, last_good, allowed, former, probe_wanted });
        if changed {
            send(&self.triggers.dependents, key);
        }
        replaced
    }

    /// Stores that a connection is gone. The objects with these uids may still delete through its account.
    pub fn set_missing(&self, key: &ConnectionKey, users: BTreeSet<String>) {
        let former = self.slot(key).and_then(|slot| slot.bequeath(users));
        self.slots().insert(key.clone(), Slot { former, ..Slot::missing() });
        send(&self.triggers.dependents, key);
    }

    /// Forgets connections that do not exist and that no object names, and the accounts of deleted connections
    /// whose last user is gone.
    pub fn prune(&self, is_used: impl Fn(&ConnectionKey) -> bool, users: impl Fn(&ConnectionKey) -> BTreeSet<String>) {
        self.slots().retain(|key, slot| {
            if let Some(former) = &mut slot.former {
                let left = users(key);
                former.users.retain(|uid| left.contains(uid));
            }
            slot.former.take_if(|former| former.users.is_empty());
            slot.exists() || slot.former.is_some() || is_used(key)
        });
    }

    /// Returns how many accounts are kept open, and of how many connections something is known.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let open = |slot: &Slot| usize::from(slot.last_good.is_some()) + usize::from(slot.former.is_some());
        (slots.values().map(open).sum(), slots.len())
    }

    /// Triggers a check of the connection now, with a probe.
    pub fn recheck(&self, key: &ConnectionKey) {
        if let Some(slot) = self.slots().get_mut(key) {
            slot.probe_wanted = true;
        }
        send(&self.triggers.connections, key);
    }

    /// Returns whether a probe is wanted since the last call.
    pub fn take_recheck(&self, key: &ConnectionKey) -> bool {
        self.slots().get_mut(key).is_some_and(|slot| std::mem::take(&mut slot.probe_wanted))
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

#[cfg(test)]
mod tests;
