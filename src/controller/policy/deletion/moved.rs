//! Treats an object whose connection leads to another place than the one that status records: it is deleted
//! only where it is recorded, or given up if its owner asks for that.

use super::orphan;
use super::places::Place;
use super::target::Target;
use super::untag::OwnerTagFate;
use crate::api::{FORCE_ORPHAN, RELEASE_UPSTREAM, Reason};
use crate::controller::Result;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::moved;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::OrphanReason;
use crate::engine::location::Difference;
use crate::engine::outcome::Outcome;
use crate::upstream::Account;

/// Gives up the recorded object if the annotation names its place. The place is part of the value, so an
/// annotation that stays does not give up the next object, too.
pub async fn release_if_requested<K: Managed>(this: &mut Reconciliation<'_, K>, account: &Account) -> Result<()> {
    let Some(moved) = moved::of(this, account) else { return Ok(()) };
    let requested =
        this.object.annotations().get(RELEASE_UPSTREAM).is_some_and(|place| *place == moved.from.to_string());
    if !requested {
        return Ok(());
    }
    let tag = OwnerTagFate::Stays("the connection leads to another place".to_owned());
    orphan::report(this, this.possible_ref(), OrphanReason::Moved, &tag, false);
    this.forget_record().await?;
    this.forget_place().await?;
    this.forget_refused();
    this.shared().metrics.orphaned(K::KIND, OrphanReason::Moved.label());
    Ok(())
}

/// Makes sure that a deletion reaches the recorded object: that it is at the place to which the connection
/// leads. Its absence there is no deletion.
pub async fn confirm<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
    account: &Account,
    targets: &[Target],
) -> Result<(), Stop> {
    let Some(moved) = place.record.and_then(|record| moved::between(this, record, account)) else { return Ok(()) };
    if is_deleted_here(this, place) {
        return Ok(());
    }
    if moved.difference == Difference::Possible {
        for target in targets {
            let found = target.deleter.locate(moved.id.as_deref(), &target.key).await;
            let found = found.map_err(|error| failed(this, &error))?;
            if found.iter().any(|(id, owner)| moved.is_disproved_by(id, owner)) {
                return Ok(());
            }
        }
    }
    let message = format!(
        "{} The operator deletes it only where it is recorded. Change the connection back. Or set the annotation {FORCE_ORPHAN}=true to release this object without deleting the recorded one.",
        moved.description()
    );
    Err(Outcome::refused(Reason::AccountChanged, message).into())
}

/// Returns whether an earlier attempt found the object at this place and deleted it, and the removal of the finalizer
/// failed. A deletion at another place tells nothing of this one.
fn is_deleted_here<K: Managed>(this: &Reconciliation<'_, K>, place: &Place<'_>) -> bool {
    let settling = &this.shared().settling;
    if this.former().is_none() {
        return settling.has_deleted(&this.uid());
    }
    let id = place.record.and_then(|record| record.id.as_deref());
    id.is_some_and(|id| settling.is_deleted(&this.uid(), id))
}
