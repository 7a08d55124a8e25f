//! Reports the upstream object of an object that is gone although this process did not let it go: another writer
//! removed the finalizer. The operator leaves the upstream object in place, because the finalizer was removed on
//! purpose or by a restore that brings the object back.
//!
//! A watch with a selector also shows an object as gone that got other labels. It belongs to another operator from then
//! on, so the API server is asked at once: the other operator may let the object go a moment later.

use crate::api::Reason;
use crate::api::shared::ConnectionRef;
use crate::api::status::UpstreamRef;
use crate::controller::context::Shared;
use crate::controller::k8s::{connection_metadata, metadata};
use crate::controller::kinds::managed::Managed;
use crate::engine::{ExternalDeleter, OrphanReason, Ownership, Result};
use crate::upstream::{Priority, registry};
use kube::Api;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a reconcile under way, or the writes of a former leader, may take to finish.
const SETTLE: Duration = Duration::from_secs(2);

/// How much later than the first the second look at a new object is.
const LATE_LOOK: u32 = 4;

/// What this process knows of the upstream object of an object that is gone.
pub struct Trace {
    /// What it recorded. Others may have written it into status.
    pub record: UpstreamRef,
    /// Where the operator recorded it; `None` if it did not, and the connection of the spec reaches it.
    pub place: Option<UpstreamRef>,
    /// The id that is proven.
    pub proven: Option<String>,
}

/// What is left of the object upstream.
enum Left {
    Nothing,
    /// These ids, at this endpoint.
    Objects(String, String),
    /// The operator could not look.
    Unknown,
}

/// What to look for.
struct Search {
    /// Whether people may have renamed the object: this process does not know its id.
    may_be_renamed: bool,
    /// Whether the user asked to leave the object. A former leader may have let it go: then only its owner tag tells
    /// that it stays.
    is_released: bool,
}

impl Search {
    async fn find(&self, record: &UpstreamRef, deleter: &dyn ExternalDeleter) -> Result<Vec<(String, Ownership)>> {
        let is_left =
            |owner: &Ownership| if self.is_released { *owner == Ownership::Ours } else { owner.may_be_ours() };
        let mut found = deleter.find_left(record.id.as_deref(), &record.key).await?;
        found.retain(|(_, owner)| is_left(owner));
        if found.is_empty() && self.may_be_renamed {
            found.extend(deleter.find_tagged(Instant::now()).await?);
        }
        Ok(found)
    }
}

/// Returns whether the upstream object may have been written within this time: the write of status that records it may
/// have failed.
fn wrote_within<K: Managed>(shared: &Shared, object: &K, limit: Duration) -> bool {
    let age = object.common_status().last_write().map(|written| shared.clock.now().duration_since(written));
    age.is_none_or(|age| Duration::try_from(age).map_or(true, |age| age < limit))
}

/// Looks for the upstream object, and warns if it is still there.
pub async fn report<K: Managed>(shared: Arc<Shared>, object: K, trace: Trace) {
    let reason = object.orphan_reason().filter(|_| object.is_deleted());
    if reason == Some(OrphanReason::Observed) {
        return;
    }
    if !shared.settings.selector.selects_all() && exists(&shared, &object).await {
        return;
    }
    let Trace { record, place, proven } = &trace;
    let search = Search { may_be_renamed: proven.is_none(), is_released: reason.is_some() };
    for pause in pauses(&shared, &object, record) {
        tokio::time::sleep(pause).await;
        if !shared.leadership.still_leads() || exists(&shared, &object).await {
            return;
        }
        for at in records(&object, record, place.as_ref()) {
            let left = look(&shared, &object, &at, &search).await;
            if search.is_released && !matches!(left, Left::Objects(..)) {
                continue;
            }
            if tell(&shared, &object, &at, proven.as_deref(), left).await {
                return;
            }
        }
    }
}

/// Returns how long to wait before each look. A create without an id may still take effect, and reads may not show a new
/// object yet. No user waits for the report, so a second look comes late.
fn pauses<K: Managed>(shared: &Shared, object: &K, record: &UpstreamRef) -> Vec<Duration> {
    let grace = SETTLE.max(shared.settings.create_grace);
    if record.id.is_none() || wrote_within(shared, object, grace) {
        vec![grace, grace * LATE_LOOK]
    } else if wrote_within(shared, object, grace * LATE_LOOK) {
        vec![SETTLE, grace * LATE_LOOK]
    } else {
        vec![SETTLE]
    }
}

/// Returns where to look: the recorded place, and that of the spec if it is another one. Both may be forged. The
/// connection in status is never followed.
fn records<K: Managed>(object: &K, record: &UpstreamRef, place: Option<&UpstreamRef>) -> Vec<UpstreamRef> {
    let identity = registry::identity(object.desired());
    let mut of_spec = UpstreamRef { connection: object.common().connection_ref.clone(), ..record.clone() };
    if let Some(place) = place.filter(|place| place.connection == of_spec.connection) {
        of_spec.endpoint.clone_from(&place.endpoint);
    }
    if let Some(identity) = identity {
        identity.system.clone_into(&mut of_spec.system);
        if let Some((_, name)) = identity.name {
            name.clone_into(&mut of_spec.key);
        }
    }
    let mut all = vec![of_spec];
    if let Some(place) = place.filter(|place| (&place.connection, &place.key) != (&all[0].connection, &all[0].key)) {
        all.push(UpstreamRef { id: record.id.clone(), ..place.clone() });
    }
    all
}

/// Reports what is left at a place. Returns whether anything is. Where the operator cannot look, it names the id only if
/// it is `proven`.
async fn tell<K: Managed>(shared: &Shared, object: &K, record: &UpstreamRef, proven: Option<&str>, left: Left) -> bool {
    let UpstreamRef { system, endpoint, key, .. } = record;
    let known = || proven.map_or_else(|| format!("named {key}"), str::to_owned);
    let (left, endpoint, note, certain) = match left {
        Left::Nothing => return false,
        Left::Objects(ids, endpoint) => (ids, endpoint, "is still there", true),
        Left::Unknown => (known(), endpoint.clone(), "may still be there: the operator cannot look", false),
    };
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let why = OrphanReason::FinalizerRemoved;
    tracing::warn!(
        kind = K::KIND,
        namespace,
        name,
        system,
        endpoint,
        id = left,
        reason = why.label(),
        "another writer removed the finalizer of an object and the object is gone; its upstream object {note}"
    );
    shared.metrics.orphaned(K::KIND, why.label());
    let note = format!(
        "{} {namespace}/{name} is gone without its finalizer. Its upstream object {system} {left} at {endpoint} {note}. Delete it there, or adopt it with a new object.",
        K::KIND
    );
    shared.events.warning(&object.object_ref(&()), Reason::Orphaned.as_str(), &note);
    if certain {
        announce_to_connection(shared, object, &record.connection, &note).await;
    }
    true
}

/// Returns whether the object exists after all: a list of a lagging API server may leave it out, and so does a watch with
/// a selector. Asks until the API server answers, or until this process does not lead any more.
async fn exists<K: Managed>(shared: &Shared, object: &K) -> bool {
    let api: Api<K> = Api::namespaced(shared.client.clone(), &object.namespace().unwrap_or_default());
    loop {
        match metadata::find(&api, &object.name_any()).await {
            Ok(now) => return now.is_some_and(|now| now.metadata.uid == object.uid()),
            Err(_) if !shared.leadership.still_leads() => return true,
            Err(error) => tracing::debug!(%error, "cannot ask whether the object is gone; retrying"),
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// Looks for what is ours, or may be.
async fn look<K: Managed>(shared: &Shared, object: &K, record: &UpstreamRef, search: &Search) -> Left {
    let namespace = object.namespace().unwrap_or_default();
    let uid = object.uid().unwrap_or_default();
    let Ok(account) = shared.accounts.resolve_for_deletion(&record.connection, &namespace, &uid) else {
        return Left::Unknown;
    };
    let owner_tag = shared.owner_tag(&uid);
    let Some(deleter) = registry::deleter(&account, &record.system, &owner_tag, Priority::Background) else {
        return Left::Unknown;
    };
    let Ok(found) = search.find(record, deleter.as_ref()).await else { return Left::Unknown };
    let ids: Vec<String> = found.into_iter().map(|(id, _)| id).collect();
    let endpoint = || registry::location(&account, &record.system).endpoint;
    if ids.is_empty() { Left::Nothing } else { Left::Objects(ids.join(", "), endpoint()) }
}

/// Publishes the warning about the connection, too, because the object is gone. What the operator only read in a status
/// is not told there: a tenant may have written it.
async fn announce_to_connection<K: Managed>(shared: &Shared, object: &K, reference: &ConnectionRef, note: &str) {
    let namespace = object.namespace().unwrap_or_default();
    let connection = connection_metadata::get(&shared.client, reference, &namespace).await;
    if let Ok(Some(connection)) = connection {
        shared.events.warning(&connection, Reason::Orphaned.as_str(), note);
    }
}
