//! The decision table, row by row.

mod fights;
mod lagging;

use super::*;
use crate::api::Reason;
use crate::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use crate::api::status::OperationKind;
use crate::engine::{Details, FieldDiff, Ownership, Remedy};
use serde_json::json;

const HASH: &str = "wanted";
const CHANGED: &[(&str, Remedy)] = &[("spec.x", Remedy::Update)];
const FIXED: &[(&str, Remedy)] = &[("spec.zone", Remedy::Recreate)];

fn rules() -> Rules<'static> {
    Rules {
        management: ManagementPolicy::Full,
        adoption: AdoptionPolicy::Never,
        drift: DriftPolicy::Correct,
        recreate: RecreatePolicy::Never,
        external_id: None,
    }
}

fn observed(owner: Ownership, fields: &[(&str, Remedy)]) -> Observation {
    let field = |(path, remedy): &(&str, Remedy)| FieldDiff {
        path: (*path).to_owned(),
        desired: json!(1),
        observed: json!(2),
        remedy: *remedy,
        widens: false,
    };
    let diff = Diff { fields: fields.iter().map(field).collect(), ..Diff::default() };
    Observation { id: "id-1".to_owned(), owner, diff, details: Details::default() }
}

fn foreign_tag() -> Ownership {
    Ownership::ForeignTag("cluster/uid".to_owned())
}

/// Returns the memory of an object whose present spec was written.
fn written() -> PriorState {
    PriorState { id: Some("id-1".to_owned()), applied_hash: Some(HASH.to_owned()), ..PriorState::default() }
}

/// Returns the memory of an object whose spec was edited since it was written.
fn edited() -> PriorState {
    PriorState { applied_hash: Some("older".to_owned()), ..written() }
}

fn in_flight(in_grace: bool) -> PriorState {
    PriorState { in_flight: Some(OperationKind::Create), in_grace, ..PriorState::default() }
}

/// Plans for one object that was found.
fn plan_one(prior_state: &PriorState, rules: Rules<'_>, owner: Ownership, fields: &[(&str, Remedy)]) -> Plan {
    plan(prior_state, rules, vec![observed(owner, fields)], HASH)
}

fn plan_absent(prior_state: &PriorState, rules: Rules<'_>) -> Plan {
    plan(prior_state, rules, vec![], HASH)
}

fn existing(plan: Plan) -> Existing {
    match plan {
        Plan::Existing(existing) => existing,
        other => panic!("expected a plan for an existing object, got {other:?}"),
    }
}

fn acquired(plan: Plan) -> (Option<Acquire>, TagOwner, Step) {
    let Existing { acquire, tag, step, .. } = existing(plan);
    (acquire, tag, step)
}

/// Returns the step for an object with our owner tag.
fn step(prior_state: &PriorState, rules: Rules<'_>, fields: &[(&str, Remedy)]) -> Step {
    existing(plan_one(prior_state, rules, Ownership::Ours, fields)).step
}

fn reason(plan: &Plan) -> Option<Reason> {
    match plan {
        Plan::Refuse(refusal) => Some(refusal.reason()),
        _ => None,
    }
}

#[test]
fn plan_creates_absent_object_unless_only_observed() {
    assert_eq!(plan_absent(&PriorState::default(), rules()), Plan::Create);
    let observe = Rules { management: ManagementPolicy::Observe, ..rules() };
    let report = Plan::Report { observed: None, why: ReportOnly::Observe };
    assert_eq!(plan_absent(&PriorState::default(), observe), report);
}

#[test]
fn plan_waits_for_lost_create_within_grace() {
    assert_eq!(plan_absent(&in_flight(true), rules()), Plan::Wait);
    assert_eq!(plan_absent(&in_flight(false), rules()), Plan::Create);
}

#[test]
fn plan_waits_for_object_that_an_earlier_process_may_have_made() {
    let unrecorded = PriorState { may_be_unrecorded: true, ..PriorState::default() };
    assert_eq!(plan_absent(&unrecorded, rules()), Plan::Wait);
    let found = plan_one(&unrecorded, rules(), Ownership::Ours, &[]);
    assert_eq!(acquired(found), (Some(Acquire::Recover), TagOwner::NotNeeded, Step::None));
}

#[test]
fn plan_completes_create_under_create_only() {
    let create_only = Rules { management: ManagementPolicy::CreateOnly, ..rules() };
    let update = |plan: Plan| matches!(existing(plan).step, Step::Update { cause: Cause::Spec, .. });
    let recorded = PriorState { id: Some("id-1".to_owned()), ..in_flight(true) };
    assert!(update(plan_one(&recorded, create_only, Ownership::Ours, CHANGED)));
    assert!(update(plan_one(&in_flight(false), create_only, Ownership::Ours, CHANGED)), "its response was lost");
    let report =
        |prior_state| matches!(plan_one(&prior_state, create_only, Ownership::Ours, CHANGED), Plan::Report { .. });
    assert!(report(PriorState { id: Some("id-1".to_owned()), ..PriorState::default() }) && report(written()));
}

#[test]
fn plan_recovers_object_with_our_tag() {
    for prior_state in [in_flight(true), in_flight(false), PriorState::default()] {
        let plan = plan_one(&prior_state, rules(), Ownership::Ours, &[]);
        assert_eq!(acquired(plan), (Some(Acquire::Recover), TagOwner::NotNeeded, Step::None));
    }
}

#[test]
fn plan_finishes_adoption_in_flight_as_adoption() {
    let adopting = PriorState { in_flight: Some(OperationKind::Adopt), ..PriorState::default() };
    let plan = plan_one(&adopting, rules(), Ownership::Ours, &[]);
    assert_eq!(acquired(plan), (Some(Acquire::Adopt), TagOwner::NotNeeded, Step::None));
}

#[test]
fn plan_recovers_untagged_object_only_after_our_create() {
    let sent = PriorState { create_sent: true, ..in_flight(true) };
    for owner in [Ownership::Untagged, Ownership::Unknown] {
        let equal = plan_one(&sent, rules(), owner.clone(), &[]);
        assert_eq!(acquired(equal), (Some(Acquire::Recover), TagOwner::Needed, Step::None));
        let differs = plan_one(&sent, rules(), owner.clone(), CHANGED);
        assert_eq!(reason(&differs), Some(Reason::Conflict));
        let no_create = plan_one(&PriorState::default(), rules(), owner, &[]);
        assert_eq!(reason(&no_create), Some(Reason::Conflict));
    }
}

#[test]
fn plan_takes_no_untagged_object_for_create_of_others() {
    let plan = |adoption| plan_one(&in_flight(true), Rules { adoption, ..rules() }, Ownership::Untagged, &[]);
    assert_eq!(plan(AdoptionPolicy::Never), Plan::Refuse(Refusal::CreateNotProven { id: "id-1".to_owned() }));
    assert_eq!(acquired(plan(AdoptionPolicy::Always)), (Some(Acquire::Adopt), TagOwner::Needed, Step::None));
}

#[test]
fn plan_adopts_only_as_adoption_policy_permits() {
    let adopt =
        |adoption, fields| plan_one(&PriorState::default(), Rules { adoption, ..rules() }, Ownership::Untagged, fields);
    assert_eq!(reason(&adopt(AdoptionPolicy::Never, &[])), Some(Reason::Conflict));
    assert_eq!(reason(&adopt(AdoptionPolicy::IfIdentical, CHANGED)), Some(Reason::Conflict));
    let same = adopt(AdoptionPolicy::IfIdentical, &[]);
    assert_eq!(acquired(same), (Some(Acquire::Adopt), TagOwner::Needed, Step::None));
    let (acquire, tag, step) = acquired(adopt(AdoptionPolicy::Always, CHANGED));
    assert_eq!((acquire, tag), (Some(Acquire::Adopt), TagOwner::Needed));
    assert!(matches!(step, Step::Update { cause: Cause::Spec, .. }), "{step:?}");
}

#[test]
fn plan_never_writes_object_of_another_owner() {
    for adoption in [AdoptionPolicy::Never, AdoptionPolicy::IfIdentical, AdoptionPolicy::Always] {
        for prior_state in [PriorState::default(), written()] {
            let plan = plan_one(&prior_state, Rules { adoption, ..rules() }, foreign_tag(), &[]);
            assert_eq!(reason(&plan), Some(Reason::Conflict));
        }
    }
}

#[test]
fn plan_reports_duplicates_and_keeps_the_oldest() {
    let mut second = observed(Ownership::Ours, &[]);
    second.id = "id-2".to_owned();
    let plan = plan(&PriorState::default(), rules(), vec![observed(Ownership::Ours, &[]), second], HASH);
    let Plan::Duplicate { oldest, ids } = plan else { panic!("{plan:?}") };
    assert_eq!(oldest.id, "id-1", "the first that was found");
    assert_eq!(ids, ["id-1", "id-2"]);
}

#[test]
fn plan_yields_to_older_object_that_claims_the_same() {
    let contested = PriorState { contender: Some("Policy a/b".to_owned()), ..PriorState::default() };
    let rival = Rival::Older { name: "Policy a/b".to_owned() };
    assert_eq!(plan_absent(&contested, rules()), Plan::Yield(rival));
    let recovered = plan_one(&contested, rules(), Ownership::Ours, &[]);
    assert_eq!(existing(recovered).acquire, Some(Acquire::Recover), "the object is ours already");
}

#[test]
fn plan_writes_edits_and_corrects_or_reports_drift() {
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    assert!(matches!(step(&edited(), rules(), CHANGED), Step::Update { cause: Cause::Spec, .. }));
    assert!(matches!(step(&edited(), report, CHANGED), Step::Update { cause: Cause::Spec, .. }));
    assert!(matches!(step(&written(), rules(), CHANGED), Step::Update { cause: Cause::Drift, .. }));
    let reported = plan_one(&written(), report, Ownership::Ours, CHANGED);
    assert!(matches!(reported, Plan::Report { why: ReportOnly::DriftReport, .. }), "{reported:?}");
    let deleted = Plan::Report { observed: None, why: ReportOnly::DriftReport };
    assert_eq!(plan_absent(&written(), report), deleted);
    assert_eq!(plan_absent(&written(), rules()), Plan::Create);
}

#[test]
fn plan_recreates_only_when_recreate_policy_permits() {
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    assert!(matches!(step(&written(), rules(), FIXED), Step::NotApplied(_)));
    assert!(matches!(step(&written(), allowed, FIXED), Step::Recreate { cause: Cause::Drift, .. }));
    let Step::Update { diff, .. } = step(&written(), rules(), &[CHANGED[0], FIXED[0]]) else {
        panic!("the field that can change in place must be written")
    };
    assert_eq!(diff.summary(), "spec.x");
}

#[test]
fn plan_creates_after_interrupted_recreate() {
    let prior_state = PriorState { in_flight: Some(OperationKind::Recreate), ..written() };
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    assert_eq!(plan_absent(&prior_state, report), Plan::Create);
}

#[test]
fn plan_never_updates_under_create_only_or_observe() {
    let create_only = Rules { management: ManagementPolicy::CreateOnly, ..rules() };
    let observe = Rules { management: ManagementPolicy::Observe, ..rules() };
    for prior_state in [written(), edited()] {
        let plan = plan_one(&prior_state, create_only, Ownership::Ours, CHANGED);
        assert!(matches!(plan, Plan::Report { why: ReportOnly::CreateOnly, .. }), "{plan:?}");
        let plan = plan_one(&prior_state, observe, Ownership::Ours, CHANGED);
        assert!(matches!(plan, Plan::Report { why: ReportOnly::Observe, .. }), "{plan:?}");
    }
}

#[test]
fn plan_refuses_to_create_when_external_id_is_missing() {
    let named = Rules { external_id: Some("id-9"), ..rules() };
    assert_eq!(reason(&plan_absent(&PriorState::default(), named)), Some(Reason::InvalidSpec));
}

#[test]
fn plan_does_not_trust_recorded_id_without_owner_tag() {
    let always = Rules { adoption: AdoptionPolicy::Always, ..rules() };
    for rules in [rules(), always] {
        let plan = plan_one(&written(), rules, Ownership::Untagged, &[]);
        assert_eq!(reason(&plan), Some(Reason::Conflict));
    }
    let named = Rules { external_id: Some("id-1"), ..always };
    let adopted = plan_one(&written(), named, Ownership::Untagged, &[]);
    assert_eq!(acquired(adopted), (Some(Acquire::Adopt), TagOwner::Needed, Step::None));
}

#[test]
fn plan_finds_our_object_when_recorded_id_is_forged() {
    let forged = PriorState { id: Some("foreign".to_owned()), ..written() };
    let mut foreign = observed(foreign_tag(), &[]);
    foreign.id = "foreign".to_owned();
    let plan = existing(plan(&forged, rules(), vec![foreign, observed(Ownership::Ours, &[])], HASH));
    assert_eq!((plan.observed.id.as_str(), plan.acquire), ("id-1", Some(Acquire::Recover)));
}

#[test]
fn plan_trusts_recorded_id_when_no_tags_are_shown() {
    let plan = existing(plan_one(&written(), rules(), Ownership::Unknown, CHANGED));
    assert_eq!((plan.acquire, plan.tag), (None, TagOwner::NotNeeded));
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    let other_than_spec = plan_one(&written(), allowed, Ownership::Unknown, FIXED);
    assert_eq!(reason(&other_than_spec), Some(Reason::Conflict));
}

#[test]
fn refusal_tells_how_to_adopt() {
    let refusal = |differs: Option<&str>| Refusal::AdoptionNotAllowed {
        id: "id-1".to_owned(),
        differs: differs.map(str::to_owned),
    };
    assert!(refusal(None).message().contains("Set spec.adoptionPolicy: IfIdentical to adopt it"));
    assert!(refusal(Some("spec.x")).message().contains("It differs at spec.x: to adopt it, make the spec equal"));
}
