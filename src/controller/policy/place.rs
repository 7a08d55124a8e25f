//! Keeps the place of the upstream object where a writer of status alone does not reach it.
//!
//! The place is the connection, the collection, the name and the location. The API server permits another connection or
//! name only while status records nothing, and status may be edited. So the operator also keeps the place in its memory
//! and in an annotation ([`recorded_place`]). The contract:
//!
//! - The annotation is written in the patch that adds the finalizer, before anything is sent upstream. It goes when
//!   the upstream object is given up, or when a search shows that nothing is there. After a refused create it stays until
//!   the search after the grace, for a later process. Memory tells this process that the create was refused: a corrected
//!   spec looks there first, and a place that cannot be seen holds it no longer than the grace.
//! - Memory counts before the annotation, and both before the connection and the name in status. None of them proves
//!   ownership: the owner tag does. Users can edit annotations, too: a place that spec and status contradict alike does
//!   not replace the record in status.
//! - A spec that contradicts the place is looked at there first ([`former`](super::former)). While the upstream object
//!   is there, or may be, the operator writes nothing and says how to go back. A deletion looks at both places, and lets
//!   go only when nothing of the object is at either. An object with our owner tag at a place that only the annotation
//!   names may be a copy: it tells nothing of the place of the spec.
//! - A writer of the whole object can remove finalizer and annotation while the operator is stopped. The upstream
//!   object then stays with its owner tag, as it does when only the finalizer is removed.

use super::reconciliation::Reconciliation;
use crate::api::has_finalizer;
use crate::api::recorded_place::{self, RECORDED_UPSTREAM};
use crate::api::status::UpstreamRef;
use crate::controller::Result;
use crate::controller::k8s::finalizer;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::footprint::Footprint;
use crate::engine::Details;
use crate::engine::contradiction::Contradiction;
use crate::engine::location::Location;
use crate::upstream::registry;

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns how the spec contradicts the place; `None` if it does not, or if nothing is upstream.
    pub fn contradiction(&self) -> Option<Contradiction> {
        let name = registry::identity(self.object.desired()).and_then(|identity| identity.name);
        Contradiction::between(self.kept_place()?, &self.object.common().connection_ref, name)
    }

    /// Returns the record of the upstream object: that in status, unless status records nothing, or both the spec and
    /// status contradict the place.
    pub fn upstream_ref(&self) -> Option<&UpstreamRef> {
        let saved = self.status.common.upstream.as_ref();
        let former = self.former().filter(|_| !self.spec_is_recorded() && !self.is_only_refused());
        former.or(saved).or(self.place.as_ref())
    }

    /// Returns whether at most a create that the upstream refused made something at the place.
    pub fn is_only_refused(&self) -> bool {
        self.place.is_none() && self.refused_place.is_some()
    }

    /// Returns where something of the object may be: its record, or else the place of a create that the upstream refused.
    pub fn possible_ref(&self) -> Option<&UpstreamRef> {
        self.upstream_ref().or(self.refused_place.as_ref())
    }

    /// Warns that a refused create may have made an object where the operator cannot look.
    pub fn tell_unsearched(&self, place: &UpstreamRef, why: &str) {
        let UpstreamRef { system, key, .. } = place;
        let (location, namespace, name) = (Location::from(place).to_string(), self.namespace(), self.object.name_any());
        tracing::warn!(
            kind = K::KIND,
            namespace,
            name,
            system,
            key,
            location,
            why,
            "cannot look where the upstream refused a create"
        );
        let note = format!(
            "The upstream refused a create of {system} {key} at {location}, and the operator cannot look there ({why}). If the create took effect all the same, its object is left there."
        );
        self.warning_event("LeftBehind", &note);
    }

    /// Forgets a create that the upstream refused: a search would have shown its object.
    pub fn forget_refused(&mut self) {
        self.refused_place = None;
        self.shared().records.refusal_searched(&self.uid());
    }

    fn kept_place(&self) -> Option<&UpstreamRef> {
        self.place.as_ref().or(self.refused_place.as_ref())
    }

    /// Returns the record of the place that the spec contradicts, with the id in status if that is of the same place.
    pub fn former(&self) -> Option<&UpstreamRef> {
        self.contradiction()?;
        let (saved, place) = (self.status.common.upstream.as_ref(), self.kept_place()?);
        saved.filter(|saved| is_same(saved, place)).or(Some(place))
    }

    /// Returns whether status records an upstream object at the place that the spec names.
    pub fn spec_is_recorded(&self) -> bool {
        let (Some(saved), Some(identity)) = (&self.status.common.upstream, registry::identity(self.object.desired()))
        else {
            return false;
        };
        let connection = &self.object.common().connection_ref;
        saved.system == identity.system && Contradiction::between(saved, connection, identity.name).is_none()
    }

    /// Puts connection and name in status right where the spec agrees with the place: another writer changed them.
    pub(super) fn correct_record(&mut self) {
        if self.contradiction().is_some() {
            return;
        }
        let unique = self.has_unique_name();
        if let (Some(saved), Some(place)) = (&mut self.status.common.upstream, &self.place)
            && saved.system == place.system
        {
            if saved.connection != place.connection {
                // The location is that of the other connection.
                *saved = UpstreamRef { id: saved.id.take(), adopted: saved.adopted, ..place.clone() };
            }
            if unique {
                saved.key.clone_from(&place.key);
            }
        }
    }

    /// Adds the finalizer, and the annotation with the place, before anything can exist upstream. An object that only
    /// observes needs none.
    pub async fn ensure_finalizer(&mut self) -> Result<()> {
        if self.object.only_observes() {
            return Ok(());
        }
        let text = self.place.as_ref().and_then(|place| recorded_place::text(&self.uid(), place));
        let kept = text.is_none() || self.object.annotations().get(RECORDED_UPSTREAM) == text.as_ref();
        if kept && has_finalizer(&self.object) {
            return Ok(());
        }
        let safeguards = self.shared().settings.safeguards;
        let is_first = self.has_no_past();
        self.object = finalizer::add(&self.api(), &self.object, text.as_deref(), safeguards).await?;
        if is_first {
            self.shared().records.began_here(&self.uid());
        }
        self.shared().records.remember(&self.uid(), Footprint::of(&self.object));
        if self.place.is_some() {
            self.shared().places.keep(&self.uid(), self.place.clone());
        }
        Ok(())
    }

    /// Replaces a place at which nothing of the object is by that in status, with which the spec agrees.
    pub async fn correct_place(&mut self) -> Result<()> {
        self.place = None;
        let Some(saved) = self.status.common.upstream.clone() else { return Ok(()) };
        self.keep_place(saved).await
    }

    /// Returns whether no earlier process can have sent anything for the object: it shows no trace of one. A finalizer
    /// that another writer removed is only put back.
    fn has_no_past(&self) -> bool {
        let had_finalizer = self.shared().records.had_finalizer(&self.uid());
        !had_finalizer && !self.was_recorded() && recorded_place::read(&self.object).is_none()
    }

    /// Adds the finalizer and the annotation with this place.
    pub async fn keep_place(&mut self, place: UpstreamRef) -> Result<()> {
        let unique = registry::identity(self.object.desired()).is_some_and(|identity| identity.name.is_some());
        if self.place.as_ref().is_none_or(|kept| is_outdated(kept, &place, unique)) {
            self.place = Some(UpstreamRef { id: None, adopted: false, ..place });
        }
        self.ensure_finalizer().await?;
        self.shared().places.choose(&self.uid());
        Ok(())
    }

    /// Returns whether only one upstream object can have the name in the spec.
    pub fn has_unique_name(&self) -> bool {
        registry::unique_name(self.object.desired()).is_some()
    }

    /// Leaves the place to the annotation: most likely nothing of this object is there.
    pub fn leave_place(&mut self) {
        self.place = None;
        self.shared().places.keep(&self.uid(), None);
    }

    /// Forgets the place: it is certain that nothing of this object is upstream, or its owner gave it up.
    pub async fn forget_place(&mut self) -> Result<()> {
        if self.object.annotations().contains_key(RECORDED_UPSTREAM) {
            let safeguards = self.shared().settings.safeguards;
            self.object = finalizer::forget_place(&self.api(), &self.object, safeguards).await?;
            self.shared().records.remember(&self.uid(), Footprint::of(&self.object));
        }
        self.leave_place();
        Ok(())
    }

    /// Removes from status what the operator observed before, if none of it is recorded: the spec may name another object
    /// since.
    pub fn forget_unrecorded(&mut self) {
        if self.recorded_id().is_none() {
            (self.status.observed_id, self.status.details) = (None, Details::default());
        }
    }

    /// Removes the record from status, with everything that status says of the recorded object.
    pub async fn forget_record(&mut self) -> Result<()> {
        let draft = &mut self.status;
        (draft.common.upstream, draft.common.operation, draft.common.applied_hash) = (None, None, None);
        (draft.observed_id, draft.details, draft.attached_to) = (None, Details::default(), None);
        draft.once_declared.clear();
        self.save().await
    }
}

/// Returns whether a record is of this place.
fn is_same(record: &UpstreamRef, place: &UpstreamRef) -> bool {
    (&record.system, &record.connection, &record.key) == (&place.system, &place.connection, &place.key)
}

/// Returns whether the kept place is not that of the object any more. An account that shows its id later is no other
/// place, and a name that is not unique is none.
fn is_outdated(kept: &UpstreamRef, now: &UpstreamRef, unique_name: bool) -> bool {
    let other_account = now.account.is_some() && kept.account.is_some() && now.account != kept.account;
    (&kept.system, &kept.connection, &kept.endpoint, &kept.repository)
        != (&now.system, &now.connection, &now.endpoint, &now.repository)
        || (unique_name && kept.key != now.key)
        || other_account
}
