//! What every reconcile needs: handed down, never global.

use super::backoff::Backoffs;
use super::clock::Clock;
use super::connections::{ConnectionKey, Connections};
use super::events::Events;
use super::leader::Leadership;
use super::look::Looks;
use super::managed::Managed;
use super::stores::Stores;
use super::{Error, Result, Settings};
use crate::engine::corrections::Corrections;
use crate::engine::deletions::Deletions;
use crate::engine::{Ownership, Stamp};
use crate::metrics::Metrics;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by every controller of the process.
pub struct Shared {
    /// The API server.
    pub client: Client,
    /// What the operator was told.
    pub settings: Settings,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Whether this process may write upstream.
    pub leadership: Leadership,
    /// Writes Kubernetes events.
    pub events: Events,
    /// The open upstream accounts.
    pub connections: Connections,
    /// Failures in a row.
    pub backoffs: Backoffs,
    /// When objects were last written and looked at.
    pub looks: Looks,
    /// Which fields were corrected how often.
    pub corrections: Mutex<Corrections>,
    /// What was deleted lately.
    pub deletions: Mutex<Deletions<ConnectionKey>>,
    /// The objects of the policy kinds.
    pub stores: Stores,
    /// Identifies this cluster in stamps.
    pub cluster_id: String,
}

impl Shared {
    /// The fence: stands before every upstream write.
    pub fn fence(&self) -> Result<()> {
        if self.leadership.still_leads() || !self.settings.safeguards.fence { Ok(()) } else { Err(Error::NotLeading) }
    }

    /// Which fields were corrected how often. A count is valid at every moment, so a panic elsewhere
    /// does not spoil it.
    pub fn corrections(&self) -> MutexGuard<'_, Corrections> {
        self.corrections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was deleted lately; valid at every moment, too.
    pub fn deletions(&self) -> MutexGuard<'_, Deletions<ConnectionKey>> {
        self.deletions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stamp of an object of this cluster.
    #[must_use]
    pub fn stamp(&self, uid: &str) -> Stamp {
        Stamp::new(&self.cluster_id, uid)
    }
}

/// What the controller of one policy kind needs.
pub struct Context<K: Managed> {
    /// What all controllers share.
    pub shared: Arc<Shared>,
    /// The objects of this kind.
    pub store: Store<DeserializeGuard<K>>,
}

impl<K: Managed> Context<K> {
    /// A stamp of this cluster whose object exists no more binds nobody: what an orphaned
    /// object left behind may be taken over under the adoption policy.
    pub async fn judge(&self, owner: Ownership) -> Ownership {
        let Ownership::Other(mark) = &owner else { return owner };
        let cluster = self.shared.cluster_id.as_str();
        let Some(uid) = mark.strip_prefix(cluster).and_then(|rest| rest.strip_prefix('/')) else {
            return owner;
        };
        if self.is_alive(uid).await { owner } else { Ownership::Unmarked }
    }

    /// Whether an object of this kind with this uid exists anywhere in the cluster. What cannot
    /// be seen counts as alive.
    async fn is_alive(&self, uid: &str) -> bool {
        if self.shared.settings.scope.is_empty() {
            return self.store.state().iter().any(|object| object.meta().uid.as_deref() == Some(uid));
        }
        let everywhere: Api<K> = Api::all(self.shared.client.clone());
        match everywhere.list_metadata(&ListParams::default()).await {
            Ok(list) => list.items.iter().any(|object| object.metadata.uid.as_deref() == Some(uid)),
            Err(_) => true,
        }
    }
}
