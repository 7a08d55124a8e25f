//! The decision.

use super::{Acquire, Existing, Plan, PriorState, Refusal, ReportOnly, Rival, Rules, Step, TagOwner, Unapplied};
use crate::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::OperationKind;
use crate::engine::diff::SHOWN_FIELDS;
use crate::engine::{Cause, Diff, Observation, Ownership, Remedy};

/// Decides what to do.
///
/// `found` holds the object with the known id, or all objects that may be the wanted one.
#[must_use]
pub fn plan(prior_state: &PriorState, rules: Rules<'_>, found: Vec<Observation>, wanted_hash: &str) -> Plan {
    let plan = Planner { prior_state, rules, wanted_hash }.plan(found);
    match &prior_state.contender {
        Some(name) if plan.acquires() || plan.rests_on_record() => Plan::Yield(Rival::Older { name: name.clone() }),
        _ => plan,
    }
}

/// The input of the decision besides the observed objects.
struct Planner<'a> {
    prior_state: &'a PriorState,
    rules: Rules<'a>,
    wanted_hash: &'a str,
}

impl Planner<'_> {
    /// Decides as if no other object of this cluster claimed the same upstream object.
    fn plan(&self, found: Vec<Observation>) -> Plan {
        let (ours, foreign): (Vec<_>, Vec<_>) = found.into_iter().partition(|observed| self.is_ours(observed));
        if let Some(moved) = self.prior_state.moved.as_ref().filter(|moved| !moved.is_disproved_by_any(&ours)) {
            return Plan::Refuse(Refusal::RecordedElsewhere(Box::new(moved.clone())));
        }
        match (&ours[..], &foreign[..]) {
            ([], []) => self.absent(),
            ([one], _) => self.ours(one.clone()),
            ([], [one]) => self.foreign(one.clone()),
            ([], several) => Plan::Refuse(Refusal::Ambiguous { ids: ids(several) }),
            // A deletion may not be visible yet either.
            ([oldest, ..], _) if self.prior_state.settling => Plan::Recheck(Box::new(oldest.clone())),
            ([oldest, ..], _) => Plan::Duplicate { oldest: Box::new(oldest.clone()), ids: ids(&ours) },
        }
    }

    /// Returns whether an object is ours.
    ///
    /// The owner tag decides. People who cannot write upstream may be able to write status, so an id in
    /// status is a proof only where the upstream does not show owner tags.
    fn is_ours(&self, observed: &Observation) -> bool {
        match observed.owner {
            Ownership::Ours => true,
            Ownership::Unknown => self.is_recorded(observed),
            Ownership::Untagged | Ownership::ForeignTag(_) | Ownership::OtherObject(_) | Ownership::Reserved => false,
        }
    }

    fn is_recorded(&self, observed: &Observation) -> bool {
        self.prior_state.id.as_deref() == Some(observed.id.as_str())
    }

    fn absent(&self) -> Plan {
        if self.rules.management == ManagementPolicy::Observe {
            return Plan::Report { observed: None, why: ReportOnly::Observe };
        }
        if self.prior_state.may_appear() {
            return Plan::Wait;
        }
        let is_recorded = self.prior_state.id.is_some();
        // The upstream confirmed the write, and a read does not show it yet.
        if is_recorded && self.prior_state.unseen && self.prior_state.in_flight.is_none() {
            return Plan::Wait;
        }
        let was_deleted = is_recorded && !self.prior_state.is_in_flight(OperationKind::Recreate);
        match self.rules.external_id {
            Some(id) if !is_recorded => Plan::Refuse(Refusal::ExternalIdNotFound { id: id.to_owned() }),
            _ if was_deleted && self.rules.drift == DriftPolicy::Report => {
                Plan::Report { observed: None, why: ReportOnly::DriftReport }
            }
            _ => Plan::Create,
        }
    }

    /// Decides about an object that is ours by its owner tag, or by its id where the upstream shows no
    /// owner tags.
    fn ours(&self, observed: Observation) -> Plan {
        let may_write = self.rules.management != ManagementPolicy::Observe;
        if may_write && observed.owner == Ownership::Unknown && observed.diff.needs_recreate() {
            let fields = observed.diff.summary();
            return Plan::Refuse(Refusal::OtherThanSpec { id: observed.id, fields });
        }
        let adopts = self.prior_state.is_in_flight(OperationKind::Adopt) || self.prior_state.may_have_adopted;
        let existed = adopts || self.rules.external_id.is_some();
        let acquire = if existed { Acquire::Adopt } else { Acquire::Recover };
        let acquire = (!self.is_recorded(&observed)).then_some(acquire);
        self.existing(observed, acquire, TagOwner::NotNeeded)
    }

    /// Decides about an object that has our name and not our owner tag.
    fn foreign(&self, observed: Observation) -> Plan {
        match observed.owner {
            Ownership::ForeignTag(owner) => return Plan::Refuse(Refusal::ForeignTag { id: observed.id, owner }),
            Ownership::OtherObject(name) => return Plan::Yield(Rival::Owner { id: observed.id, name }),
            Ownership::Ours | Ownership::Untagged | Ownership::Reserved | Ownership::Unknown => {}
        }
        if self.rules.management == ManagementPolicy::Observe {
            return Plan::Report { observed: Some(observed), why: ReportOnly::Observe };
        }
        if observed.owner == Ownership::Reserved {
            return Plan::Refuse(Refusal::Reserved { id: observed.id });
        }
        let is_created = self.prior_state.is_in_flight(OperationKind::Create) && !self.prior_state.left_behind;
        if is_created && observed.diff.is_empty() {
            return self.created(observed);
        }
        if self.prior_state.settling && self.is_recorded(&observed) {
            // The owner tag may not be visible yet.
            return Plan::Recheck(Box::new(observed));
        }
        if self.is_recorded(&observed) && self.rules.external_id != Some(observed.id.as_str()) {
            return Plan::Refuse(Refusal::RecordedNotTagged { id: observed.id });
        }
        self.adopt(observed)
    }

    /// Decides about an object without our owner tag that equals what a create in flight would have made.
    fn created(&self, observed: Observation) -> Plan {
        if self.prior_state.create_sent {
            // The upstream dropped the owner tag. Our create in flight and the equal content are the proof.
            return self.existing(observed, Some(Acquire::Recover), TagOwner::Needed);
        }
        match self.rules.adoption {
            AdoptionPolicy::Never => Plan::Refuse(Refusal::CreateNotProven { id: observed.id }),
            AdoptionPolicy::IfIdentical | AdoptionPolicy::Always => self.adopt(observed),
        }
    }

    fn adopt(&self, observed: Observation) -> Plan {
        let differs = observed.diff.is_writable().then(|| observed.diff.summary());
        match (self.rules.adoption, differs) {
            (AdoptionPolicy::Never, _) if self.prior_state.left_behind => {
                Plan::Refuse(Refusal::LeftBehind { id: observed.id })
            }
            (AdoptionPolicy::Never, differs) => Plan::Refuse(Refusal::AdoptionNotAllowed { id: observed.id, differs }),
            (AdoptionPolicy::IfIdentical, Some(fields)) => {
                Plan::Refuse(Refusal::NotIdentical { id: observed.id, fields })
            }
            (AdoptionPolicy::IfIdentical | AdoptionPolicy::Always, _) => {
                self.existing(observed, Some(Acquire::Adopt), TagOwner::Needed)
            }
        }
    }

    /// Decides what to write to an object that is ours or becomes ours.
    fn existing(&self, observed: Observation, acquire: Option<Acquire>, tag: TagOwner) -> Plan {
        if self.rules.management == ManagementPolicy::Observe {
            return Plan::Report { observed: Some(observed), why: ReportOnly::Observe };
        }
        let differs = !observed.diff.is_empty();
        if differs && !observed.diff.is_writable() {
            let is_settled = acquire.is_none() && tag == TagOwner::NotNeeded;
            return if is_settled {
                Plan::Report { observed: Some(observed), why: ReportOnly::Ineffective }
            } else {
                Plan::Existing(Existing { observed, acquire, tag, step: Step::None })
            };
        }
        if differs && self.rules.management == ManagementPolicy::CreateOnly && !self.completes(&observed.diff, acquire)
        {
            return if acquire.is_some() {
                Plan::Existing(Existing { observed, acquire, tag, step: Step::None })
            } else {
                Plan::Report { observed: Some(observed), why: ReportOnly::CreateOnly }
            };
        }
        let cause = self.cause();
        if acquire.is_none() && self.is_unsettled(&observed.diff, cause) {
            return Plan::Recheck(Box::new(observed));
        }
        let adopting = acquire == Some(Acquire::Adopt);
        if differs && cause == Cause::Drift && !adopting && self.rules.drift == DriftPolicy::Report {
            // What is found anew is recorded first: status may name another object.
            return if acquire.is_some() {
                Plan::Existing(Existing { observed, acquire, tag, step: Step::None })
            } else {
                Plan::Report { observed: Some(observed), why: ReportOnly::DriftReport }
            };
        }
        let step = self.step(&observed.diff, cause);
        Plan::Existing(Existing { observed, acquire, tag, step })
    }

    /// Returns whether an update belongs to the create: the object was created without what differs.
    fn completes(&self, diff: &Diff, acquire: Option<Acquire>) -> bool {
        let is_new = self.prior_state.is_in_flight(OperationKind::Create) && acquire != Some(Acquire::Adopt);
        is_new && !diff.needs_recreate()
    }

    /// Returns whether reads may show a state that does not last.
    fn is_unsettled(&self, diff: &Diff, cause: Cause) -> bool {
        // What reads show may be from before the last write, which wrote another spec.
        let reverted = diff.is_empty() && cause == Cause::Spec && self.prior_state.applied_hash.is_some();
        let in_place = diff.fields.iter().any(|field| field.remedy == Remedy::Update);
        let late = in_place && cause == Cause::Drift;
        // An update whose response was lost may undo what reads show now, and so may one of another spec.
        let undone = self.prior_state.lost_update || self.sent_another();
        (self.prior_state.settling && (reverted || late)) || (diff.is_empty() && undone)
    }

    /// Returns whether this process sent an update of another spec that reads may not show yet. It may have taken effect
    /// although the upstream refused it, and status may not tell of it.
    fn sent_another(&self) -> bool {
        self.prior_state.sent.as_deref().is_some_and(|sent| sent != self.wanted_hash)
    }

    /// Returns the cause of a difference: drift if the operator wrote this spec before. An update of another spec, sent since
    /// then, may have made the difference as well; with `driftPolicy: Report` it counts as drift all the same.
    fn cause(&self) -> Cause {
        let written_before = self.prior_state.applied_hash.as_deref() == Some(self.wanted_hash);
        let is_own = self.sent_another() && self.rules.drift == DriftPolicy::Correct;
        if written_before && !is_own { Cause::Drift } else { Cause::Spec }
    }

    fn step(&self, diff: &Diff, cause: Cause) -> Step {
        if diff.is_empty() {
            return Step::None;
        }
        let is_drift = cause == Cause::Drift;
        let paths = diff.fields.iter().map(|field| &field.path);
        let over: Vec<String> = paths.filter(|path| self.prior_state.fought.contains(path)).cloned().collect();
        // What grants more than the spec is never conceded: it is corrected as often as it takes.
        if is_drift && !over.is_empty() && !diff.widens() {
            return Step::DriftFight { diff: diff.clone(), over };
        }
        if diff.needs_recreate() && self.rules.recreate == RecreatePolicy::WhenRequired {
            return Step::Recreate { diff: diff.clone(), cause };
        }
        let in_place = diff.fields.iter().filter(|field| field.remedy == Remedy::Update);
        let in_place = Diff { fields: in_place.cloned().collect(), witness: diff.witness.clone(), ..*diff };
        let tried = is_drift && self.was_not_applied(&in_place, diff);
        let gave_up = tried && !(in_place.widens() && self.is_reported(diff));
        if in_place.is_empty() || gave_up {
            Step::NotApplied(diff.clone())
        } else {
            // The upstream never took the spec, so this is no drift.
            Step::Update { diff: in_place, cause: if tried { Cause::Spec } else { cause } }
        }
    }
}

impl Planner<'_> {
    /// Returns whether the last write had no effect on these fields: they are as they were before it, or as status
    /// shows them. A third value comes from another writer.
    fn was_not_applied(&self, in_place: &Diff, all: &Diff) -> bool {
        let before = self.prior_state.before.as_ref();
        before.is_some_and(|before| !in_place.moved_since(before)) || self.is_reported(all)
    }

    /// Returns whether status shows that the upstream did not apply these fields. Status keeps the first ones only,
    /// always in the same order.
    fn is_reported(&self, all: &Diff) -> bool {
        let mut shown = all.fields.iter().take(SHOWN_FIELDS).filter(|field| field.remedy == Remedy::Update);
        shown.all(|field| self.prior_state.not_applied.contains(&Unapplied::of(field)))
    }
}

fn ids(observed: &[Observation]) -> Vec<String> {
    observed.iter().map(|one| one.id.clone()).collect()
}
