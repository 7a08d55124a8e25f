//! Finds out whether the connection leads to another place than the one that status records, or where a create was refused
//! that may have taken effect.
//!
//! The place is the endpoint, the account and the repository. An object that is not at the new place was not
//! deleted: it is still at the old one, with everything that it grants.

use super::reconciliation::Reconciliation;
use crate::api::status::UpstreamRef;
use crate::controller::kinds::managed::Managed;
use crate::engine::location::Moved;
use crate::upstream::{Account, registry};

/// Compares the place where something of the object may be with the one to which the connection leads; `None` if both are
/// the same, or if nothing was sent.
pub fn of<K: Managed>(this: &Reconciliation<'_, K>, account: &Account) -> Option<Moved> {
    between(this, this.possible_ref()?, account)
}

/// Compares the place in a record with the one to which a connection leads; `None` if both are the same.
pub fn between<K: Managed>(this: &Reconciliation<'_, K>, record: &UpstreamRef, account: &Account) -> Option<Moved> {
    let moved = || Moved::between(record, registry::location(account, &record.system));
    if this.shared().settings.safeguards.location { moved() } else { None }
}

/// Records the place of an object that was found to be ours. An account that shows its id for the first time is
/// told to its connection, whose status keeps it over a restart.
pub fn record<K: Managed>(this: &mut Reconciliation<'_, K>, account: &Account) {
    if account.has_new_id() {
        this.shared().accounts.recheck(&this.object.connection());
    }
    if let Some(record) = &mut this.status.common.upstream {
        let now = registry::location(account, &record.system);
        record.endpoint = now.endpoint;
        record.account = now.account.or(record.account.take());
        record.repository = now.repository;
    }
}
