//! Deletes or orphans the upstream object of an object that is being deleted, then removes the finalizer.
//!
//! A deletion needs no valid spec: the collection and the id come from the deletion record in status. Only the
//! connection comes from the spec, and from the place that the operator recorded if the spec contradicts it. The
//! order: existence, permission, owner, users, delete, finalizer. An object that cannot be deleted keeps the
//! finalizer and says why; the operator reports every upstream object that it leaves in place.
//!
//! | file | part |
//! | --- | --- |
//! | [`crd`] | whether the CRD itself is being deleted |
//! | [`limit`] | the limit on mass deletion |
//! | [`places`] | the places where the upstream object may be |
//! | [`reach`] | which of them the operator can look at |
//! | [`target`] | a collection at such a place, and what to delete there |
//! | [`crowd`] | the lists that the deletions of a crowd share |
//! | [`users`] | who uses the upstream object |
//! | [`moved`] | a connection that leads to another place than the one that status records |
//! | [`untag`] | removes the owner tag of an object that is released on purpose |
//! | [`fate`] | what happened to the owner tags |
//! | [`orphan`] | the log line and event of an orphan |
//! | [`wait`] | waits for a create that may still take effect, or whose object or copy may become visible |
//! | [`release`] | the last step: status, finalizer, metric |
//!
//! The decision which upstream objects to delete is pure: [`crate::engine::deletion_plan`].

pub mod crd;
pub mod crowd;
pub mod fate;
pub mod limit;
pub mod moved;
pub mod orphan;
pub mod places;
pub mod reach;
pub mod release;
pub mod target;
pub mod untag;
pub mod users;
pub mod wait;

use super::account;
use super::audit_log::Write;
use super::failure::failed;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::recorded_place::RECORDED_UPSTREAM;
use crate::api::{FORCE_ORPHAN, has_finalizer};
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::queue::next::Next;
use crate::engine::deletion_plan::{self, DeletionPlan};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{Cause, OrphanReason};
use crate::upstream::registry;
use crd::CrdState;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use places::{Place, Unseen};
use reach::Reach;
use std::time::Duration;
use target::{Planned, Target};
use untag::OwnerTagFate;

/// How soon a blocked deletion is retried at the latest: sooner than other work that waits for a human,
/// because a user waits for the object to go.
const BLOCKED_RETRY: Duration = Duration::from_mins(1);

/// How often an object in a terminating namespace is retried while its connection is unavailable.
const IN_TERMINATING_NAMESPACE: Duration = Duration::from_secs(5);

/// How the upstream half of a deletion ended.
enum Deletion {
    /// Nothing of the object is left upstream.
    Done,
    /// The upstream object is left in place, and this happened to its owner tag.
    Orphaned(OrphanReason, OwnerTagFate),
}

/// Deletes or orphans the upstream object, and removes the finalizer.
///
/// Without our finalizer, those of others still hold the object: another writer removed ours. The upstream object is
/// deleted all the same.
pub async fn run<K: Managed>(this: &mut Reconciliation<'_, K>) -> Result<Next> {
    if !is_concerned(this) {
        return Ok(Next::on_change());
    }
    // A removal of the owner tag would be the last write.
    let was_deleted = this.shared().settling.has_deleted(&this.uid());
    let deletion = match this.object.orphan_reason() {
        Some(why) => untag::remove_owner_tag(this, why).await.map(|tag| Deletion::Orphaned(why, tag)),
        None => delete_unless_crd_is_deleted(this).await,
    };
    match deletion {
        Ok(Deletion::Done) => release::run(this, None).await,
        Ok(Deletion::Orphaned(why, tag)) => {
            orphan::report(this, this.possible_ref(), why, &tag, was_deleted);
            release::run(this, Some(why)).await
        }
        Err(Stop::Report(outcome)) => block(this, outcome).await,
        Err(Stop::Silently(requeue)) => this.finish_silently(requeue).await,
        Err(Stop::Retry(error)) => Err(error),
    }
}

/// Returns whether the operator has something to do for the deletion. An object that keeps its upstream object, and has
/// neither finalizer nor record, is none of its business.
fn is_concerned<K: Managed>(this: &Reconciliation<'_, K>) -> bool {
    let held = has_finalizer(&this.object);
    let recorded = this.upstream_ref().is_some();
    let released = this.shared().records.is_released(&this.uid());
    held || (!released && (recorded || this.object.orphan_reason().is_none()))
}

/// Keeps the finalizer, and reports what the deletion waits for.
async fn block<K: Managed>(this: &mut Reconciliation<'_, K>, outcome: Outcome) -> Result<Next> {
    let patience = Requeue::After(BLOCKED_RETRY.min(this.shared().settings.slow_retry));
    let requeue = if outcome.requeue == Requeue::Slow { patience } else { outcome.requeue };
    this.finish(Outcome { requeue, ..outcome }).await
}

/// Deletes the upstream object. An administrator who deletes the CRD removes the operator, and does not mean
/// to delete every upstream object.
async fn delete_unless_crd_is_deleted<K: Managed>(this: &Reconciliation<'_, K>) -> Result<Deletion, Stop> {
    match crd::state::<K>(&this.shared().client, this.deleted_for()).await? {
        CrdState::Present => delete(this).await,
        CrdState::Deleting => Ok(left_in_place(OrphanReason::CrdDeleted)),
        CrdState::Unknown(wait) => Err(Stop::Silently(Requeue::After(wait))),
    }
}

async fn delete<K: Managed>(this: &Reconciliation<'_, K>) -> Result<Deletion, Stop> {
    let is_recorded = this.upstream_ref().is_some();
    let saved = this.status.common.upstream.is_some();
    if !saved && !this.shared().settings.safeguards.search_unrecorded {
        return Ok(Deletion::Done);
    }
    if is_recorded && !this.shared().settling.has_deleted(&this.uid()) {
        limit::check(this).await?;
    }
    let Reach { targets, unseen } = reach::open(this).await?;
    let not_ours = !targets.is_empty() && delete_from(this, &targets).await?;
    let is_told = match unseen {
        Some((place, why)) if place.may_hold(this, &why) => return without_connection(this, &place, why).await,
        Some((place, why)) => tell_of_refused(this, &place, why),
        None => false,
    };
    if not_ours {
        return Ok(left_in_place(OrphanReason::NotOurs));
    }
    if !is_told && !this.shared().settling.has_deleted(&this.uid()) {
        let note = "Found no upstream object that this object owns, so there was nothing to delete.";
        this.normal_event("NothingToDelete", note);
    }
    Ok(Deletion::Done)
}

/// Tells of a place that the operator cannot look at, if it only believes that a create was refused there. Returns whether
/// it does.
fn tell_of_refused<K: Managed>(this: &Reconciliation<'_, K>, place: &Place<'_>, why: Unseen) -> bool {
    let Some(record) = place.record.filter(|_| place.is_believed(this)) else { return false };
    let stop = match why {
        Unseen::Unavailable(why) => account::stop_for(why, place.connection, &this.namespace()),
        Unseen::Moved(outcome) => outcome.into(),
    };
    let why = if let Stop::Report(outcome) = stop { outcome.message } else { String::new() };
    this.tell_unsearched(record, why.trim_end_matches('.'));
    true
}

/// Deletes from the collections in which the upstream object may be. Returns whether the recorded object is not ours.
async fn delete_from<K: Managed>(this: &Reconciliation<'_, K>, targets: &[Target]) -> Result<bool, Stop> {
    let (mut found, mut not_ours, mut blocked) = (Vec::new(), false, None);
    for target in targets {
        let Planned { plan, is_taken } = target.plan(this).await.map_err(|error| failed(this, &error))?;
        match plan {
            DeletionPlan::Delete(ids) => found.push((target, ids, is_taken)),
            DeletionPlan::NotOurs => not_ours = true,
            DeletionPlan::Blocked(outcome) => blocked = blocked.or(Some(outcome)),
        }
    }
    let count = found.iter().map(|(_, ids, _)| ids.len()).sum::<usize>();
    let is_empty = count == 0;
    if is_empty && blocked.is_none() {
        wait::for_create(this)?;
    } else if this.upstream_ref().is_none() {
        limit::check(this).await?;
    }
    let is_only = count == 1 && blocked.is_none() && !this.shared().records.may_have_copy(&this.uid());
    for (target, ids, is_taken) in found {
        for id in ids {
            delete_one(this, &id, target, is_only).await?;
        }
        if !is_taken {
            users::check_gone(this, &target.key, target.deleter.as_ref()).await?;
        }
    }
    // What is ours goes, whatever else is uncertain.
    if let Some(outcome) = blocked {
        wait::for_owner_tag(this)?;
        return Err(outcome.into());
    }
    wait::for_copy(this)?;
    Ok(not_ours)
}

async fn delete_one<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    target: &Target,
    is_only: bool,
) -> Result<(), Stop> {
    let (shared, deleter) = (this.shared(), target.deleter.as_ref());
    let mut accepted = None;
    if !(shared.settings.safeguards.lagging_reads && shared.settling.is_deleted(&this.uid(), id)) {
        users::check(this, id, deleter).await?;
        let write = Write::delete(Cause::Deletion, id, registry::granted(this.object.desired()));
        let result = this.write(write, deleter.delete(id)).await?;
        result.map_err(|error| failed(this, &error))?;
        let at = shared.settling.deleted(&this.uid(), id);
        deleter.record_deletion(at);
        accepted = Some(at);
        limit::record(this);
        this.normal_event("Deleted", &format!("Deleted {id} upstream."));
    }
    // A success without a body proves little: a gateway may have answered.
    if this.is_gone(id, deleter, accepted, is_only && target.id.as_deref() == Some(id)).await? {
        return Ok(());
    }
    // The deletion may not be visible yet. After a while it is repeated.
    Err(deletion_plan::still_listed(id, shared.settling.count_look(&this.uid())).into())
}

/// Waits for the connection; in a terminating namespace not for ever, because the connection may have been
/// deleted first.
async fn without_connection<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
    why: Unseen,
) -> Result<Deletion, Stop> {
    let (stop, waits) = match why {
        Unseen::Unavailable(why) => (account::stop_for(why, place.connection, &this.namespace()), true),
        Unseen::Moved(outcome) => (outcome.into(), false),
    };
    let Stop::Report(mut outcome) = stop else { return Err(wait::for_check().into()) };
    if this.former().is_some() {
        let named = if place.is_of_spec {
            format!(
                "The spec names this connection, and the annotation {RECORDED_UPSTREAM} another place: the object may be there, too."
            )
        } else {
            format!("The annotation {RECORDED_UPSTREAM} names this connection, and the object may be there.")
        };
        outcome.message = format!(
            "{} {named} Set the annotation {FORCE_ORPHAN}=true to release this object without a search there.",
            outcome.message
        );
    }
    if !waits {
        return Err(outcome.into());
    }
    let namespaces: Api<Namespace> = Api::all(this.shared().client.clone());
    let namespace = namespaces.get_metadata_opt(&this.namespace()).await?;
    let terminating = namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some());
    if terminating && this.deleted_for() >= this.shared().settings.orphan_after {
        let recorded = this.upstream_ref().is_some();
        return Ok(left_in_place(if recorded { OrphanReason::Deadline } else { OrphanReason::NotSearched }));
    }
    let requeue = if terminating { Requeue::After(IN_TERMINATING_NAMESPACE) } else { outcome.requeue };
    Err(Outcome { requeue, ..outcome }.into())
}

/// Returns how a deletion ends that the operator cannot or must not carry out: the owner tag stays as it is.
fn left_in_place(why: OrphanReason) -> Deletion {
    Deletion::Orphaned(why, OwnerTagFate::Untouched)
}
