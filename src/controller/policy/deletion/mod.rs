//! Deletes or orphans the upstream object of an object that is being deleted, then removes the finalizer.
//!
//! A deletion needs no valid spec: the collection and the id come from the deletion record in status. Only the
//! connection comes from the spec, where it is immutable. The order: existence, permission, owner, users,
//! delete, finalizer. An object that cannot be deleted keeps the finalizer and says why; the operator reports
//! every upstream object that it leaves in place.
//!
//! | file | part |
//! | --- | --- |
//! | [`crd`] | whether the CRD itself is being deleted |
//! | [`limit`] | the limit on mass deletion |
//! | [`users`] | who uses the upstream object |
//! | [`orphan`] | the log line and event of an orphan |
//!
//! The decision which upstream objects to delete is pure: [`crate::engine::deletion_plan`].

pub mod crd;
pub mod limit;
pub mod orphan;
pub mod users;

use super::account;
use super::audit_log::Write;
use super::failure::failed;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use crate::api::Reason;
use crate::api::status::{OperationKind, UpstreamRef};
use crate::controller::k8s::finalizer;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::accounts::Unavailable;
use crate::controller::{Error, Result};
use crate::engine::deletion_plan::{self, DeletionPlan, DeletionRecord, plan_deletion};
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{Cause, ExternalDeleter, OrphanReason};
use crate::upstream::{Account, registry};
use crd::CrdState;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::time::Duration;

/// How soon a blocked deletion is retried at the latest: sooner than other work that waits for a human,
/// because a user waits for the object to go.
const BLOCKED_RETRY: Duration = Duration::from_mins(1);

/// How often an object in a terminating namespace is retried while its connection is unavailable.
const IN_TERMINATING_NAMESPACE: Duration = Duration::from_secs(5);

/// How soon a deletion is retried whose connection has not been checked yet.
const UNCHECKED_RETRY: Duration = Duration::from_secs(1);

/// How the upstream half of a deletion ended.
enum Deletion {
    /// Nothing of the object is left upstream.
    Done,
    /// The upstream object is left in place.
    Orphaned(OrphanReason),
}

/// Deletes or orphans the upstream object, and removes the finalizer.
pub async fn run<K: Managed>(this: &mut Reconciliation<'_, K>) -> Result<Action> {
    if !finalizer::has(&this.object) {
        return Ok(Action::await_change());
    }
    let Some(record) = this.status.common.upstream.clone() else {
        return remove_finalizer(this, None).await;
    };
    let deletion = match this.object.orphan_reason() {
        Some(why) => Ok(Deletion::Orphaned(why)),
        None => delete_unless_crd_is_deleted(this, &record).await,
    };
    match deletion {
        Ok(Deletion::Done) => remove_finalizer(this, None).await,
        Ok(Deletion::Orphaned(why)) => {
            orphan::report(this, &record, why).await;
            remove_finalizer(this, Some(why)).await
        }
        Err(Stop::Report(outcome)) => block(this, outcome).await,
        Err(Stop::Silently(requeue)) => this.finish_silently(requeue).await,
        Err(Stop::Retry(error)) => Err(error),
    }
}

/// Keeps the finalizer, and reports what the deletion waits for.
async fn block<K: Managed>(this: &mut Reconciliation<'_, K>, outcome: Outcome) -> Result<Action> {
    let patience = Requeue::After(BLOCKED_RETRY.min(this.shared().settings.slow_retry));
    let requeue = if outcome.requeue == Requeue::Slow { patience } else { outcome.requeue };
    this.finish(Outcome { requeue, ..outcome }).await
}

/// Deletes the upstream object. An administrator who deletes the CRD removes the operator, and does not mean
/// to delete every upstream object.
async fn delete_unless_crd_is_deleted<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
) -> Result<Deletion, Stop> {
    match crd::state::<K>(&this.shared().client, deleted_for(this)).await? {
        CrdState::Present => delete(this, record).await,
        CrdState::Deleting => Ok(Deletion::Orphaned(OrphanReason::CrdDeleted)),
        CrdState::Unknown(wait) => Err(Stop::Silently(Requeue::After(wait))),
    }
}

async fn delete<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef) -> Result<Deletion, Stop> {
    if record.id.is_none()
        && let Some(left) = this.grace_left()
    {
        // A create whose response was lost may still take effect: a look-up now could miss it.
        return Err(create_in_flight(left).into());
    }
    limit::check(this).await?;
    account::ensure_known(this).await?;
    // The connection of the spec, which is immutable: people who may not use a connection may be able to
    // name it in status.
    let reference = &this.object.common().connection_ref;
    let account = match this.shared().accounts.resolve_for_deletion(reference, &this.namespace()) {
        Ok(account) => account,
        Err(unavailable) => return without_connection(this, unavailable).await,
    };
    let deleter = deleter(this, record, &account)?;
    let name = registry::bind(&account, this.object.desired(), &this.owner_tag(), this.request_context());
    let name = name.map_or_else(|_| record.key.clone(), |external| external.key());
    deleter.know(&name);
    delete_upstream(this, record, &name, deleter.as_ref()).await
}

/// Waits for a create that may still take effect, or whose object the upstream does not show yet.
fn create_in_flight(left: Duration) -> Outcome {
    let message = "A create request may still take effect. Waiting before checking whether the object exists.";
    Outcome::working(Reason::Deleting, message, Requeue::After(left + Duration::from_secs(1)))
}

/// Returns the deleter of the collection that the deletion record names.
fn deleter<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    account: &Arc<Account>,
) -> Result<Box<dyn ExternalDeleter>, Stop> {
    let deleter = registry::deleter(account, &record.system, &this.owner_tag(), this.request_context());
    deleter.ok_or_else(|| {
        let message = format!("status.upstream names {}, which this connection does not reach.", record.system);
        Outcome::refused(Reason::InvalidSpec, message).into()
    })
}

/// Finds, plans and deletes.
async fn delete_upstream<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    name: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<Deletion, Stop> {
    let operation = this.status.common.operation.as_ref();
    let record = DeletionRecord { id: record.id.as_deref(), in_flight: operation.map(|operation| operation.kind) };
    let plan = observe_and_plan(this, &record, name, deleter).await.map_err(|error| failed(this, &error))?;
    let ids = match plan {
        DeletionPlan::Delete(ids) => ids,
        DeletionPlan::NotOurs => return Ok(Deletion::Orphaned(OrphanReason::NotOurs)),
        DeletionPlan::Blocked(outcome) => return Err(outcome.into()),
    };
    let creating = operation.is_some_and(|operation| operation.kind != OperationKind::Adopt);
    if let Some(left) = this.grace_left().filter(|_| ids.is_empty() && creating) {
        return Err(create_in_flight(left).into());
    }
    for id in &ids {
        delete_one(this, id, deleter).await?;
    }
    users::check_gone(this, name, deleter).await?;
    Ok(Deletion::Done)
}

async fn observe_and_plan<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &DeletionRecord<'_>,
    name: &str,
    deleter: &dyn ExternalDeleter,
) -> crate::engine::Result<DeletionPlan> {
    let recorded = match record.id {
        Some(id) => deleter.owner(id).await?,
        None => None,
    };
    let has_unique_name = registry::unique_name(this.object.desired()).is_some();
    let named =
        if record.needs_search(recorded.as_ref(), has_unique_name) { deleter.find(name).await? } else { Vec::new() };
    Ok(plan_deletion(record, recorded, named))
}

async fn delete_one<K: Managed>(
    this: &Reconciliation<'_, K>,
    id: &str,
    deleter: &dyn ExternalDeleter,
) -> Result<(), Stop> {
    let shared = this.shared();
    if !(shared.settings.safeguards.lagging_reads && shared.settling.is_deleted(&this.uid(), id)) {
        users::check(this, id, deleter).await?;
        let result = this.write(Write::to(Cause::Deletion, id), deleter.delete(id)).await?;
        result.map_err(|error| failed(this, &error))?;
        shared.settling.deleted(&this.uid(), id);
        limit::record(this);
        this.normal_event("Deleted", &format!("Deleted {id} upstream.")).await;
    }
    // A success without a body proves little: a gateway may have answered.
    match deleter.owner(id).await {
        Ok(None) => Ok(()),
        // The deletion may not be visible yet. After a while it is repeated.
        Ok(Some(_)) => Err(deletion_plan::still_listed(id, shared.settling.next_look(&this.uid())).into()),
        Err(error) => Err(failed(this, &error)),
    }
}

/// Waits for the connection; in a terminating namespace not for ever, because the connection may have been
/// deleted first.
async fn without_connection<K: Managed>(
    this: &Reconciliation<'_, K>,
    unavailable: Unavailable,
) -> Result<Deletion, Stop> {
    let reference = &this.object.common().connection_ref;
    let Stop::Report(outcome) = account::stop_for(unavailable, reference, &this.namespace()) else {
        let message = "Waiting for the connection to be checked.";
        return Err(Outcome::working(Reason::Deleting, message, Requeue::After(UNCHECKED_RETRY)).into());
    };
    let namespaces: Api<Namespace> = Api::all(this.shared().client.clone());
    let namespace = namespaces.get_metadata_opt(&this.namespace()).await?;
    let terminating = namespace.is_none_or(|namespace| namespace.metadata.deletion_timestamp.is_some());
    if terminating && deleted_for(this) >= this.shared().settings.orphan_after {
        return Ok(Deletion::Orphaned(OrphanReason::Deadline));
    }
    let requeue = if terminating { Requeue::After(IN_TERMINATING_NAMESPACE) } else { outcome.requeue };
    Err(Outcome { requeue, ..outcome }.into())
}

/// Returns how long ago the object was deleted.
fn deleted_for<K: Managed>(this: &Reconciliation<'_, K>) -> Duration {
    let deleted = this.object.meta().deletion_timestamp.as_ref().map(|time| time.0);
    let passed = deleted.map(|at| this.shared().clock.now().duration_since(at));
    passed.and_then(|passed| Duration::try_from(passed).ok()).unwrap_or_default()
}

/// Removes the finalizer. An orphan is counted only then: everything before may be repeated.
async fn remove_finalizer<K: Managed>(this: &Reconciliation<'_, K>, orphaned: Option<OrphanReason>) -> Result<Action> {
    match finalizer::remove(&this.api(), &this.object, this.shared().settings.safeguards).await {
        // The object is gone or was changed: the watch delivers what is left to do.
        Err(Error::Stale) => return Ok(Action::requeue(Duration::from_secs(1))),
        other => other?,
    }
    if let Some(why) = orphaned {
        this.shared().metrics.orphaned(K::KIND, why.label());
    }
    this.forget();
    Ok(Action::await_change())
}
