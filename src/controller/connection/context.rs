//! Carries what the controller of one connection kind needs.

use crate::api::ConnectionKey;
use crate::api::connection::AllowedNamespaces;
use crate::controller::context::Shared;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::state::accounts::Readiness;
use crate::upstream::Account;
use kube::Api;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Returns the API that an object of the kind lives in.
pub type ApiOf<K> = fn(kube::Client, &K) -> Api<K>;

/// The account that was probed last. It is kept when the probe fails: its rate limit and circuit breaker are
/// those of the upstream, and no retry may reset them.
pub(super) struct Opened {
    pub account: Arc<Account>,
    /// Identifies the spec and the Secrets that it was opened from.
    pub fingerprint: String,
    /// When the upstream accepted the last probe.
    pub probed: Option<Instant>,
}

/// The account in use, and what it was opened from.
#[derive(Clone)]
pub(super) struct InUse {
    pub account: Arc<Account>,
    /// The spec, as JSON.
    pub spec: String,
    /// The version of the Secrets.
    pub version: String,
}

/// What is known of one connection.
#[derive(Default)]
struct Known {
    /// The account that was probed last.
    opened: Option<Opened>,
    /// The account that worked last.
    in_use: Option<InUse>,
}

impl Opened {
    /// Returns the account if it was opened from this.
    fn account_of(&self, fingerprint: &str) -> Option<Arc<Account>> {
        (self.fingerprint == fingerprint).then(|| Arc::clone(&self.account))
    }
}

/// The dependencies of the controller of one connection kind.
pub struct Context<K: ConnectionResource> {
    /// The dependencies that all controllers share.
    pub shared: Arc<Shared>,
    api: ApiOf<K>,
    /// The connections that were reconciled, each with its accounts.
    known: Mutex<HashMap<ConnectionKey, Known>>,
}

impl<K: ConnectionResource> Context<K> {
    /// Knows no connection yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>, api: ApiOf<K>) -> Self {
        Self { shared, api, known: Mutex::default() }
    }

    /// Returns the API that the object lives in.
    pub fn api(&self, object: &K) -> Api<K> {
        (self.api)(self.shared.client.clone(), object)
    }

    /// Returns whether this operator writes the status and the finalizer of the connection. Beside others, the operator
    /// whose selector matches the connection does; the others only check it.
    pub(super) fn maintains(&self, object: &K) -> bool {
        self.shared.settings.selector.matches(object.meta())
    }

    /// Records that the connection exists.
    pub(super) fn observe(&self, key: &ConnectionKey) {
        self.known().entry(key.clone()).or_default();
    }

    /// Records that the connection is being released.
    pub(super) fn forget(&self, key: &ConnectionKey) {
        // It is deleted in order, so nothing is left to delete through it.
        self.shared.accounts.set_missing(key, BTreeSet::new());
        self.known().remove(key);
        self.shared.bounds.retain(|known| known != key);
    }

    /// Returns the account that was opened from the same spec and Secrets.
    pub(super) fn opened(&self, key: &ConnectionKey, fingerprint: &str) -> Option<Arc<Account>> {
        self.known().get(key)?.opened.as_ref()?.account_of(fingerprint)
    }

    /// Records the account that is probed next, unless the connection was deleted meanwhile.
    pub(super) fn record_opened(&self, key: &ConnectionKey, opened: Opened) {
        if let Some(known) = self.known().get_mut(key) {
            known.opened = Some(opened);
        }
    }

    /// Records that the upstream accepted a probe of the account that was opened last.
    pub(super) fn record_probed(&self, key: &ConnectionKey) {
        if let Some(opened) = self.known().get_mut(key).and_then(|known| known.opened.as_mut()) {
            opened.probed = Some(Instant::now());
        }
    }

    /// Returns whether the upstream accepted a probe of the same spec and Secrets not longer than `age` ago.
    pub(super) fn is_probed(&self, key: &ConnectionKey, fingerprint: &str, age: Duration) -> bool {
        let known = self.known();
        let opened = known.get(key).and_then(|known| known.opened.as_ref());
        opened
            .filter(|opened| opened.fingerprint == fingerprint)
            .and_then(|opened| opened.probed)
            .is_some_and(|probed| probed.elapsed() < age)
    }

    /// Records the account that works.
    pub(super) fn record_in_use(&self, key: &ConnectionKey, in_use: InUse) {
        if let Some(known) = self.known().get_mut(key) {
            known.in_use = Some(in_use);
        }
    }

    /// Forgets the account that worked last: its Secret is gone.
    pub(super) fn forget_in_use(&self, key: &ConnectionKey) {
        if let Some(known) = self.known().get_mut(key) {
            known.in_use = None;
        }
    }

    /// Returns the account that worked last.
    pub(super) fn in_use(&self, key: &ConnectionKey) -> Option<InUse> {
        self.known().get(key)?.in_use.clone()
    }

    /// Stores the result of a check and returns the account that it replaced. A connection that was deleted
    /// while it was checked stays deleted.
    pub(super) fn replace_account(
        &self,
        key: &ConnectionKey,
        uid: &str,
        readiness: Readiness,
        allowed: AllowedNamespaces,
    ) -> Option<Arc<Account>> {
        let known = self.known();
        if !known.contains_key(key) {
            return None;
        }
        let users = || self.shared.stores.users(key);
        self.shared.accounts.set(key, uid, users, readiness, allowed)
    }

    /// Forgets connections that do not exist any more although this operator did not release them: another writer removed the
    /// finalizer, or the operator that maintains them released them.
    pub fn forget_unless(&self, exists: impl Fn(&ConnectionKey) -> bool) {
        let mut known = self.known();
        for (gone, _) in known.extract_if(|key, _| !exists(key)) {
            let users = self.shared.stores.users(&gone);
            if !users.is_empty() {
                tracing::warn!(connection = %gone, "connection deleted while objects use it");
            }
            // The account first: without guardrails it would be open to everything.
            self.shared.accounts.set_missing(&gone, users);
            self.shared.bounds.retain(|known| *known != gone);
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ConnectionKey, Known>> {
        // Each entry is valid at every moment, so a panic elsewhere does not spoil it.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
