//! Looks for the upstream object at its recorded place when the spec names another one.
//!
//! Another writer removed the record from status, because the API server refuses such a spec otherwise. If the object with our
//! owner tag is at the recorded place, the record is put back, which also permits the way back. If a complete answer
//! shows that it is not there, the spec is right: the operator forgets the place and goes on. If it cannot look, it waits.
//!
//! Where the upstream only refused a create, it looks once after the grace, and believes the refusal if it cannot look.
//!
//! Or another writer edited the annotation. Then status agrees with the spec: it keeps its record, and the annotation is put
//! right once it is certain that nothing is at its place, or a person gives that place up.

use super::deletion::orphan;
use super::deletion::untag::OwnerTagFate;
use super::failure::failed;
use super::reconciliation::Reconciliation;
use super::stop::Stop;
use super::{account, moved};
use crate::api::status::UpstreamRef;
use crate::api::{RELEASE_UPSTREAM, Reason};
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::engine::contradiction::Former;
use crate::engine::location::Location;
use crate::engine::outcome::{Outcome, Requeue};
use crate::engine::{ExternalDeleter, OrphanReason, Ownership};
use crate::upstream::{Account, registry};
use std::time::Duration;

/// Ends the reconcile if the spec contradicts the place of an upstream object that is there, or may be.
pub async fn settle<K: Managed>(this: &mut Reconciliation<'_, K>) -> Result<(), Stop> {
    let (Some(contradiction), Some(record)) = (this.contradiction(), this.former().cloned()) else { return Ok(()) };
    if this.is_only_refused() {
        wait_for_create(this)?;
    }
    let former = look(this, &record).await?;
    let mut message = contradiction.message(&former);
    let requeue = match &former {
        Former::Gone => {
            wait_for_create(this)?;
            return Ok(leave(this, &record).await?);
        }
        // A refused create most often made nothing, so such a place does not hold the spec.
        Former::Unknown(why) if this.is_only_refused() => return Ok(leave_unsearched(this, &record, why).await?),
        Former::There(id) => {
            if this.is_only_refused() {
                this.keep_place(record.clone()).await?;
            }
            this.status.common.upstream = Some(UpstreamRef { id: Some(id.clone()), ..record });
            Requeue::Slow
        }
        Former::Unknown(_) if is_given_up(this, &record) => {
            let tag = OwnerTagFate::Stays("the operator cannot look there".to_owned());
            orphan::report(this, Some(&record), OrphanReason::Moved, &tag, false);
            leave(this, &record).await?;
            this.shared().metrics.orphaned(K::KIND, OrphanReason::Moved.label());
            return Ok(());
        }
        Former::Unknown(why) => {
            if this.spec_is_recorded() {
                message = contradiction.message_about_annotation(why);
            } else {
                this.status.common.upstream = Some(record);
            }
            Requeue::Backoff
        }
    };
    Err(Outcome { requeue, ..Outcome::refused(contradiction.reason(), message) }.into())
}

/// Forgets the former place. A record in status with which the spec agrees stays.
async fn leave<K: Managed>(this: &mut Reconciliation<'_, K>, record: &UpstreamRef) -> Result<()> {
    tracing::info!(kind = K::KIND, namespace = this.namespace(), name = this.object.name_any(), place = ?record, "nothing is left at the former place; the spec names another one");
    if this.spec_is_recorded() {
        return this.correct_place().await;
    }
    this.forget_record().await?;
    this.forget_place().await?;
    this.forget_refused();
    this.forget();
    Ok(())
}

/// Forgets a place where the operator cannot look, and where the upstream refused a create: it says what may be left there.
async fn leave_unsearched<K: Managed>(this: &mut Reconciliation<'_, K>, record: &UpstreamRef, why: &str) -> Result<()> {
    this.tell_unsearched(record, why);
    leave(this, record).await
}

/// Returns whether a person gives up what may be at the former place.
fn is_given_up<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef) -> bool {
    let place = Location::from(record).to_string();
    this.object.annotations().get(RELEASE_UPSTREAM) == Some(&place)
}

/// Looks for objects with our owner tag at the recorded place.
async fn look<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef) -> Result<Former, Stop> {
    let (shared, namespace) = (this.shared(), this.namespace());
    account::ensure_known(this, &record.connection).await?;
    let account = match shared.accounts.resolve_for_deletion(&record.connection, &namespace, &this.uid()) {
        Ok(account) => account,
        Err(why) => match account::stop_for(why, &record.connection, &namespace) {
            Stop::Report(outcome) => return Ok(unknown(&outcome.message)),
            stop => return Err(stop),
        },
    };
    Ok(match look_in(this, record, &account).await? {
        Former::Gone if moved::between(this, record, &account).is_some() => {
            unknown("the connection leads to another place now")
        }
        seen => seen,
    })
}

async fn look_in<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    account: &Account,
) -> Result<Former, Stop> {
    let deleter = registry::deleter(account, &record.system, &this.owner_tag(), this.request_context());
    let Some(deleter) = deleter else { return Ok(unknown("the connection leads to another provider")) };
    let found = match find(this, record, account, deleter.as_ref()).await {
        Ok(found) => found,
        // A refusal is believed where the operator cannot look, and not because it could not look once.
        Err(error) if this.is_only_refused() && error.kind.is_transient() => return Err(failed(this, &error)),
        Err(error) => return Ok(unknown(&error.sentence())),
    };
    let is_known = |id: &String| record.id.as_ref() == Some(id);
    if found.iter().any(|(id, owner)| *owner == Ownership::Unknown && !is_known(id)) {
        return Ok(unknown("an object of this name is there, and the upstream shows no owner tags"));
    }
    Ok(match found.into_iter().find(|(_, owner)| owner.may_be_ours()) {
        Some((id, _)) if is_of_spec(this, deleter.as_ref(), record, &id).await => Former::Gone,
        Some((id, _)) => Former::There(id),
        None => Former::Gone,
    })
}

/// Finds what may be left at the recorded place, also under another name if status lost its record.
async fn find<K: Managed>(
    this: &Reconciliation<'_, K>,
    record: &UpstreamRef,
    account: &Account,
    deleter: &dyn ExternalDeleter,
) -> crate::engine::Result<Vec<(String, Ownership)>> {
    let mut found = deleter.find_left(record.id.as_deref(), &record.key).await?;
    let location = registry::location(account, &record.system).to_string();
    if !found.iter().any(|(_, owner)| *owner == Ownership::Ours) && this.may_be_renamed(&location) {
        let tagged = deleter.find_tagged(this.tags_not_before()).await?;
        if tagged.is_empty() && this.grace_left().is_none() {
            this.shared().records.tag_searched(&this.uid(), &location);
        }
        found.extend(tagged);
    }
    Ok(found)
}

/// Returns whether the spec names an object that was found: then the record names it wrongly.
async fn is_of_spec<K: Managed>(
    this: &Reconciliation<'_, K>,
    deleter: &dyn ExternalDeleter,
    record: &UpstreamRef,
    id: &str,
) -> bool {
    let Some((_, name)) = registry::unique_name(this.object.desired()) else { return false };
    if record.connection != this.object.common().connection_ref {
        return false;
    }
    deleter.find(name).await.is_ok_and(|named| named.iter().any(|(found, _)| found == id))
}

/// Waits while a create may still take effect. Another process may have sent one until this one saw the object.
fn wait_for_create<K: Managed>(this: &Reconciliation<'_, K>) -> Result<(), Stop> {
    let shared = this.shared();
    let since_seen = shared.settings.create_grace.saturating_sub(shared.observations.seen_for(&this.uid()));
    let is_first = shared.records.is_first_process(&this.uid());
    let unrecorded = this.status.common.operation.is_none() && !is_first && !since_seen.is_zero();
    let wait = this.next_look().or_else(|| this.unseen_left()).or(unrecorded.then_some(since_seen));
    let Some(wait) = wait else { return Ok(()) };
    let message = "A create request may still take effect where the object was recorded. The operator looks again.";
    Err(Outcome::working(Reason::Creating, message, Requeue::After(wait.max(Duration::from_millis(100)))).into())
}

fn unknown(why: &str) -> Former {
    Former::Unknown(why.trim_end_matches('.').to_owned())
}
