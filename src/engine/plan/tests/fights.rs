//! Drift fights: what is conceded, and what never is.

use super::*;
use crate::engine::plan::Unapplied;

#[test]
fn plan_stops_writing_in_a_drift_fight_until_spec_changes() {
    let fought = |path: &str| PriorState { fought: vec![path.to_owned()], ..written() };
    let both = &[CHANGED[0], ("spec.y", Remedy::Update)];
    let Step::DriftFight { diff, over } = step(&fought("spec.x"), rules(), both) else {
        panic!("a write in a drift fight")
    };
    assert_eq!((diff.summary().as_str(), over), ("spec.x, spec.y", vec!["spec.x".to_owned()]));
    assert!(matches!(step(&fought("spec.z"), rules(), both), Step::Update { .. }), "another field");
    let edited = PriorState { applied_hash: Some("older".to_owned()), ..fought("spec.x") };
    assert!(matches!(step(&edited, rules(), both), Step::Update { cause: Cause::Spec, .. }));
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    let zone = step(&fought("spec.zone"), allowed, FIXED);
    assert!(matches!(zone, Step::DriftFight { .. }), "nor is the object recreated: {zone:?}");
}

#[test]
fn plan_never_concedes_wider_access() {
    let wider = |prior_state: &PriorState, rules: Rules<'_>, remedy: Remedy| {
        let mut observed = observed(Ownership::Ours, &[("spec.x", remedy), ("spec.y", Remedy::Update)]);
        observed.diff.mark_widening("spec.x");
        let Plan::Existing(existing) = plan(prior_state, rules, vec![observed], HASH) else { panic!("not ours") };
        existing.step
    };
    let fought = PriorState { fought: vec!["spec.x".to_owned(), "spec.y".to_owned()], ..written() };
    assert!(matches!(wider(&fought, rules(), Remedy::Update), Step::Update { cause: Cause::Drift, .. }));
    let allowed = Rules { recreate: RecreatePolicy::WhenRequired, ..rules() };
    assert!(matches!(wider(&fought, allowed, Remedy::Recreate), Step::Recreate { .. }));
    let unapplied = |path: &str| Unapplied { path: path.to_owned(), observed: "2".to_owned() };
    let tried = PriorState { not_applied: vec![unapplied("spec.x"), unapplied("spec.y")], ..written() };
    assert!(matches!(wider(&tried, rules(), Remedy::Update), Step::Update { cause: Cause::Spec, .. }));
    // Only `spec.x` is wider, and the upstream cannot change it in place.
    assert!(matches!(wider(&tried, rules(), Remedy::Recreate), Step::NotApplied(_)));
}
