//! Decides when to look for the effect of a write whose response was lost, and for how long.
//!
//! A create may take effect, and become visible, within the grace: counted from its response or the loss of it. A
//! create of another process may have been sent until this one saw the object, so its grace counts from there at the
//! earliest. The record of a create in status can be lost: an object without a record, and with a trace of an earlier
//! process, may have one as well. The finalizer is such a trace, also after another writer removed it, and so is the
//! annotation with the place.
//!
//! A create that the upstream refused may have taken effect all the same. One search follows at once, and one after the
//! grace: until then a deletion does not let go, and where names are not unique no other create is sent. The memory of an
//! earlier process is lost: what it saw refused is searched for as a create without a record, and status tells that a create
//! was repeated.

use super::reconciliation::Reconciliation;
use crate::api::status::{Operation, OperationKind};
use crate::api::{has_finalizer, recorded_place};
use crate::controller::kinds::managed::Managed;
use crate::controller::settings::Settings;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// How soon after the grace it looks for the last time: clocks may differ a little.
const AFTER_GRACE: Duration = Duration::from_millis(500);

/// The shortest `first` that doubles to something.
const SHORTEST: Duration = Duration::from_millis(1);

/// Returns when to look again for the effect of a write: `first` after it was sent, then each time twice as late, and
/// once more when its grace has passed.
pub fn next(first: Duration, passed: Duration, left: Duration) -> Duration {
    let mut at = first.max(SHORTEST);
    while at <= passed {
        at = at.saturating_mul(2);
    }
    let wait = at.saturating_sub(passed);
    if wait < left { wait } else { left + AFTER_GRACE }
}

/// Returns the kind, namespace and name of an object.
pub fn full_name<K: Managed>(object: &K) -> String {
    format!("{} {}/{}", K::KIND, object.namespace().unwrap_or_default(), object.name_any())
}

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns how long the operation in flight, or a create of an earlier process, may still take effect or become
    /// visible; `None` when it cannot any more.
    pub fn grace_left(&self) -> Option<Duration> {
        self.operation_grace().max(self.inherited_grace())
    }

    /// Returns when to look for the effect of the write in flight, or of one that the upstream refused; `None` when none
    /// can take effect any more.
    pub fn next_look(&self) -> Option<Duration> {
        let Settings { create_grace, first_look, .. } = &self.shared().settings;
        let in_flight = self.grace_left().map(|left| next(*first_look, create_grace.saturating_sub(left), left));
        // A refusal is most often the truth, so it costs one look.
        in_flight.or_else(|| self.refused_look())
    }

    /// Returns when to look once more for the object of a create that the upstream refused.
    pub fn refused_look(&self) -> Option<Duration> {
        self.refused_left().map(|left| left + AFTER_GRACE)
    }

    /// Returns how long a search may not show the object of a create that the upstream refused; `None` when it would.
    pub fn refused_left(&self) -> Option<Duration> {
        self.refused_hidden_for().filter(|left| !left.is_zero())
    }

    /// Returns the same, and zero when the next search is the last one.
    pub fn refused_hidden_for(&self) -> Option<Duration> {
        self.shared().records.refused_hidden_for(&self.uid(), self.shared().settings.create_grace)
    }

    /// Returns whether this reconcile only looks for the object of a refused create: nothing asked for another create.
    pub fn only_looks(&self) -> bool {
        self.refused_hidden_for().is_some_and(|left| left.is_zero())
            && self.shared().records.is_at_rest(&self.uid())
            && !self.spec_changed()
            && !self.reconcile_requested()
    }

    /// Returns whether a create could make a copy of what a refused one made. Where names are unique, the upstream refuses
    /// the copy.
    pub fn may_copy_refused(&self) -> bool {
        self.refused_left().is_some() && !self.has_unique_name()
    }

    /// Remembers the second object that a repeated create of an earlier process may have made, as status records it.
    pub fn inherit_copy(&self) {
        let Some(recorded) = self.status.common.repeated_create_time.as_deref() else { return };
        let shared = self.shared();
        let age = recorded.parse::<Timestamp>().ok().map(|at| shared.clock.now().duration_since(at));
        // The clock may have been set back, and others can edit status.
        let ago = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
        if shared.settings.safeguards.search_unrecorded {
            shared.records.copy_inherited(&self.uid(), ago);
        }
    }

    /// Returns how long a search may not show the second object of a repeated create; zero when the next search is the last
    /// one, `None` if there is nothing to search for.
    pub fn copy_hidden_for(&self) -> Option<Duration> {
        self.shared().records.copy_hidden_for(&self.uid(), self.shared().settings.create_grace)
    }

    /// Returns whether a repeated create may have made a second object that no search has looked for. Where names are unique
    /// there is none.
    pub fn may_have_copy(&self) -> bool {
        !self.has_unique_name() && self.shared().records.may_have_copy(&self.uid())
    }

    /// Returns how much longer the upstream may not show what an earlier process made, although status records an object that
    /// is not there: others may have edited status while the operator was stopped. `None` if this process knows the object.
    pub fn unproven_left(&self) -> Option<Duration> {
        let (shared, uid) = (self.shared(), self.uid());
        let is_known = shared.records.is_first_process(&uid)
            || shared.records.proven(&uid).is_some()
            || shared.settling.has_deleted(&uid);
        if is_known || self.recorded_id().is_none() || !shared.settings.safeguards.search_unrecorded {
            return None;
        }
        let left = shared.settings.create_grace.checked_sub(shared.observations.seen_for(&uid))?;
        (!left.is_zero()).then_some(left + AFTER_GRACE)
    }

    /// Returns whether a create that may still take effect or become visible has no record in status.
    pub fn may_be_unrecorded(&self) -> bool {
        self.has_lost_record() && self.inherited_grace().is_some()
    }

    fn operation_grace(&self) -> Option<Duration> {
        let operation = self.status.common.operation.as_ref()?;
        self.shared().settings.create_grace.checked_sub(self.passed(operation)).filter(|left| !left.is_zero())
    }

    /// Returns the age of the operation in flight. The clock of the system can be set, so it counts only for an operation
    /// of an earlier process.
    fn passed(&self, operation: &Operation) -> Duration {
        let by_clock = || {
            let started = operation.started_at.parse::<Timestamp>().ok()?;
            Duration::try_from(self.shared().clock.now().duration_since(started)).ok()
        };
        self.shared().records.since_sent(&self.uid(), &operation.id).or_else(by_clock).unwrap_or_default()
    }

    /// Returns what is left of the grace of a create that an earlier process may have sent.
    fn inherited_grace(&self) -> Option<Duration> {
        let sent_here = self.shared().records.sent_create(&self.uid()).is_some();
        let sent_before = self.is_in_flight(OperationKind::Create) && !sent_here;
        if !sent_before && !self.has_lost_record() {
            return None;
        }
        let observations = &self.shared().observations;
        // What the former self of a restored object created just now may not be visible either.
        let restored = recorded_place::is_of_another(&self.object).then(|| observations.seen_for(&self.uid()));
        // An object may come from another operator long after this process started.
        let since = restored.or_else(|| self.lost_for()).unwrap_or_else(|| observations.seen_for(&self.uid()));
        self.shared().settings.create_grace.checked_sub(since).filter(|left| !left.is_zero())
    }

    /// Returns whether status lost its record while the operator was stopped, or may name another object since, and people
    /// may have renamed the upstream object meanwhile: then only its owner tag leads to it. One search of an account is
    /// enough for a process.
    pub fn may_be_renamed(&self, account: &str) -> bool {
        (self.has_lost_record() || self.has_unproven_record())
            && !recorded_place::is_of_another(&self.object)
            && !self.shared().records.was_tag_searched(&self.uid(), account)
    }

    /// Returns how old a read of tags may be that tells whether an object has our owner tag: after the grace of this process
    /// it shows what earlier ones wrote. What this one wrote may be shown only now.
    pub fn tags_not_before(&self) -> Instant {
        let (shared, now) = (self.shared(), Instant::now());
        let settled = shared.observations.started() + shared.settings.create_grace;
        if shared.records.refused_adoption(&self.uid()).is_some() { now } else { settled.min(now) }
    }

    /// Returns whether status records an upstream object that this process has not seen with our owner tag: others may have
    /// edited status while the operator was stopped, or restored an older one.
    fn has_unproven_record(&self) -> bool {
        let (records, uid) = (&self.shared().records, self.uid());
        self.shared().settings.safeguards.search_unrecorded
            && self.recorded_id().is_some_and(|id| records.proven(&uid) != Some(id))
            && !records.is_first_process(&uid)
    }

    /// Returns whether status may have recorded a create of an earlier process.
    fn has_lost_record(&self) -> bool {
        let (common, shared) = (&self.status.common, self.shared());
        // First what most objects have: the rest parses an annotation, and each plan asks.
        let is_recorded = self.recorded_id().is_some() || common.operation.is_some();
        if is_recorded || !shared.settings.safeguards.search_unrecorded {
            return false;
        }
        let has_trace = || has_finalizer(&self.object) || self.place.is_some() || self.had_finalizer();
        let is_restored = || recorded_place::is_of_another(&self.object) || self.lost_for().is_some();
        (!shared.records.is_first_process(&self.uid()) && has_trace()) || is_restored()
    }

    fn had_finalizer(&self) -> bool {
        self.shared().records.had_finalizer(&self.uid())
    }

    /// Returns how long ago an object of this name went that this process did not let go.
    fn lost_for(&self) -> Option<Duration> {
        self.shared().observations.lost_for(&full_name(&self.object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_apart_until_the_grace_ends() {
        let grace = Duration::from_secs(30);
        let (mut now, mut looks) = (Duration::from_millis(20), Vec::new());
        while now < grace {
            now += next(Duration::from_secs(1), now, grace.saturating_sub(now));
            looks.push(now.as_millis());
        }
        assert_eq!(looks, [1_000, 2_000, 4_000, 8_000, 16_000, 30_500]);
    }
}
