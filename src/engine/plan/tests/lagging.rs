//! Decisions right after a write, which reads may not show yet.

use super::*;
use crate::engine::diff::SHOWN_FIELDS;

/// Returns a field that status shows as not applied, with the value of `observed`.
fn unapplied(path: &str) -> Unapplied {
    Unapplied { path: path.to_owned(), observed: "2".to_owned() }
}

fn settling() -> PriorState {
    PriorState { settling: true, ..written() }
}

fn before(observed: i32) -> PriorState {
    let mut diff = Diff::default();
    diff.compare("spec.x", &1, &observed, Remedy::Update);
    PriorState { before: Some(diff), ..written() }
}

#[test]
fn plan_looks_again_when_last_write_is_not_shown() {
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    for rules in [rules(), report] {
        let plan = plan_one(&settling(), rules, Ownership::Ours, CHANGED);
        assert!(matches!(plan, Plan::Recheck(_)), "{plan:?}");
    }
    let plan = plan_one(&settling(), rules(), Ownership::Untagged, &[]);
    assert!(matches!(plan, Plan::Recheck(_)), "the owner tag may be late: {plan:?}");
    let both = vec![observed(Ownership::Ours, &[]), observed(Ownership::Ours, CHANGED)];
    let plan = super::plan(&settling(), rules(), both, HASH);
    assert!(matches!(plan, Plan::Recheck(_)), "a deletion may be late: {plan:?}");
}

#[test]
fn plan_writes_edited_spec_while_last_write_is_not_shown() {
    let edited = PriorState { settling: true, ..edited() };
    assert!(matches!(step(&edited, rules(), CHANGED), Step::Update { cause: Cause::Spec, .. }));
    let created = PriorState { applied_hash: None, ..settling() };
    assert!(matches!(step(&created, rules(), CHANGED), Step::Update { cause: Cause::Spec, .. }));
}

#[test]
fn plan_distrusts_equality_while_another_spec_was_just_written() {
    let reverted = PriorState { settling: true, ..edited() };
    let plan = plan_one(&reverted, rules(), Ownership::Ours, &[]);
    assert!(matches!(plan, Plan::Recheck(_)), "{plan:?}");
    assert_eq!(step(&edited(), rules(), &[]), Step::None);
    assert_eq!(step(&settling(), rules(), &[]), Step::None);
}

#[test]
fn plan_distrusts_equality_after_another_spec_was_sent() {
    let sent = |hash: &str| PriorState { sent: Some(hash.to_owned()), ..written() };
    let plan = plan_one(&sent("another"), rules(), Ownership::Ours, &[]);
    assert!(matches!(plan, Plan::Recheck(_)), "{plan:?}");
    assert_eq!(step(&sent(HASH), rules(), &[]), Step::None);
    let own = step(&sent("another"), rules(), CHANGED);
    assert!(matches!(own, Step::Update { cause: Cause::Spec, .. }), "it is no drift: {own:?}");
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    let plan = plan_one(&sent("another"), report, Ownership::Ours, CHANGED);
    assert!(matches!(plan, Plan::Report { .. }), "{plan:?}");
}

#[test]
fn plan_never_waits_for_a_foreign_object() {
    for owner in [foreign_tag(), Ownership::OtherObject("Policy a/b".to_owned())] {
        let plan = plan_one(&settling(), rules(), owner, &[]);
        assert!(matches!(plan, Plan::Refuse(_) | Plan::Yield(_)), "{plan:?}");
    }
}

#[test]
fn plan_gives_up_only_a_value_from_before_the_write() {
    assert!(matches!(step(&before(2), rules(), CHANGED), Step::NotApplied(_)));
    assert!(matches!(step(&before(3), rules(), CHANGED), Step::Update { cause: Cause::Drift, .. }));
}

#[test]
fn plan_corrects_third_value_of_a_field_that_was_given_up() {
    let other = Unapplied { observed: "3".to_owned(), ..unapplied("spec.x") };
    let tried = PriorState { not_applied: vec![other], ..written() };
    assert!(matches!(step(&tried, rules(), CHANGED), Step::Update { cause: Cause::Drift, .. }));
}

#[test]
fn plan_does_not_repeat_a_write_that_was_not_applied() {
    let tried = PriorState { not_applied: vec![unapplied("spec.x")], ..written() };
    assert!(matches!(step(&tried, rules(), CHANGED), Step::NotApplied(_)));
    let edited = PriorState { applied_hash: Some("older".to_owned()), ..tried.clone() };
    assert!(matches!(step(&edited, rules(), CHANGED), Step::Update { .. }));
    let another_field = &[CHANGED[0], ("spec.y", Remedy::Update)];
    assert!(matches!(step(&tried, rules(), another_field), Step::Update { .. }));
}

#[test]
fn plan_knows_many_unapplied_fields_by_the_first() {
    let paths: Vec<String> = (0..30).map(|i| format!("spec.x[{i}]")).collect();
    let fields: Vec<(&str, Remedy)> = paths.iter().map(|path| (path.as_str(), Remedy::Update)).collect();
    let tried =
        PriorState { not_applied: paths[..SHOWN_FIELDS].iter().map(|path| unapplied(path)).collect(), ..written() };
    let step = step(&tried, rules(), &fields);
    assert!(matches!(step, Step::NotApplied(_)), "{step:?}");
}
