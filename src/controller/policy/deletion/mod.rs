//! Deletion: from the deletion record in status, never from the spec.
//!
//! The order: is there anything upstream at all, may it be touched, whose is it, who still uses
//! it, delete, let go. What cannot be deleted keeps the finalizer and says why; nothing is
//! leaked silently.

pub mod crd;
pub mod limit;
pub mod orphan;

use super::failure::failed;
use super::reconciliation::Reconciliation;
use crate::api::status::{OperationKind, UpstreamRef};
use crate::api::{FORCE_ORPHAN, Reason};
use crate::controller::k8s::finalizer;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::accounts::Held;
use crate::controller::{Error, Result};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{ExternalDeleter, Ownership};
use crate::upstream::registry;
use crd::Kind;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::runtime::controller::Action;
use orphan::OrphanReason;
use std::time::Duration;

/// How soon a held deletion is tried again at the latest: sooner than other work that waits for
/// a human, because somebody waits for the object to go.
const HELD: Duration = Duration::from_mins(1);

/// How soon to look again at an object that was just deleted and is still shown.
const READ_AFTER_DELETE: Duration = Duration::from_secs(2);

/// What deletion came to.
enum End {
    /// Nothing of ours is left upstream.
    Gone,
    /// Something is left, on purpose.
    Left(OrphanReason),
    /// Not yet.
    Held(Outcome),
}

/// Takes the upstream object away and lets the Kubernetes object go.
pub async fn run<K: Managed>(this: &mut Reconciliation<'_, K>) -> Result<Action> {
    if !finalizer::has(&this.object) {
        return Ok(Action::await_change());
    }
    let Some(record) = this.report.common.upstream.clone() else {
        return release(this, None).await;
    };
    let end = match OrphanReason::wanted_by(&this.object) {
        Some(why) => End::Left(why),
        None => delete_unless_crd_is_deleted(this, &record).await?,
    };
    match end {
        End::Gone => release(this, None).await,
        End::Left(why) => {
            report_orphan(this, &record, why).await;
            release(this, Some(why)).await
        }
        End::Held(outcome) => {
            let requeue = if outcome.requeue == Requeue::Slow { patience(this) } else { outcome.requeue };
            this.finish(Outcome { requeue, ..outcome }).await
        }
    }
}

fn patience<K: Managed>(this: &Reconciliation<'_, K>) -> Requeue {
    Requeue::After(HELD.min(this.shared().settings.slow_retry))
}

/// Who takes the kinds away means the operator, and not every upstream object.
async fn delete_unless_crd_is_deleted<K: Managed>(
    this: &mut Reconciliation<'_, K>,
    record: &UpstreamRef,
) -> Result<End> {
    match crd::kind::<K>(&this.shared().client, waited(this)).await? {
        Kind::Stays => delete(this, record).await,
        Kind::Goes => Ok(End::Left(OrphanReason::CrdDeleted)),
        Kind::Unclear(wait) => {
            let message = "Looking whether the kind itself is being deleted.";
            let requeue = Requeue::After(wait);
            Ok(held(Outcome::working(Reason::Deleting, message, requeue).without_status(requeue)))
        }
    }
}

async fn delete<K: Managed>(this: &mut Reconciliation<'_, K>, record: &UpstreamRef) -> Result<End> {
    if record.id.is_none()
        && let Some(left) = this.grace_left()
    {
        // A create whose answer was lost may still land: looking now could miss it.
        let message = "A create may still be under way upstream: waiting before looking it up.";
        return Ok(held(Outcome::working(Reason::Deleting, message, Requeue::After(left + Duration::from_secs(1)))));
    }
    if let Some(outcome) = limit::holds(this).await {
        return Ok(held(outcome));
    }
    let shared = this.shared();
    // The spec's, which is immutable: status may be written by people who may not use the connection
    // that it would name.
    let connection = &this.object.common().connection_ref;
    shared.connections.ensure_known(&shared.client, connection, &this.namespace()).await?;
    let account = match shared.connections.resolve_for_deletion(connection, &this.namespace()) {
        Ok(account) => account,
        Err(why) => return without_connection(this, why).await,
    };
    let Some(deleter) = registry::deleter(&account, &record.system, &this.owner_tag(), this.request_context()) else {
        let message = format!("status.upstream names {}, which this connection does not reach.", record.system);
        return Ok(held(Outcome::refused(Reason::InvalidSpec, message)));
    };
    let subject = registry::bind(&account, this.object.desired(), &this.owner_tag(), this.request_context());
    let name = subject.map_or_else(|_| record.key.clone(), |subject| subject.key());
    match take_away(this, record, &name, deleter.as_ref()).await? {
        Ok(end) => Ok(end),
        Err(error) => Ok(held(failed(this, &error))),
    }
}

/// The upstream half. The outer error is Kubernetes', the inner one the upstream's.
async fn take_away<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    name: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<crate::engine::Result<End>> {
    let targets = match find(this, record, name, deleter).await {
        Ok(targets) => targets,
        Err(error) => return Ok(Err(error)),
    };
    for (id, owner) in targets {
        let known = record.id.is_some();
        match owner {
            Ownership::Ours => {}
            // The stamp did not come to be on it, so it was never taken over.
            Ownership::Unmarked | Ownership::Unknown if this.record().is_in_flight(OperationKind::Adopt) => continue,
            // Where no stamps are shown, the recorded id is all the proof that there is.
            Ownership::Unknown if known => {}
            Ownership::Unmarked if known => return Ok(Ok(held(unmarked(&id)))),
            Ownership::Unmarked | Ownership::Unknown => return Ok(Ok(held(uncertain(&id)))),
            Ownership::ForeignTag(_) | Ownership::OtherObject(_) if known => {
                return Ok(Ok(End::Left(OrphanReason::NotOurs)));
            }
            // Somebody else's under our name: our create had no effect.
            Ownership::ForeignTag(_) | Ownership::OtherObject(_) => continue,
        }
        match deleter.used_by(&id).await {
            Ok(used_by) if !used_by.is_empty() => return Ok(Ok(held(in_use(&id, &used_by)))),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        if let Err(error) = this.write(("deletion", Some(&id), None), deleter.delete(&id)).await? {
            return Ok(Err(error));
        }
        limit::passed(this);
        let note = format!("Deleted {id} upstream.");
        this.shared().events.normal(&this.reference(), "Deleted", &note).await;
        // A success without a body proves little: something in between may have answered.
        match deleter.owner(&id).await {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(Ok(held(still_there(&id)))),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(End::Gone))
}

/// What is to be deleted: all that bears our stamp, which is the recorded object as a rule; or, when
/// a create was under way, all that may have come of it. An id in status alone condemns nothing:
/// status may be written by people who may not write upstream.
async fn find<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    name: &str,
    deleter: &dyn ExternalDeleter,
) -> crate::engine::Result<Vec<(String, Ownership)>> {
    if record.id.is_none() && this.report.common.operation.is_none() {
        return Ok(Vec::new());
    }
    let recorded = match &record.id {
        Some(id) => deleter.owner(id).await?.map(|owner| (id.clone(), owner)),
        None => None,
    };
    let known = matches!(recorded, Some((_, Ownership::Ours)));
    if known && registry::unique_name(this.object.desired()).is_some() {
        return Ok(recorded.into_iter().collect());
    }
    let named = deleter.find(name).await?;
    // All that bears our stamp is ours: a create that landed late may have made a second one.
    let other = |found: &&(String, Ownership)| found.1 == Ownership::Ours && recorded.as_ref() != Some(*found);
    let others: Vec<_> = named.iter().filter(other).cloned().collect();
    if known || !others.is_empty() {
        return Ok(recorded.into_iter().filter(|_| known).chain(others).collect());
    }
    match recorded {
        // Where no stamps are shown, the name must fit, too.
        Some((id, Ownership::Unknown)) if named.iter().all(|(found, _)| *found != id) => {
            Ok(vec![(id, Ownership::Unmarked)])
        }
        Some(recorded) => Ok(vec![recorded]),
        None if record.id.is_some() => Ok(Vec::new()),
        None => Ok(named),
    }
}

/// A terminating namespace must not hang for ever on a connection that went first.
async fn without_connection<K: Managed>(this: &Reconciliation<'_, K>, why: Held) -> Result<End> {
    let Held::Back(outcome) = why else {
        let message = "Waiting for the connection to be checked.";
        return Ok(held(Outcome::working(Reason::Deleting, message, Requeue::After(Duration::from_secs(1)))));
    };
    let namespaces: Api<Namespace> = Api::all(this.shared().client.clone());
    let namespace = namespaces.get_metadata_opt(&this.namespace()).await?;
    let terminating = namespace.is_none_or(|n| n.metadata.deletion_timestamp.is_some());
    if terminating && waited(this) >= this.shared().settings.orphan_after {
        return Ok(End::Left(OrphanReason::Deadline));
    }
    let requeue = if terminating { Requeue::After(Duration::from_secs(5)) } else { outcome.requeue };
    Ok(held(Outcome { requeue, ..outcome }))
}

fn waited<K: Managed>(this: &Reconciliation<'_, K>) -> Duration {
    let deleted = this.object.meta().deletion_timestamp.as_ref().map(|time| time.0);
    let passed = deleted.map(|at| this.shared().clock.now().duration_since(at));
    passed.and_then(|passed| Duration::try_from(passed).ok()).unwrap_or_default()
}

fn unmarked(id: &str) -> Outcome {
    Outcome::refused(
        Reason::Conflict,
        format!(
            "The upstream object {id} does not bear the stamp of this object, so it is not deleted. Delete it upstream, or annotate this object with {FORCE_ORPHAN}=true to let go of it."
        ),
    )
}

/// A create was under way, and what stands under its name bears no stamp: it may be ours with the
/// stamp lost, or a stranger's. Deleting could hit the stranger, letting go could leak.
fn uncertain(id: &str) -> Outcome {
    Outcome::refused(
        Reason::Conflict,
        format!(
            "A create was under way, and the upstream object {id} has its name but does not show whose it is. Delete it upstream if it is yours, or annotate this object with {FORCE_ORPHAN}=true to let go of it."
        ),
    )
}

fn still_there(id: &str) -> Outcome {
    let message = format!("The upstream accepted the deletion of {id} and still shows it.");
    Outcome::working(Reason::Deleting, message, Requeue::After(READ_AFTER_DELETE))
}

fn in_use(id: &str, used_by: &[String]) -> Outcome {
    let some: Vec<&str> = used_by.iter().take(5).map(String::as_str).collect();
    let rest = used_by.len().saturating_sub(some.len());
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let message =
        format!("The upstream object {id} is used by {}{more}. Detach it there; it is deleted then.", some.join(", "));
    Outcome::refused(Reason::InUse, message)
}

fn held(outcome: Outcome) -> End {
    End::Held(outcome)
}

/// Says loudly what is left behind.
async fn report_orphan<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef, why: OrphanReason) {
    let shared = this.shared();
    let id = record.id.as_deref().unwrap_or("(id unknown)");
    tracing::warn!(
        kind = K::KIND,
        namespace = this.namespace(),
        name = this.object.name_any(),
        system = record.system,
        endpoint = record.endpoint,
        id,
        why = why.label(),
        "left an upstream object behind"
    );
    let note = format!("Left {} {id} at {} as it is ({}).", record.system, record.endpoint, why.label());
    shared.events.warning(&this.reference(), Reason::Orphaned.as_str(), &note).await;
}

/// Lets the Kubernetes object go. What is left behind is counted only then: until the finalizer is
/// off, all of this may be repeated.
async fn release<K: Managed>(this: &mut Reconciliation<'_, K>, left: Option<OrphanReason>) -> Result<Action> {
    match finalizer::remove(&this.api(), &this.object, this.shared().settings.safeguards).await {
        // Gone or changed meanwhile: the watch brings what there is to do.
        Err(Error::Stale) => return Ok(Action::requeue(Duration::from_secs(1))),
        other => other?,
    }
    if let Some(why) = left {
        this.shared().metrics.orphaned(K::KIND, why.label());
    }
    this.shared().backoffs.clear(&this.uid());
    this.shared().observations.forget(&this.uid());
    this.shared().corrections().forget(&this.uid());
    Ok(Action::await_change())
}
