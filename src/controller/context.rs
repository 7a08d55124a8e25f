//! Carries what every reconcile needs: handed down, never global.
//!
//! This is the only place where the Kubernetes client, the state of this process and leadership meet.

use super::clock::Clock;
use super::k8s::events::Events;
use super::kinds::managed::Managed;
use super::leader::Leadership;
use super::queue::backoff::Backoffs;
use super::queue::permits::Permits;
use super::state::accounts::Accounts;
use super::state::approvals::Approvals;
use super::state::bounds::Bounds;
use super::state::claims::ClaimLocks;
use super::state::heartbeats::Heartbeats;
use super::state::memories::{self, Departed, Memories};
use super::state::observations::Observations;
use super::state::places::Places;
use super::state::records::Records;
use super::state::settling::Settling;
use super::state::stores::{StoreOf, Stores};
use super::state::written_tags::WrittenTags;
use super::{Error, Result, Settings};
use crate::api::ConnectionKey;
use crate::api::status::UpstreamRef;
use crate::engine::corrections::Corrections;
use crate::engine::deletions::Deletions;
use crate::engine::{OwnerTag, owner_tag};
use crate::metrics::Metrics;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::{Client, ResourceExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The dependencies that all controllers of the process share.
pub struct Shared {
    /// The client of the API server.
    pub client: Client,
    /// The operator's settings.
    pub settings: Settings,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The operator's metrics.
    pub metrics: Arc<Metrics>,
    /// Whether this process may write upstream.
    pub leadership: Leadership,
    /// Whether the controllers make progress.
    pub heartbeats: Arc<Heartbeats>,
    /// Publishes Kubernetes events.
    pub events: Events,
    /// The open upstream accounts.
    pub accounts: Accounts,
    /// The guardrails of the connections.
    pub bounds: Bounds,
    /// The approvals of changes.
    pub approvals: Approvals,
    /// Consecutive failures, by object.
    pub backoffs: Backoffs,
    /// When each object was last read and written.
    pub observations: Observations,
    /// The writes that reads may not show yet.
    pub settling: Settling,
    /// What each object recorded last.
    pub records: Records,
    /// Where each upstream object is, whatever status says.
    pub places: Places,
    /// The objects that went lately.
    pub departed: Departed,
    /// How often each field was corrected.
    pub corrections: Mutex<Corrections>,
    /// The recent deletions, by connection.
    pub deletions: Mutex<Deletions<ConnectionKey>>,
    /// Locks on upstream objects.
    pub claim_locks: ClaimLocks,
    /// The owner tags that reads may not show yet.
    pub written_tags: WrittenTags,
    /// The caches of the managed kinds.
    pub stores: Stores,
    /// Limits the concurrent reconciles of each connection.
    pub permits: Arc<Permits>,
    /// Identifies this cluster in owner tags.
    pub cluster_id: String,
}

impl Shared {
    /// Checks leadership: the fence before each request that writes upstream.
    pub fn fence(&self) -> Result<()> {
        if self.leadership.still_leads() || !self.settings.safeguards.fence { Ok(()) } else { Err(Error::NotLeading) }
    }

    /// Returns what this process remembers of each object.
    pub fn memories(&self) -> Memories<'_> {
        let Self { records, places, settling, observations, corrections, .. } = self;
        Memories { records, places, settling, observations, corrections }
    }

    /// Forgets an object that is gone. Returns the upstream object that it may have left.
    pub fn forget(&self, uid: &str, shown: Option<UpstreamRef>) -> Option<UpstreamRef> {
        self.departed.note(uid);
        self.backoffs.clear(uid);
        self.bounds.forget(uid);
        self.approvals.forget(uid);
        self.memories().forget(uid, shown)
    }

    /// Forgets once more what late reconciles wrote about objects that are gone.
    pub fn forget_departed(&self) {
        let forget = |uid: &str| {
            self.backoffs.clear(uid);
            self.approvals.forget(uid);
            self.memories().forget(uid, None);
        };
        self.departed.forget_again(memories::LATE, || self.stores.uids(), forget);
    }

    /// Locks the corrections. A count is valid at every moment, so a panic elsewhere does not spoil it.
    pub fn corrections(&self) -> MutexGuard<'_, Corrections> {
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the recent deletions, which are valid at every moment, too.
    pub fn deletions(&self) -> MutexGuard<'_, Deletions<ConnectionKey>> {
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the owner tag of an object of this cluster.
    #[must_use]
    pub fn owner_tag(&self, uid: &str) -> OwnerTag {
        OwnerTag::new(&self.cluster_id, uid)
    }

    /// Returns the uid in the text of an owner tag; `None` when the tag belongs to another cluster.
    #[must_use]
    pub fn uid_in<'t>(&self, owner_tag: &'t str) -> Option<&'t str> {
        owner_tag::uid_of(owner_tag, &self.cluster_id)
    }
}

/// The dependencies of the controller of one managed kind.
pub struct Context<K: Managed> {
    /// The dependencies that all controllers share.
    pub shared: Arc<Shared>,
    /// The cached objects that this controller reconciles.
    pub store: StoreOf<K>,
}

impl<K: Managed> Context<K> {
    /// Returns the fence before each upstream write for an object: this process leads, and the object has not got labels
    /// by which it belongs to another operator.
    pub fn fence(&self, object: &K) -> impl Fn() -> Result<()> + Send + Sync + use<K> {
        let (shared, store, uid) = (Arc::clone(&self.shared), self.store.clone(), object.uid());
        let reference = ObjectRef::<DeserializeGuard<K>>::new(&object.name_any());
        let reference = reference.within(&object.namespace().unwrap_or_default());
        move || {
            shared.fence()?;
            let is_watched = || store.get(&reference).is_some_and(|now| now.uid() == uid);
            if shared.settings.selector.selects_all() || is_watched() { Ok(()) } else { Err(Error::Stale) }
        }
    }
}
