//! Decisions right after a write, which reads may not show yet.

use super::*;

fn settling() -> LastKnown {
    LastKnown { settling: true, ..written() }
}

fn before(observed: i32) -> LastKnown {
    let mut diff = Diff::default();
    diff.compare("spec.x", &1, &observed, Remedy::Update);
    LastKnown { before: Some(diff), ..written() }
}

#[test]
fn plan_looks_again_when_last_write_is_not_shown() {
    let report = Rules { drift: DriftPolicy::Report, ..rules() };
    for rules in [rules(), report] {
        let plan = plan_one(&settling(), rules, Ownership::Ours, CHANGED);
        assert!(matches!(plan, Plan::LookAgain(_)), "{plan:?}");
    }
    let plan = plan_one(&settling(), rules(), Ownership::Untagged, &[]);
    assert!(matches!(plan, Plan::LookAgain(_)), "the owner tag may be late: {plan:?}");
    let both = vec![observed(Ownership::Ours, &[]), observed(Ownership::Ours, CHANGED)];
    let plan = super::plan(&settling(), rules(), both, HASH);
    assert!(matches!(plan, Plan::LookAgain(_)), "a deletion may be late: {plan:?}");
}

#[test]
fn plan_writes_edited_spec_while_last_write_is_not_shown() {
    let edited = LastKnown { settling: true, ..edited() };
    assert!(matches!(step(&edited, rules(), CHANGED), Step::Update { cause: Cause::Spec, .. }));
    let created = LastKnown { applied_hash: None, ..settling() };
    assert!(matches!(step(&created, rules(), CHANGED), Step::Update { cause: Cause::Spec, .. }));
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
fn plan_corrects_a_third_value_of_a_field_that_was_given_up() {
    let other = Unapplied { observed: "3".to_owned(), ..unapplied("spec.x") };
    let tried = LastKnown { not_applied: vec![other], ..written() };
    assert!(matches!(step(&tried, rules(), CHANGED), Step::Update { cause: Cause::Drift, .. }));
}
