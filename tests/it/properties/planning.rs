//! Plans and conditions, which are pure: there is a plan for every state, and no plan writes what is not
//! allowed.

use cloud_policy::api::Reason;
use cloud_policy::api::shared::{AdoptionPolicy, DriftPolicy, ManagementPolicy, RecreatePolicy};
use cloud_policy::api::status::{OperationKind, ValidationDetail, ValidationResult};
use cloud_policy::engine::outcome::{Outcome, Requeue};
use cloud_policy::engine::plan::{Existing, Plan, PriorState, ReportOnly, Rules, Step, TagOwner, Unapplied, plan};
use cloud_policy::engine::{Details, Diff, ErrorKind, FieldDiff, Observation, Ownership, Remedy, UpstreamError};
use cloud_policy_testbed::holds_for;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

const CASES: u32 = 4000;

fn id() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn prior() -> impl Strategy<Value = PriorState> {
    let hash = || prop::option::of(select(vec!["wanted", "older"]).prop_map(str::to_owned));
    let hashes = (hash(), hash());
    let paths = || prop::collection::vec(path(), 0..3);
    let contender = prop::option::of(Just("Policy a/b".to_owned()));
    let kinds = vec![OperationKind::Create, OperationKind::Recreate, OperationKind::Adopt];
    let waits = any::<[bool; 7]>();
    (prop::option::of(id()), prop::option::of(select(kinds)), waits, hashes, paths(), paths(), contender).prop_map(
        |(
            id,
            in_flight,
            [create_sent, in_grace, may_be_unrecorded, may_have_adopted, settling, lost_update, unseen],
            (applied_hash, sent),
            not_applied,
            fought,
            contender,
        )| PriorState {
            id,
            in_flight,
            create_sent,
            in_grace,
            may_be_unrecorded,
            may_have_adopted,
            applied_hash,
            settling,
            lost_update,
            sent,
            unseen,
            before: None,
            not_applied: not_applied.into_iter().map(|path| Unapplied { path, observed: "2".to_owned() }).collect(),
            fought,
            contender,
            left_behind: false,
            moved: None,
        },
    )
}

fn path() -> impl Strategy<Value = String> {
    select(vec!["spec.x", "spec.y", "spec.zone"]).prop_map(str::to_owned)
}

fn diff() -> impl Strategy<Value = Diff> {
    let field = (path(), select(vec![Remedy::Update, Remedy::Recreate]), any::<bool>());
    let field = field.prop_map(|(path, remedy, widens)| {
        let (desired, observed) = (json!(1), json!(2));
        FieldDiff { path, desired, observed, remedy, widens }
    });
    prop::collection::vec(field, 0..4).prop_map(|fields| Diff { fields, ..Diff::default() })
}

fn sighting() -> impl Strategy<Value = Observation> {
    let owner = select(vec![
        Ownership::Ours,
        Ownership::Unknown,
        Ownership::Untagged,
        Ownership::ForeignTag("another/uid".to_owned()),
        Ownership::OtherObject("Policy a/b".to_owned()),
        Ownership::Reserved,
    ]);
    (id(), owner, diff()).prop_map(|(id, owner, diff)| Observation { id, owner, diff, details: Details::default() })
}

type Freedom = (ManagementPolicy, AdoptionPolicy, DriftPolicy, RecreatePolicy, Option<&'static str>);

fn freedom() -> impl Strategy<Value = Freedom> {
    (
        select(vec![ManagementPolicy::Full, ManagementPolicy::CreateOnly, ManagementPolicy::Observe]),
        select(vec![AdoptionPolicy::Never, AdoptionPolicy::IfIdentical, AdoptionPolicy::Always]),
        select(vec![DriftPolicy::Correct, DriftPolicy::Report]),
        select(vec![RecreatePolicy::Never, RecreatePolicy::WhenRequired]),
        select(vec![None, Some("a"), Some("z")]),
    )
}

/// The effect of a plan upstream.
#[derive(Debug, PartialEq)]
enum Touch {
    Nothing,
    Create,
    /// The object is tagged, changed, or deleted to be created again.
    Write(Box<Observation>),
}

fn touch(plan: &Plan) -> Touch {
    match plan {
        Plan::Create => Touch::Create,
        Plan::Wait
        | Plan::Recheck(_)
        | Plan::Report { .. }
        | Plan::Yield(_)
        | Plan::Duplicate { .. }
        | Plan::Refuse(_)
        | Plan::Existing(Existing {
            tag: TagOwner::NotNeeded,
            step: Step::None | Step::NotApplied(_) | Step::DriftFight { .. },
            ..
        }) => Touch::Nothing,
        Plan::Existing(Existing { observed, .. }) => Touch::Write(Box::new(observed.clone())),
    }
}

#[test]
fn plan_contains_no_write_that_policies_forbid() {
    let values = (prior(), freedom(), prop::collection::vec(sighting(), 0..4));
    holds_for(CASES, values, |(prior, (management, adoption, drift, recreate, external_id), found)| {
        let rules = Rules { management, adoption, drift, recreate, external_id };
        let plan = plan(&prior, rules, found.clone(), "wanted");
        let touch = touch(&plan);
        if management == ManagementPolicy::Observe {
            assert_eq!(touch, Touch::Nothing, "Observe writes nothing: {plan:?}");
            assert!(!matches!(plan, Plan::Existing(_)), "and makes nothing its own");
        }
        if prior.contender.is_some() {
            assert!(!plan.acquires() && !plan.rests_on_record(), "an older object claims it: {plan:?}");
        }
        let ours = found.iter().filter(|seen| seen.owner == Ownership::Ours).count();
        if ours > 1 {
            let late = prior.settling && matches!(plan, Plan::Recheck(_));
            assert!(late || matches!(plan, Plan::Duplicate { .. }), "{plan:?}");
        }
        match touch {
            Touch::Nothing => {}
            Touch::Create => {
                assert!(found.is_empty(), "something is there already");
                assert!(!prior.may_appear(), "one may still land");
            }
            Touch::Write(seen) => may_write(&prior, rules, &seen),
        }
        if let Plan::Existing(Existing { step, .. }) = &plan {
            may_step(&prior, rules, step, &plan);
        }
    });
}

/// Asserts that the object may be written.
fn may_write(prior: &PriorState, rules: Rules<'_>, seen: &Observation) {
    match &seen.owner {
        Ownership::Ours => {}
        Ownership::ForeignTag(owner) | Ownership::OtherObject(owner) => panic!("the object of {owner} is written"),
        Ownership::Reserved => panic!("a system object is written"),
        Ownership::Unknown | Ownership::Untagged => {
            let known = prior.id.as_deref() == Some(seen.id.as_str());
            let recovered = prior.is_in_flight(OperationKind::Create) && seen.diff.is_empty();
            let adopted = match rules.adoption {
                AdoptionPolicy::Never => false,
                AdoptionPolicy::IfIdentical => seen.diff.is_empty(),
                AdoptionPolicy::Always => true,
            };
            let trusted = seen.owner == Ownership::Unknown && known && !seen.diff.needs_recreate();
            assert!(recovered || adopted || trusted, "an object of another owner is written: {seen:?}");
        }
    }
}

/// Asserts that the policies of the spec allow the step.
fn may_step(prior: &PriorState, rules: Rules<'_>, step: &Step, plan: &Plan) {
    let writes = matches!(step, Step::Update { .. } | Step::Recreate { .. });
    let completes = prior.is_in_flight(OperationKind::Create) && matches!(step, Step::Update { .. });
    let is_free = rules.management != ManagementPolicy::CreateOnly || completes;
    assert!(is_free || !writes, "CreateOnly changes nothing but what its create left out: {plan:?}");
    if matches!(step, Step::Recreate { .. }) {
        assert_eq!(rules.recreate, RecreatePolicy::WhenRequired, "{plan:?}");
    }
    if let Step::Update { diff, .. } = step {
        let in_place = diff.fields.iter().all(|field| field.remedy == Remedy::Update);
        assert!(in_place && !diff.is_empty(), "an update changes what can be changed in place: {plan:?}");
    }
    let adopting = matches!(plan, Plan::Existing(Existing { acquire: Some(_), .. }));
    if prior.applied_hash.as_deref() == Some("wanted") && rules.drift == DriftPolicy::Report && !adopting {
        assert!(!writes, "drift is only reported: {plan:?}");
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let kind = select(vec![
        ErrorKind::Unauthorized,
        ErrorKind::ClockSkew,
        ErrorKind::RateLimited,
        ErrorKind::Unavailable,
        ErrorKind::OutcomeUnknown,
        ErrorKind::Rejected,
        ErrorKind::InvalidReference,
        ErrorKind::AlreadyExists,
        ErrorKind::InUse,
        ErrorKind::UsersUnknown,
        ErrorKind::NotUpdatable,
        ErrorKind::QuotaExceeded,
        ErrorKind::Unsupported,
        ErrorKind::EndpointNotAllowed,
    ]);
    let why = select(vec![ReportOnly::Observe, ReportOnly::CreateOnly, ReportOnly::DriftReport]);
    let failed = (kind, "\\PC{0,20}").prop_map(|(kind, message)| {
        Outcome::failed(&UpstreamError::new(kind, "get policy", message), Duration::from_secs(30))
    });
    prop_oneof![
        Just(Outcome::up_to_date()),
        Just(Outcome::suspended()),
        (prop::option::of(diff()), why).prop_map(|(diff, why)| Outcome::reported(diff, why)),
        diff().prop_map(Outcome::not_applied),
        "\\PC{0,20}".prop_map(|why| Outcome::refused(Reason::Conflict, why)),
        "\\PC{0,20}".prop_map(|why| Outcome::blocked(Reason::ConnectionNotReady, why, Requeue::Backoff)),
        Just(Outcome::working(Reason::Creating, "Made.", Requeue::Backoff)),
        verdict().prop_map(|verdict| Outcome::invalid(&verdict, &json!({}))),
        failed,
    ]
}

fn verdict() -> impl Strategy<Value = ValidationResult> {
    let detail = (select(vec!["ERROR", "INFO", ""]), "\\PC{0,9}", prop::option::of("\\PC{0,9}")).prop_map(
        |(kind, message, field)| ValidationDetail {
            kind: kind.to_owned(),
            message,
            field,
            ..ValidationDetail::default()
        },
    );
    prop::collection::vec(detail, 0..3).prop_map(|details| ValidationResult { success: false, details })
}

#[test]
fn conditions_depend_only_on_outcome() {
    holds_for(600, prop::collection::vec(outcome(), 1..8), |outcomes| {
        let mut now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        let mut before: Vec<Condition> = Vec::new();
        for (round, outcome) in (1..).zip(outcomes) {
            now += SignedDuration::from_secs(1);
            let after = outcome.conditions(&before, round, now);
            assert_eq!(after, outcome.conditions(&before, round, now), "equal facts, equal conditions");
            let later = outcome.conditions(&after, round, now + SignedDuration::from_hours(1));
            assert_eq!(later, after, "saying the same again changes nothing");
            assert_well_formed(&after, round);
            for condition in &after {
                let old = before.iter().find(|old| old.type_ == condition.type_);
                let moved = old.is_none_or(|old| old.status != condition.status);
                let time = old.map_or(now, |old| old.last_transition_time.0);
                let expected = if moved { now } else { time };
                assert_eq!(condition.last_transition_time.0, expected, "{condition:?} after {old:?}");
            }
            before = after;
        }
    });
}

fn assert_well_formed(conditions: &[Condition], generation: i64) {
    let types: BTreeSet<&str> = conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert_eq!(types.len(), conditions.len(), "one of each type: {types:?}");
    assert!(["Ready", "Synced", "Valid"].iter().all(|always| types.contains(always)), "{types:?}");
    for condition in conditions {
        let rare = matches!(condition.type_.as_str(), "Drifted" | "Reconciling" | "Stalled");
        assert!(!rare || condition.status == "True", "present only when true: {condition:?}");
        assert!(!condition.reason.is_empty() && condition.observed_generation == Some(generation), "{condition:?}");
    }
}
