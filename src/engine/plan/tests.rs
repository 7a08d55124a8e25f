//! The decision table, row by row.

use super::*;
use crate::engine::Details;
use crate::engine::FieldDiff;
use serde_json::json;

const HASH: &str = "wanted";

fn rules() -> Rules<'static> {
    Rules {
        management: ManagementPolicy::Full,
        adoption: AdoptionPolicy::Never,
        drift: DriftPolicy::Correct,
        recreate: RecreatePolicy::Never,
        external_id: None,
    }
}

fn seen(owner: Ownership, fields: &[(&str, Remedy)]) -> Observation {
    let field = |(path, remedy): &(&str, Remedy)| FieldDiff {
        path: (*path).to_owned(),
        desired: json!(1),
        observed: json!(2),
        remedy: *remedy,
    };
    let diff = Diff { fields: fields.iter().map(field).collect() };
    Observation { id: "id-1".to_owned(), owner, diff, details: Details::default() }
}

fn known() -> LastKnown {
    LastKnown { id: Some("id-1".to_owned()), applied_hash: Some(HASH.to_owned()), ..LastKnown::default() }
}

fn in_flight(in_grace: bool) -> LastKnown {
    LastKnown { in_flight: Some(OperationKind::Create), in_grace, ..LastKnown::default() }
}

fn reason(plan: &Plan) -> Option<Reason> {
    match plan {
        Plan::Refuse { reason, .. } => Some(*reason),
        _ => None,
    }
}

fn held(plan: Plan) -> Existing {
    match plan {
        Plan::Existing(hold) => hold,
        other => panic!("expected to hold the object, got {other:?}"),
    }
}

const CHANGED: &[(&str, Remedy)] = &[("spec.x", Remedy::Update)];
const FIXED: &[(&str, Remedy)] = &[("spec.zone", Remedy::Recreate)];

#[test]
fn what_does_not_exist_is_created_unless_only_observed() {
    assert_eq!(plan(&LastKnown::default(), rules(), vec![], HASH), Plan::Create);
    let observe = Rules { management: ManagementPolicy::Observe, ..rules() };
    assert_eq!(
        plan(&LastKnown::default(), observe, vec![], HASH),
        Plan::Report { seen: None, why: ReportOnly::Observe }
    );
}

#[test]
fn a_create_whose_answer_was_lost_is_not_repeated_within_the_grace() {
    assert_eq!(plan(&in_flight(true), rules(), vec![], HASH), Plan::Wait);
    assert_eq!(plan(&in_flight(false), rules(), vec![], HASH), Plan::Create);
}

#[test]
fn an_object_with_our_stamp_is_recovered_without_a_second_create() {
    for record in [in_flight(true), in_flight(false), LastKnown::default()] {
        let hold = held(plan(&record, rules(), vec![seen(Ownership::Ours, &[])], HASH));
        assert_eq!((hold.take, hold.claim, hold.step), (Some(Acquire::Recover), false, Step::None));
    }
}

#[test]
fn the_stamp_of_an_adoption_is_not_taken_for_that_of_a_lost_create() {
    let adopting = LastKnown { in_flight: Some(OperationKind::Adopt), ..LastKnown::default() };
    let hold = held(plan(&adopting, rules(), vec![seen(Ownership::Ours, &[])], HASH));
    assert_eq!((hold.take, hold.claim, hold.step), (Some(Acquire::Adopt), false, Step::None));
}

#[test]
fn without_a_stamp_only_our_own_operation_and_the_same_content_prove_it_is_ours() {
    for owner in [Ownership::Unmarked, Ownership::Unknown] {
        let hold = held(plan(&in_flight(true), rules(), vec![seen(owner.clone(), &[])], HASH));
        assert_eq!((hold.take, hold.claim), (Some(Acquire::Recover), true));
        assert_eq!(
            reason(&plan(&in_flight(true), rules(), vec![seen(owner.clone(), CHANGED)], HASH)),
            Some(Reason::Conflict)
        );
        assert_eq!(reason(&plan(&LastKnown::default(), rules(), vec![seen(owner, &[])], HASH)), Some(Reason::Conflict));
    }
}

#[test]
fn a_strangers_object_is_taken_over_only_as_the_adoption_policy_says() {
    let adopt = |adoption, fields| {
        plan(&LastKnown::default(), Rules { adoption, ..rules() }, vec![seen(Ownership::Unmarked, fields)], HASH)
    };
    assert_eq!(reason(&adopt(AdoptionPolicy::Never, &[])), Some(Reason::Conflict));
    assert_eq!(reason(&adopt(AdoptionPolicy::IfIdentical, CHANGED)), Some(Reason::Conflict));
    let same = held(adopt(AdoptionPolicy::IfIdentical, &[]));
    assert_eq!((same.take, same.claim, same.step), (Some(Acquire::Adopt), true, Step::None));
    let always = held(adopt(AdoptionPolicy::Always, CHANGED));
    assert_eq!((always.take, always.claim), (Some(Acquire::Adopt), true));
    assert!(matches!(always.step, Step::Update { drift: false, .. }), "{:?}", always.step);
}

#[test]
fn an_object_with_somebody_elses_stamp_is_never_written() {
    for adoption in [AdoptionPolicy::Never, AdoptionPolicy::IfIdentical, AdoptionPolicy::Always] {
        let other = seen(Ownership::ForeignTag("cluster/uid".to_owned()), &[]);
        assert_eq!(
            reason(&plan(&LastKnown::default(), Rules { adoption, ..rules() }, vec![other.clone()], HASH)),
            Some(Reason::Conflict)
        );
        assert_eq!(reason(&plan(&known(), Rules { adoption, ..rules() }, vec![other], HASH)), Some(Reason::Conflict));
    }
}

#[test]
fn several_of_ours_are_reported_and_none_is_touched() {
    let mut second = seen(Ownership::Ours, &[]);
    second.id = "id-2".to_owned();
    let plan = plan(&LastKnown::default(), rules(), vec![seen(Ownership::Ours, &[]), second], HASH);
    let Plan::Duplicate { oldest, message } = plan else { panic!("{plan:?}") };
    assert_eq!(oldest.id, "id-1", "the first that was found");
    assert!(message.contains("id-1, id-2"), "{message}");
}

#[test]
fn an_edit_is_written_and_drift_is_corrected_or_reported() {
    let edited = LastKnown { applied_hash: Some("older".to_owned()), ..known() };
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    let step = |record: &LastKnown, rules| held(plan(record, rules, vec![seen(Ownership::Ours, CHANGED)], HASH)).step;
    assert!(matches!(step(&edited, rules()), Step::Update { drift: false, .. }));
    assert!(matches!(step(&edited, report), Step::Update { drift: false, .. }));
    assert!(matches!(step(&known(), rules()), Step::Update { drift: true, .. }));
    let reported = plan(&known(), report, vec![seen(Ownership::Ours, CHANGED)], HASH);
    assert!(matches!(reported, Plan::Report { why: ReportOnly::DriftReport, .. }), "{reported:?}");
    assert_eq!(plan(&known(), report, vec![], HASH), Plan::Report { seen: None, why: ReportOnly::DriftReport });
    assert_eq!(plan(&known(), rules(), vec![], HASH), Plan::Create);
}

#[test]
fn what_did_not_stick_is_not_written_again_until_something_changes() {
    let tried = LastKnown { not_applied: vec!["spec.x".to_owned()], ..known() };
    let step = |record: &LastKnown, fields| held(plan(record, rules(), vec![seen(Ownership::Ours, fields)], HASH)).step;
    assert!(matches!(step(&tried, CHANGED), Step::NotApplied(_)));
    let edited = LastKnown { applied_hash: Some("older".to_owned()), ..tried.clone() };
    assert!(matches!(step(&edited, CHANGED), Step::Update { .. }));
    assert!(matches!(step(&tried, &[("spec.x", Remedy::Update), ("spec.y", Remedy::Update)]), Step::Update { .. }));
}

#[test]
fn a_field_that_cannot_change_in_place_is_recreated_only_when_allowed() {
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    let step = |rules, fields| held(plan(&known(), rules, vec![seen(Ownership::Ours, fields)], HASH)).step;
    assert!(matches!(step(rules(), FIXED), Step::NotApplied(_)));
    assert!(matches!(step(allowed, FIXED), Step::Recreate { drift: true, .. }));
    let both = [CHANGED[0], FIXED[0]];
    let Step::Update { diff, .. } = step(rules(), &both) else { panic!("the field that can change must be written") };
    assert_eq!(diff.summary(), "spec.x");
}

#[test]
fn a_recreate_that_was_cut_off_ends_in_a_create() {
    let record = LastKnown { in_flight: Some(OperationKind::Recreate), ..known() };
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    assert_eq!(plan(&record, report, vec![], HASH), Plan::Create);
}

#[test]
fn create_only_and_observe_never_update() {
    let create_only = Rules { management: ManagementPolicy::CreateOnly, ..rules() };
    let edited = LastKnown { applied_hash: Some("older".to_owned()), ..known() };
    for record in [known(), edited] {
        let create_only = plan(&record, create_only, vec![seen(Ownership::Ours, CHANGED)], HASH);
        assert!(matches!(create_only, Plan::Report { why: ReportOnly::CreateOnly, .. }), "{create_only:?}");
        let observe = Rules { management: ManagementPolicy::Observe, ..rules() };
        let observe = plan(&record, observe, vec![seen(Ownership::Ours, CHANGED)], HASH);
        assert!(matches!(observe, Plan::Report { why: ReportOnly::Observe, .. }), "{observe:?}");
    }
}

#[test]
fn a_named_object_that_does_not_exist_is_not_created_in_its_place() {
    let named = Rules { external_id: Some("id-9"), ..rules() };
    assert_eq!(reason(&plan(&LastKnown::default(), named, vec![], HASH)), Some(Reason::InvalidSpec));
}

#[test]
fn an_id_in_status_is_no_proof_against_the_lack_of_a_stamp() {
    let unmarked = || vec![seen(Ownership::Unmarked, &[])];
    let always = Rules { adoption: AdoptionPolicy::Always, ..rules() };
    for rules in [rules(), always] {
        assert_eq!(reason(&plan(&known(), rules, unmarked(), HASH)), Some(Reason::Conflict));
    }
    let named = Rules { external_id: Some("id-1"), ..always };
    let hold = held(plan(&known(), named, unmarked(), HASH));
    assert_eq!((hold.take, hold.claim, hold.step), (Some(Acquire::Adopt), true, Step::None));
    let forged = LastKnown { id: Some("somebody-elses".to_owned()), ..known() };
    let mut somebody_elses = seen(Ownership::ForeignTag("cluster/uid".to_owned()), &[]);
    somebody_elses.id = "somebody-elses".to_owned();
    let hold = held(plan(&forged, rules(), vec![somebody_elses, seen(Ownership::Ours, &[])], HASH));
    assert_eq!((hold.seen.id.as_str(), hold.take), ("id-1", Some(Acquire::Recover)), "our own is found again");
}

#[test]
fn where_no_stamps_are_shown_the_id_is_proof_unless_the_name_is_another() {
    let hold = held(plan(&known(), rules(), vec![seen(Ownership::Unknown, CHANGED)], HASH));
    assert_eq!((hold.take, hold.claim), (None, false));
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    assert_eq!(reason(&plan(&known(), allowed, vec![seen(Ownership::Unknown, FIXED)], HASH)), Some(Reason::Conflict));
}

#[test]
fn many_fields_that_did_not_stick_are_remembered_by_the_first_of_them() {
    let paths: Vec<String> = (0..30).map(|i| format!("spec.x[{i}]")).collect();
    let fields: Vec<(&str, Remedy)> = paths.iter().map(|path| (path.as_str(), Remedy::Update)).collect();
    let tried = LastKnown { not_applied: paths[..SHOWN_FIELDS].to_vec(), ..known() };
    let step = held(plan(&tried, rules(), vec![seen(Ownership::Ours, &fields)], HASH)).step;
    assert!(matches!(step, Step::NotApplied(_)), "{step:?}");
}

#[test]
fn a_field_that_is_changed_back_each_time_stops_every_write_until_the_spec_changes() {
    let fought = |path: &str| LastKnown { fought: vec![path.to_owned()], ..known() };
    let both = &[CHANGED[0], ("spec.y", Remedy::Update)];
    let step = |record: &LastKnown, fields| held(plan(record, rules(), vec![seen(Ownership::Ours, fields)], HASH)).step;
    let Step::DriftFight { diff, over } = step(&fought("spec.x"), both) else { panic!("a write in a fight") };
    assert_eq!((diff.summary().as_str(), over), ("spec.x, spec.y", vec!["spec.x".to_owned()]));
    assert!(matches!(step(&fought("spec.z"), both), Step::Update { .. }), "another field");
    let edited = LastKnown { applied_hash: Some("older".to_owned()), ..fought("spec.x") };
    assert!(matches!(step(&edited, both), Step::Update { drift: false, .. }));
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    let zone = held(plan(&fought("spec.zone"), allowed, vec![seen(Ownership::Ours, FIXED)], HASH)).step;
    assert!(matches!(zone, Step::DriftFight { .. }), "nor is it made anew again and again: {zone:?}");
}
