//! Deletion: from the deletion record in status, never from the spec.
//!
//! The order: is there anything upstream at all, may it be touched, whose is it, who still uses
//! it, delete, let go. What cannot be deleted keeps the finalizer and says why; nothing is
//! leaked silently.

use super::case::Case;
use super::connections::Held;
use super::failure::failed;
use super::finalizer;
use super::gate;
use super::managed::Managed;
use super::orphaning::Orphaning;
use super::uninstalling::{self, Kind};
use super::{Error, Result};
use crate::api::status::{OperationKind, UpstreamRef};
use crate::api::{FORCE_ORPHAN, Reason};
use crate::engine::outcome::{Next, Outcome};
use crate::engine::{Ownership, Remnant};
use crate::upstream::registry;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::runtime::controller::Action;
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
    Left(Orphaning),
    /// Not yet.
    Held(Outcome),
}

/// Takes the upstream object away and lets the Kubernetes object go.
pub async fn run<K: Managed>(case: &mut Case<'_, K>) -> Result<Action> {
    if !finalizer::is_on(&case.object) {
        return Ok(Action::await_change());
    }
    let Some(record) = case.report.common.upstream.clone() else {
        return release(case, None).await;
    };
    let end = match Orphaning::wanted_by(&case.object) {
        Some(why) => End::Left(why),
        None => unless_the_kind_goes(case, &record).await?,
    };
    match end {
        End::Gone => release(case, None).await,
        End::Left(why) => {
            mourn(case, &record, why).await;
            release(case, Some(why)).await
        }
        End::Held(outcome) => {
            let next = if outcome.next == Next::Slowly { patience(case) } else { outcome.next };
            case.finish(Outcome { next, ..outcome }).await
        }
    }
}

fn patience<K: Managed>(case: &Case<'_, K>) -> Next {
    Next::After(HELD.min(case.shared().settings.slow_retry))
}

/// Who takes the kinds away means the operator, and not every upstream object.
async fn unless_the_kind_goes<K: Managed>(case: &mut Case<'_, K>, record: &UpstreamRef) -> Result<End> {
    match uninstalling::kind::<K>(&case.shared().client, waited(case)).await? {
        Kind::Stays => delete(case, record).await,
        Kind::Goes => Ok(End::Left(Orphaning::CrdDeleted)),
        Kind::Unclear(wait) => {
            let message = "Looking whether the kind itself is being deleted.";
            let next = Next::After(wait);
            Ok(held(Outcome::working(Reason::Deleting, message, next).unsaid(next)))
        }
    }
}

async fn delete<K: Managed>(case: &mut Case<'_, K>, record: &UpstreamRef) -> Result<End> {
    if record.id.is_none()
        && let Some(left) = case.grace_left()
    {
        // A create whose answer was lost may still land: looking now could miss it.
        let message = "A create may still be under way upstream: waiting before looking it up.";
        return Ok(held(Outcome::working(Reason::Deleting, message, Next::After(left + Duration::from_secs(1)))));
    }
    if let Some(outcome) = gate::holds(case).await {
        return Ok(held(outcome));
    }
    let shared = case.shared();
    // The spec's, which is immutable: status may be written by people who may not use the connection
    // that it would name.
    let connection = &case.object.common().connection_ref;
    shared.connections.look_up(&shared.client, connection, &case.namespace()).await?;
    let account = match shared.connections.resolve_for_deletion(connection, &case.namespace()) {
        Ok(account) => account,
        Err(why) => return without_connection(case, why).await,
    };
    let Some(remnant) = registry::remnant(&account, &record.system, &case.stamp(), case.errand()) else {
        let message = format!("status.upstream names {}, which this connection does not reach.", record.system);
        return Ok(held(Outcome::refused(Reason::InvalidSpec, message)));
    };
    let subject = registry::bind(&account, case.object.wanted(), &case.stamp(), case.errand());
    let name = subject.map_or_else(|_| record.key.clone(), |subject| subject.key());
    match take_away(case, record, &name, remnant.as_ref()).await? {
        Ok(end) => Ok(end),
        Err(error) => Ok(held(failed(case, &error))),
    }
}

/// The upstream half. The outer error is Kubernetes', the inner one the upstream's.
async fn take_away<K: Managed>(
    case: &Case<'_, K>,
    record: &UpstreamRef,
    name: &str,
    remnant: &dyn Remnant,
) -> Result<crate::engine::Result<End>> {
    let targets = match find(case, record, name, remnant).await {
        Ok(targets) => targets,
        Err(error) => return Ok(Err(error)),
    };
    for (id, owner) in targets {
        let known = record.id.is_some();
        match owner {
            Ownership::Ours => {}
            // The stamp did not come to be on it, so it was never taken over.
            Ownership::Unmarked | Ownership::Unknown if case.record().is_in_flight(OperationKind::Adopt) => continue,
            // Where no stamps are shown, the recorded id is all the proof that there is.
            Ownership::Unknown if known => {}
            Ownership::Unmarked if known => return Ok(Ok(held(unmarked(&id)))),
            Ownership::Unmarked | Ownership::Unknown => return Ok(Ok(held(uncertain(&id)))),
            Ownership::Other(_) | Ownership::Neighbour(_) if known => return Ok(Ok(End::Left(Orphaning::NotOurs))),
            // Somebody else's under our name: our create had no effect.
            Ownership::Other(_) | Ownership::Neighbour(_) => continue,
        }
        match remnant.holders(&id).await {
            Ok(holders) if !holders.is_empty() => return Ok(Ok(held(in_use(&id, &holders)))),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        if let Err(error) = case.write(("deletion", Some(&id), None), remnant.delete(&id)).await? {
            return Ok(Err(error));
        }
        gate::passed(case);
        let note = format!("Deleted {id} upstream.");
        case.shared().events.normal(&case.reference(), "Deleted", &note).await;
        // A success without a body proves little: something in between may have answered.
        match remnant.owner(&id).await {
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
    case: &Case<'_, K>,
    record: &UpstreamRef,
    name: &str,
    remnant: &dyn Remnant,
) -> crate::engine::Result<Vec<(String, Ownership)>> {
    if record.id.is_none() && case.report.common.operation.is_none() {
        return Ok(Vec::new());
    }
    let recorded = match &record.id {
        Some(id) => remnant.owner(id).await?.map(|owner| (id.clone(), owner)),
        None => None,
    };
    let known = matches!(recorded, Some((_, Ownership::Ours)));
    if known && case.object.wanted().exclusive_name().is_some() {
        return Ok(recorded.into_iter().collect());
    }
    let named = remnant.find(name).await?;
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
async fn without_connection<K: Managed>(case: &Case<'_, K>, why: Held) -> Result<End> {
    let Held::Back(outcome) = why else {
        let message = "Waiting for the connection to be checked.";
        return Ok(held(Outcome::working(Reason::Deleting, message, Next::After(Duration::from_secs(1)))));
    };
    let namespaces: Api<Namespace> = Api::all(case.shared().client.clone());
    let namespace = namespaces.get_metadata_opt(&case.namespace()).await?;
    let terminating = namespace.is_none_or(|n| n.metadata.deletion_timestamp.is_some());
    if terminating && waited(case) >= case.shared().settings.orphan_after {
        return Ok(End::Left(Orphaning::Deadline));
    }
    let next = if terminating { Next::After(Duration::from_secs(5)) } else { outcome.next };
    Ok(held(Outcome { next, ..outcome }))
}

fn waited<K: Managed>(case: &Case<'_, K>) -> Duration {
    let deleted = case.object.meta().deletion_timestamp.as_ref().map(|time| time.0);
    let passed = deleted.map(|at| case.shared().clock.now().duration_since(at));
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
    Outcome::working(Reason::Deleting, message, Next::After(READ_AFTER_DELETE))
}

fn in_use(id: &str, holders: &[String]) -> Outcome {
    let some: Vec<&str> = holders.iter().take(5).map(String::as_str).collect();
    let rest = holders.len().saturating_sub(some.len());
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let message =
        format!("The upstream object {id} is used by {}{more}. Detach it there; it is deleted then.", some.join(", "));
    Outcome::refused(Reason::InUse, message)
}

fn held(outcome: Outcome) -> End {
    End::Held(outcome)
}

/// Says loudly what is left behind.
async fn mourn<K: Managed>(case: &Case<'_, K>, record: &UpstreamRef, why: Orphaning) {
    let shared = case.shared();
    let id = record.id.as_deref().unwrap_or("(id unknown)");
    tracing::warn!(
        kind = K::KIND,
        namespace = case.namespace(),
        name = case.object.name_any(),
        system = record.system,
        endpoint = record.endpoint,
        id,
        why = why.label(),
        "left an upstream object behind"
    );
    let note = format!("Left {} {id} at {} as it is ({}).", record.system, record.endpoint, why.label());
    shared.events.warning(&case.reference(), Reason::Orphaned.as_str(), &note).await;
}

/// Lets the Kubernetes object go. What is left behind is counted only then: until the finalizer is
/// off, all of this may be repeated.
async fn release<K: Managed>(case: &mut Case<'_, K>, left: Option<Orphaning>) -> Result<Action> {
    match finalizer::take_off(&case.api(), &case.object, case.shared().settings.safeguards).await {
        // Gone or changed meanwhile: the watch brings what there is to do.
        Err(Error::Stale) => return Ok(Action::requeue(Duration::from_secs(1))),
        other => other?,
    }
    if let Some(why) = left {
        case.shared().metrics.orphaned(K::KIND, why.label());
    }
    case.shared().backoffs.clear(&case.uid());
    case.shared().looks.forget(&case.uid());
    case.shared().corrections().forget(&case.uid());
    Ok(Action::await_change())
}
