//! A mass deletion is most often a mistake: a wrong `kubectl delete --all`, a namespace too many, a
//! repository that rendered to nothing. What is more than the limit is held until a human confirms.
//!
//! Counted are the objects of one connection that were deleted upstream within the window and those
//! that wait for it now. The latter stand in Kubernetes, so a restart does not open the gate; and a
//! mass that is visible at once is held as a whole, not let through up to the limit. What was held
//! once stays held. What a human confirmed is not counted.

use super::orphan::OrphanReason;
use crate::api::ConnectionKey;
use crate::api::shared::ConnectionKind;
use crate::api::{CONFIRM_DELETE, ClusterConnection, Connection, FORCE_ORPHAN, NetworkPolicy, Policy, Reason};
use crate::controller::k8s::finalizer;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::engine::outcome::{Outcome, Requeue};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Api, Resource};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

/// How soon to look again while the objects are being listed.
const LISTED: Duration = Duration::from_millis(500);

/// What holds the deletion of this object, which would reach the upstream; `None` lets it through.
pub async fn holds<K: Managed>(this: &Reconciliation<'_, K>) -> Option<Outcome> {
    let shared = this.shared();
    let limit = shared.settings.delete_limit;
    if limit == 0 || this.object.has_annotation(CONFIRM_DELETE) {
        return None;
    }
    if this.ready_reason() == Some(Reason::DeleteHeld.as_str()) {
        return Some(held(this));
    }
    if !shared.stores.are_complete() {
        let message = "Waiting until all objects are known.";
        return Some(Outcome::working(Reason::Deleting, message, Requeue::After(LISTED)));
    }
    let key = this.object.connection();
    let mut waiting = waiting_uids::<Policy>(this, &key);
    waiting.extend(waiting_uids::<NetworkPolicy>(this, &key));
    // The store may lag behind the object at hand.
    waiting.insert(this.uid());
    let now = shared.clock.now();
    let count = shared.deletions().count(&key, &waiting, now);
    if count <= limit as usize {
        return None;
    }
    let news = shared.deletions().record_alarm(&key, now);
    if news {
        raise(this, &key, count).await;
    }
    Some(held(this))
}

/// Notes that an object was deleted upstream.
pub fn passed<K: Managed>(this: &Reconciliation<'_, K>) {
    if !this.object.has_annotation(CONFIRM_DELETE) {
        let shared = this.shared();
        shared.deletions().note(&this.object.connection(), &this.uid(), shared.clock.now());
    }
}

/// The objects of a kind whose deletion through this connection waits, by uid.
fn waiting_uids<K: Managed>(this: &Reconciliation<'_, impl Managed>, key: &ConnectionKey) -> BTreeSet<String> {
    let waits = |object: &K| {
        object.meta().deletion_timestamp.is_some()
            && finalizer::has(object)
            && object.connection() == *key
            && OrphanReason::wanted_by(object).is_none()
            && !object.has_annotation(CONFIRM_DELETE)
            && object.report().common.upstream.is_some()
    };
    this.shared().stores.collect(|object: &K| object.uid().filter(|_| waits(object))).into_iter().collect()
}

fn held<K: Managed>(this: &Reconciliation<'_, K>) -> Outcome {
    let settings = &this.shared().settings;
    let connection = &this.object.common().connection_ref;
    Outcome::refused(
        Reason::DeleteHeld,
        format!(
            "More than {} objects of {:?} {} are deleted within {} seconds, so this one is held until a human confirms: kubectl -n {} annotate {} {} {CONFIRM_DELETE}=true. To keep what is upstream, use {FORCE_ORPHAN}=true in its place.",
            settings.delete_limit,
            connection.kind,
            connection.name,
            settings.delete_window.as_secs(),
            this.namespace(),
            K::CRD,
            this.object.name_any(),
        ),
    )
}

/// Says it once for the connection.
async fn raise<K: Managed>(this: &Reconciliation<'_, K>, key: &ConnectionKey, count: usize) {
    let shared = this.shared();
    let limit = shared.settings.delete_limit;
    tracing::warn!(connection = %key, count, limit, "mass deletion: held until a human confirms");
    let about = match this.object.common().connection_ref.kind {
        ConnectionKind::Connection => {
            let api = Api::<Connection>::namespaced(shared.client.clone(), &this.namespace());
            reference(&api, &key.name).await
        }
        ConnectionKind::ClusterConnection => {
            reference(&Api::<ClusterConnection>::all(shared.client.clone()), &key.name).await
        }
    };
    if let Some(about) = about {
        let note = format!(
            "{count} objects of this connection are deleted, more than {limit}: what is not deleted yet is held until a human confirms. See the message of the objects."
        );
        shared.events.warning(&about, Reason::DeleteHeld.as_str(), &note).await;
    }
}

/// What an event about a connection speaks of; `None` when it is gone.
async fn reference<C>(api: &Api<C>, name: &str) -> Option<ObjectReference>
where
    C: Resource<DynamicType = ()> + Clone + Debug + serde::de::DeserializeOwned,
{
    let meta = api.get_metadata_opt(name).await.ok().flatten()?.metadata;
    Some(ObjectReference {
        api_version: Some(C::api_version(&()).into_owned()),
        kind: Some(C::kind(&()).into_owned()),
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        ..ObjectReference::default()
    })
}
