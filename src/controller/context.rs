//! What every reconcile needs: handed down, never global.

use super::clock::Clock;
use super::k8s::events::Events;
use super::kinds::managed::Managed;
use super::leader::Leadership;
use super::policy::conflicts;
use super::queue::backoff::Backoffs;
use super::queue::permits::Permits;
use super::state::accounts::Accounts;
use super::state::claims::ClaimLocks;
use super::state::observations::Observations;
use super::state::stores::Stores;
use super::{Error, Result, Settings};
use crate::api::ConnectionKey;
use crate::engine::corrections::Corrections;
use crate::engine::deletions::Deletions;
use crate::engine::{OwnerTag, Ownership};
use crate::metrics::Metrics;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
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
    pub connections: Accounts,
    /// Failures in a row.
    pub backoffs: Backoffs,
    /// When objects were last written and looked at.
    pub observations: Observations,
    /// Which fields were corrected how often.
    pub corrections: Mutex<Corrections>,
    /// What was deleted lately.
    pub deletions: Mutex<Deletions<ConnectionKey>>,
    /// Which upstream objects are being looked at and perhaps written.
    pub claim_locks: ClaimLocks,
    /// The objects of the policy kinds.
    pub stores: Stores,
    /// Whose turn it is.
    pub permits: Arc<Permits>,
    /// Identifies this cluster in stamps.
    pub cluster_id: String,
}

impl Shared {
    /// The fence: stands before each request that writes upstream.
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
    pub fn owner_tag(&self, uid: &str) -> OwnerTag {
        OwnerTag::new(&self.cluster_id, uid)
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
    /// A stamp of this cluster is told by the object that it belongs to, as an object of this namespace
    /// may be told. One whose object exists no more binds nobody: what an orphaned object left behind
    /// may be taken over under the adoption policy.
    pub async fn judge(&self, owner: Ownership, here: &str) -> Ownership {
        let Ownership::ForeignTag(found_tag) = &owner else { return owner };
        let cluster = self.shared.cluster_id.as_str();
        let Some(uid) = found_tag.strip_prefix(cluster).and_then(|rest| rest.strip_prefix('/')) else {
            return owner;
        };
        match self.bearer(uid).await {
            Ok(Some(meta)) => {
                let (namespace, name) = (meta.namespace.unwrap_or_default(), meta.name.unwrap_or_default());
                Ownership::OtherObject(conflicts::called(K::KIND, &namespace, &name, here))
            }
            Ok(None) => Ownership::Untagged,
            // What cannot be seen counts as alive.
            Err(_) => owner,
        }
    }

    /// The object of this kind with this uid, anywhere in the cluster. One that is not in scope may
    /// be looked after by another operator of the cluster; where it may not be seen, that is an error.
    async fn bearer(&self, uid: &str) -> kube::Result<Option<ObjectMeta>> {
        let is = |meta: &ObjectMeta| meta.uid.as_deref() == Some(uid);
        let objects = K::stores(&self.shared.stores).iter().flat_map(Store::state);
        let known = objects.map(|object| object.meta().clone()).find(is);
        if known.is_some() || self.shared.settings.scope.is_empty() {
            return Ok(known);
        }
        let everywhere: Api<K> = Api::all(self.shared.client.clone());
        let list = everywhere.list_metadata(&ListParams::default()).await?;
        Ok(list.items.into_iter().map(|object| object.metadata).find(is))
    }
}
