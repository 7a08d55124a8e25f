//! Observes the upstream object: from the shared list where that suffices, else by a get.
//!
//! | from | when | costs |
//! | --- | --- | --- |
//! | the shared list | nothing was written or changed since status was settled | a share of one list for the whole connection |
//! | the shared list | the object is new, and so are so many others that one list costs less than a read of each | the same |
//! | a get | otherwise, and whenever the operator may have to write | a call for this object |
//!
//! One list serves every object of a connection (`upstream::snapshots`). It must be younger than the
//! object's own last write and not much older than its interval. A list decides only that there is nothing
//! to do, or that nothing is there: before it changes, adopts or deletes an object, the operator reads the object
//! itself. A list that shows no trace of a new object must have begun after this process saw the object.
//!
//! Some lists leave out content (the permissions of NAVER Cloud policies). An object that matches as far as
//! its list shows keeps its status, and is read completely as often as the rate limit allows.

use super::failure::failed;
use super::leftovers::leftovers;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use super::{conflicts, moved, ownership};
use crate::api::shared::AdoptionPolicy;
use crate::api::{Reason, has_finalizer};
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::{Claim, ClaimGuard};
use crate::engine::access::Change;
use crate::engine::plan;
use crate::engine::{BoundExternal, ListedObservation, Observation, Ownership};
use crate::upstream::{Account, registry};
use std::time::Duration;

/// After how many intervals an object is read completely regardless of the rate limit.
const MAX_INTERVALS_UNREAD: u32 = 3;

/// The maximum age of a list that shows the absence of a new object. Upstreams refuse a second object of a unique name,
/// also of another writer.
const MAX_AGE_OF_ABSENCE: Duration = Duration::from_mins(1);

/// The result of an observation.
pub enum ObserveResult<'c> {
    /// The list shows the object unchanged as far as lists show it, and it is not due for a complete read.
    Unchanged,
    /// The list shows the object completely, and there is nothing to do.
    Listed(Observation),
    /// The operator read the objects that may be the one.
    Read {
        /// The objects.
        found: Vec<Observation>,
        /// Whether they belonged to objects of this cluster that do not exist any more.
        left_behind: bool,
        /// The claims of the spec, locked since before the read; `None` while another reconcile holds one.
        claims: Option<ClaimGuard<'c>>,
    },
}

/// Observes the upstream object of this reconcile.
pub async fn observe<'c, K: Managed>(
    this: &Reconciliation<'c, K>,
    external: &dyn BoundExternal,
    account: &Account,
    hash: &str,
) -> Result<ObserveResult<'c>, Stop> {
    if let Some(id) = settled_id(this, account, hash)
        && let Some(observed) = from_list(this, external, &id, hash).await
    {
        return Ok(observed);
    }
    let claimed = conflicts::claims_of(&this.object);
    let claims = this.shared().claim_locks.try_lock(claimed.clone(), &this.uid());
    let absent = is_new(this) && is_absent_from_list(this, external, &claimed).await;
    let mut found = Vec::new();
    if !absent {
        found = from_get(this, external, account).await.map_err(|error| failed(this, &error))?;
    }
    let may_acquire = may_create(this) || (!found.is_empty() && may_adopt(this));
    // What has the name may be of another owner.
    if may_acquire && !found.iter().any(|seen| seen.owner == Ownership::Ours) {
        found.extend(renamed_by_people(this, external, account).await.map_err(|error| failed(this, &error))?);
    }
    let left_behind = found.is_empty() && may_create(this);
    if left_behind {
        // The list shows no namesake either.
        let namesakes = if absent { Ok(Vec::new()) } else { external.find_namesakes().await };
        found = leftovers(this, external, namesakes.map_err(|error| failed(this, &error))?).await;
    }
    Ok(ObserveResult::Read { left_behind: left_behind && !found.is_empty(), found, claims })
}

/// Returns the id of an object whose spec, connection and status have not changed since it was read.
fn settled_id<K: Managed>(this: &Reconciliation<'_, K>, account: &Account, hash: &str) -> Option<String> {
    let common = &this.status.common;
    let current = !this.spec_changed()
        && common.operation.is_none()
        && !this.record_lost()
        && !this.shared().records.may_have_copy(&this.uid())
        && !this.reconcile_requested()
        && moved::of(this, account).is_none()
        // A status from a backup may describe the object of another uid.
        && (this.object.only_observes() || this.place.is_some())
        && (this.object.only_observes() || common.applied_hash.as_deref() == Some(hash));
    let id = if this.object.only_observes() { this.status.id() } else { this.recorded_id() };
    id.filter(|_| is_settled(this) && current)
}

/// Returns whether the last reconcile ended in a state that comparisons with the list maintain.
pub(super) fn is_settled<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    [Reason::UpToDate, Reason::Observed, Reason::DriftReported].into_iter().any(|reason| this.has_reason(reason))
}

/// Returns whether no process has begun to create the upstream object: the operator adds its finalizer before.
pub(super) fn is_new<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    let common = &this.status.common;
    !has_finalizer(&this.object)
        && !this.object.only_observes()
        && this.object.common().external_id.is_none()
        && common.upstream.is_none()
        && common.operation.is_none()
        && !this.record_lost()
        && this.grace_left().is_none()
        && this.refused_hidden_for().is_none()
        && !this.shared().backoffs.is_failing(&this.uid())
        && this.shared().settings.safeguards.owner_lookup
}

/// Returns whether the shared list shows nothing that the object may own, adopt or conflict with. A list that began before
/// the reconcile of a rival ended may lack what that one created.
async fn is_absent_from_list<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    claimed: &[Claim],
) -> bool {
    let shared = this.shared();
    let unseen = shared.observations.absent_not_before(&this.uid(), MAX_AGE_OF_ABSENCE);
    let not_before = shared.claim_locks.last_end(claimed).map_or(unseen, |rival_ended| rival_ended.max(unseen));
    let waiting = shared.permits.waiting(&this.object.connection());
    external.is_absent_from_list(not_before, waiting).await
}

/// Observes from the shared list; `None` when only a get can decide.
async fn from_list<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    id: &str,
    hash: &str,
) -> Option<ObserveResult<'static>> {
    let (observations, uid, interval) = (&this.shared().observations, this.uid(), this.interval());
    let not_before = this.fresh(observations.not_before(&uid, interval / 2));
    match external.observe_listed(id, not_before).await {
        ListedObservation::Complete(seen) if seen.owner == Ownership::Ours || this.object.only_observes() => {
            if seen.owner == Ownership::Ours {
                this.shared().records.prove(&uid, &seen.id);
            }
            let quiet = plan::plan(&this.prior_state(), this.rules(), vec![(*seen).clone()], hash).is_quiet();
            quiet.then_some(ObserveResult::Listed(*seen))
        }
        ListedObservation::PartialMatch if this.has_reason(Reason::UpToDate) => {
            let unread = observations.since_last_read(&uid);
            let due = unread >= interval * MAX_INTERVALS_UNREAD || (unread >= interval / 2 && external.try_full_read());
            (!due).then_some(ObserveResult::Unchanged)
        }
        ListedObservation::Complete(_) | ListedObservation::PartialMatch | ListedObservation::Inconclusive => None,
    }
}

/// Reads the object with the known id. Unless that one is ours, also reads every object that may be the one.
async fn from_get<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    account: &Account,
) -> crate::engine::Result<Vec<Observation>> {
    let known = this.prior_state().id;
    let named = this.object.common().external_id.clone();
    let mut found = Vec::new();
    if let Some(id) = known.as_deref().or(named.as_deref()) {
        found.extend(external.observe(id).await?);
    }
    found.extend(refused_adoption(this, external, &found).await?);
    let ours = found.iter().any(|seen| seen.owner.may_be_ours());
    // Whatever `externalId` names: an object that was recorded comes first.
    let unrecorded = known.is_none() && (this.upstream_ref().is_some() || this.refused_hidden_for().is_some());
    let lost = !ours && (known.is_some() || named.is_none() || unrecorded);
    let hidden_copy = this.copy_hidden_for();
    let duplicated = ours && known.is_some() && (hidden_copy.is_some() || may_be_two(this));
    if this.shared().settings.safeguards.owner_lookup && (lost || duplicated) {
        let mut others = external.find().await?;
        others.retain(|other| !this.shared().records.is_replaced(&this.uid(), &other.id));
        found.retain(|seen| others.iter().all(|other| other.id != seen.id));
        found.extend(others);
        if hidden_copy.is_some_and(|left| left.is_zero()) {
            this.shared().records.copy_searched(&this.uid());
        }
    }
    if known.is_some() && found.is_empty() && this.shared().settings.safeguards.absence_by_list {
        found.extend(external.find_listed().await?);
    }
    for observation in &mut found {
        let object = conflicts::claim_on(account, external.system(), &observation.id);
        judge(this, observation, &object).await;
    }
    this.shared().observations.record_read(&this.uid());
    Ok(found)
}

/// Reads the object whose adoption the upstream refused; `None` if it does not have our owner tag, or was found already.
async fn refused_adoption<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    found: &[Observation],
) -> crate::engine::Result<Option<Observation>> {
    let refused = this.shared().records.refused_adoption(&this.uid());
    let Some(id) = refused.filter(|id| found.iter().all(|seen| seen.id != *id)) else { return Ok(None) };
    Ok(external.observe(&id).await?.filter(|seen| seen.owner == Ownership::Ours))
}

/// Finds the object of a lost record by its owner tag, under any name; nothing if status tells where the object is.
async fn renamed_by_people<K: Managed>(
    this: &Reconciliation<'_, K>,
    external: &dyn BoundExternal,
    account: &Account,
) -> crate::engine::Result<Vec<Observation>> {
    let location = registry::location(account, external.system()).to_string();
    if !this.may_be_renamed(&location) {
        return Ok(Vec::new());
    }
    let mut found = external.find_tagged(this.tags_not_before()).await?;
    found.retain(|other| !this.shared().records.is_replaced(&this.uid(), &other.id));
    for observation in &mut found {
        let object = conflicts::claim_on(account, external.system(), &observation.id);
        judge(this, observation, &object).await;
    }
    if found.is_empty() && this.grace_left().is_none() {
        this.shared().records.tag_searched(&this.uid(), &location);
    }
    Ok(found)
}

/// Resolves the owner of an object that was read, and remembers it if it is ours.
async fn judge<K: Managed>(this: &Reconciliation<'_, K>, observation: &mut Observation, object: &Claim) {
    if !this.shared().settings.safeguards.correct_widening {
        observation.diff.fields.iter_mut().for_each(|field| field.widens = false);
        (observation.diff.access, observation.diff.witness) = (Change::Equal, None);
    }
    observation.owner = ownership::of_read(this, object, observation.owner.clone()).await;
    if observation.owner == Ownership::Ours {
        this.shared().records.prove(&this.uid(), &observation.id);
    }
}

/// Returns whether a create that took effect late may have made a second object: names need not be unique. Comparisons
/// with the list find it, so an edit of a settled object does not look for it.
fn may_be_two<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    let edited = this.spec_changed() && is_settled(this) && this.status.common.operation.is_none();
    !edited && !this.has_unique_name()
}

/// Returns whether the object may adopt what has its name.
fn may_adopt<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    let common = this.object.common();
    common.adoption_policy != AdoptionPolicy::Never && common.external_id.is_none() && !this.object.only_observes()
}

/// Returns whether an absent object may be created in this reconcile.
fn may_create<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    let common = this.object.common();
    this.shared().settings.safeguards.leftover_lookup
        && !this.object.only_observes()
        && common.external_id.is_none()
        && this.grace_left().is_none()
        && !this.may_copy_refused()
        && !this.only_looks()
}
