//! Finds the places where the upstream object of a deletion may be.
//!
//! That is the place that the spec names. If memory or the annotation names another one, the object may be there as well:
//! either the record was removed and the spec changed, or a user edited the annotation. A deletion looks at both, and
//! lets go when nothing of the object is at either. A place that cannot be looked at blocks it, with one exception: the
//! object was found at the former place, status does not name that of the spec, and nothing can have been sent there.
//!
//! | what proves that nothing was sent to the place of the spec | why |
//! | --- | --- |
//! | this process chose the former place | it writes nothing while the spec contradicts that place |
//! | the connection of the spec does not exist | a connection stays while an object names it |
//!
//! The annotation alone proves nothing: who edits it may have made a copy of the object, with its owner tag, at the place
//! that it names.

use crate::api::shared::ConnectionRef;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::account;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::controller::state::accounts::Unavailable;
use crate::engine::outcome::Outcome;
use crate::upstream::Account;
use std::sync::Arc;

/// One place.
pub struct Place<'a> {
    /// The connection that leads there. The one in status is never followed.
    pub connection: &'a ConnectionRef,
    /// What is recorded there.
    pub record: Option<&'a UpstreamRef>,
    /// Whether the spec names it.
    pub is_of_spec: bool,
}

/// Why the operator cannot look at a place.
pub enum Unseen {
    /// Its connection cannot be used.
    Unavailable(Unavailable),
    /// Its connection leads elsewhere.
    Moved(Outcome),
}

/// Returns the places: the former one first.
pub fn all<'a, K: Managed>(this: &'a Reconciliation<'_, K>) -> Vec<Place<'a>> {
    let connection = &this.object.common().connection_ref;
    let Some(former) = this.former() else {
        return vec![Place { connection, record: this.possible_ref(), is_of_spec: true }];
    };
    let recorded = this.status.common.upstream.as_ref().filter(|_| this.spec_is_recorded());
    vec![
        Place { connection: &former.connection, record: Some(former), is_of_spec: false },
        Place { connection, record: recorded, is_of_spec: true },
    ]
}

/// Opens the connection that leads to a place.
pub async fn open<K: Managed>(
    this: &Reconciliation<'_, K>,
    place: &Place<'_>,
) -> Result<Result<Arc<Account>, Unavailable>, Stop> {
    account::ensure_known(this, place.connection).await?;
    Ok(this.shared().accounts.resolve_for_deletion(place.connection, &this.namespace(), &this.uid()))
}

impl Place<'_> {
    /// Returns whether something may be at this place, which cannot be looked at, after the deletion at the other one.
    pub fn may_hold<K: Managed>(&self, this: &Reconciliation<'_, K>, why: &Unseen) -> bool {
        let (shared, uid) = (this.shared(), this.uid());
        let was_found = shared.settling.has_deleted(&uid);
        let is_only_named = self.is_of_spec && this.former().is_some() && self.record.is_none();
        let is_missing = matches!(why, Unseen::Unavailable(Unavailable::NotFound { .. }));
        let is_unused = is_only_named && (is_missing || shared.places.is_chosen(&uid));
        !(self.is_believed(this) || (was_found && is_unused))
    }

    /// Returns whether at most a create that the upstream refused made something at this former place: the refusal is
    /// believed after the grace.
    pub fn is_believed<K: Managed>(&self, this: &Reconciliation<'_, K>) -> bool {
        !self.is_of_spec && this.is_only_refused() && this.refused_left().is_none()
    }
}
