//! Shares lists among the deletions of a crowd.
//!
//! A list answers two questions of a deletion, which otherwise cost reads for each object. It is never older than the
//! object's last write.
//!
//! | question | the list must have begun | otherwise |
//! | --- | --- | --- |
//! | is the recorded object ours, and does no other one bear its owner tag? | after this process saw the deletion, and not long ago | [`target`](super::target) reads |
//! | is it gone? | after the upstream accepted the deletion | the object waits for a list that serves others as well, or a read tells |
//!
//! A list that shows anything else decides nothing. An object waits only if nothing else of it is left to delete.

use super::target::Target;
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::failure::failed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::engine::outcome::Requeue;
use crate::engine::{Absence, ExternalDeleter};
use std::time::{Duration, Instant};

/// The maximum age of a list that shows the object before its deletion.
const MAX_AGE: Duration = Duration::from_secs(3);

/// The maximum age of a list that shows the users of objects.
const MAX_AGE_OF_USERS: Duration = Duration::from_secs(10);

/// How soon an object asks again whether the list is there.
const PAUSE: Duration = Duration::from_secs(1);

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns the recorded id, if a list proves that this object is the only one to delete, or if it is deleted and only
    /// its absence is left to confirm.
    pub(super) async fn only_id(&self, target: &Target) -> Option<String> {
        let (shared, uid, id) = (self.shared(), self.uid(), target.id.as_deref()?);
        if shared.records.may_have_copy(&uid) {
            return None;
        }
        if shared.settling.deferred(&uid, id).is_some() {
            return Some(id.to_owned());
        }
        let is_plain = self.status.common.operation.is_none()
            && !self.record_lost()
            && self.contradiction().is_none()
            && !shared.settling.has_deleted(&uid);
        if !is_plain {
            return None;
        }
        let not_before = self.fresh(shared.observations.deletion_not_before(&uid, MAX_AGE));
        let waiting = shared.permits.waiting_deletions(&self.object.connection());
        target.deleter.is_ours_in_list(id, &target.key, not_before, waiting).await.then(|| id.to_owned())
    }

    /// Returns the earliest start of a list of users that may serve this object now.
    pub(super) fn users_not_before(&self) -> Instant {
        self.shared().observations.deletion_not_before(&self.uid(), MAX_AGE_OF_USERS)
    }

    /// Returns whether the object is gone whose deletion the upstream accepted; `accepted` is when, if this reconcile sent
    /// it. `is_only` says that nothing else is left to delete, so that the object may wait for a list.
    pub(super) async fn is_gone(
        &self,
        id: &str,
        deleter: &dyn ExternalDeleter,
        accepted: Option<Instant>,
        is_only: bool,
    ) -> Result<bool, Stop> {
        let (shared, uid) = (self.shared(), self.uid());
        let Some(accepted) = accepted.or_else(|| shared.settling.deferred(&uid, id)) else {
            let owner = deleter.owner(id).await.map_err(|error| failed(self, &error))?;
            return Ok(owner.is_none());
        };
        let waiting = if is_only { shared.permits.waiting_deletions(&self.object.connection()) } else { 0 };
        let absence = deleter.absence(id, accepted, waiting).await.map_err(|error| failed(self, &error))?;
        if absence == Absence::Later {
            shared.settling.defer(&uid);
            return Err(Stop::Silently(Requeue::After(PAUSE)));
        }
        Ok(absence == Absence::Confirmed)
    }
}
