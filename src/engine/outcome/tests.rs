//! The content of conditions, and when they change.

use super::*;
use crate::api::status::ValidationDetail;
use crate::engine::Remedy;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == kind)
}

#[test]
fn transition_time_changes_only_with_the_status() {
    let first = Outcome::up_to_date().conditions(&[], 1, at(100));
    let again = Outcome::up_to_date().conditions(&first, 1, at(200));
    assert_eq!(first, again);
    let failed = UpstreamError::new(ErrorKind::Unavailable, "get policy", "connection refused");
    let down = Outcome::failed(&failed, Duration::ZERO).conditions(&again, 1, at(300));
    assert_eq!(find(&down, "Ready").unwrap().last_transition_time, Time(at(300)));
    let up = Outcome::up_to_date().conditions(&down, 2, at(400));
    assert_eq!(find(&up, "Valid").unwrap().last_transition_time, Time(at(100)), "Valid did not change");
}

#[test]
fn stalled_disappears_when_it_is_no_longer_true() {
    let refused = Outcome::refused(Reason::Conflict, "Taken.").conditions(&[], 1, at(1));
    assert_eq!(find(&refused, "Stalled").unwrap().status, "True");
    let corrected = Outcome::up_to_date().conditions(&refused, 1, at(2));
    assert!(find(&corrected, "Stalled").is_none());
}

#[test]
fn failed_call_does_not_change_valid() {
    let valid = Outcome::up_to_date().conditions(&[], 1, at(1));
    let error = UpstreamError::new(ErrorKind::Unauthorized, "get policy", "authentication failed").with_code("200");
    let after = Outcome::failed(&error, Duration::ZERO).conditions(&valid, 1, at(2));
    assert_eq!(find(&after, "Valid").unwrap().status, "True");
    assert_eq!(find(&after, "Synced").unwrap().status, "Unknown");
    let ready = find(&after, "Ready").unwrap();
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "Unauthorized"));
    assert_eq!(
        ready.message,
        "Get policy: authentication failed (upstream code 200). Check the Secret of the connection and the permissions of its key."
    );
}

#[test]
fn unchanged_conditions_are_unknown_for_a_new_generation() {
    let first = Outcome::up_to_date().conditions(&[], 1, at(1));
    let mut differs = Diff::default();
    differs.compare("spec.spaceone.zoneId", &"a", &"b", Remedy::Recreate);
    for outcome in [Outcome::suspended(), Outcome::not_applied(differs.clone())] {
        let same = outcome.conditions(&first, 1, at(2));
        assert_eq!(find(&same, "Valid"), find(&first, "Valid"));
        let edited = outcome.conditions(&first, 2, at(2));
        assert_eq!(find(&edited, "Valid").unwrap().status, "Unknown");
        assert_ne!(find(&edited, "Synced").unwrap().status, "True");
    }
}

#[test]
fn valid_has_its_own_message_when_it_is_true() {
    let first = Outcome::up_to_date().conditions(&[], 1, at(1));
    assert_eq!(find(&first, "Valid").unwrap().message, "The upstream accepts the spec.");
    assert_eq!(find(&first, "Synced").unwrap().message, "The upstream equals the spec.");
}

#[test]
fn invalid_names_the_first_error_and_its_field() {
    let detail = |kind: &str, code: &str, field: Option<&str>| ValidationDetail {
        kind: kind.to_owned(),
        code: code.to_owned(),
        location: "permissions[0]".to_owned(),
        message: "unknown product".to_owned(),
        field: field.map(str::to_owned),
    };
    let details =
        vec![detail("INFO", "i", None), detail("ERROR", "e", Some("spec.ncloud.permissions[0].targets[0].product"))];
    let wanted = json!({ "permissions": [{ "targets": [{ "product": "Srv", "actions": ["x"] }] }] });
    let outcome = Outcome::invalid(&Verdict { success: false, details }, &wanted);
    assert_eq!(outcome.reason, Reason::ValidationFailed);
    assert!(outcome.stalled && outcome.valid == Truth::False);
    assert!(
        outcome
            .message
            .contains("at spec.ncloud.permissions[0].targets[0].product `Srv`: unknown product (upstream code e)"),
        "{}",
        outcome.message
    );
}

#[test]
fn invalid_quotes_only_short_values_that_the_spec_has() {
    let wanted =
        json!({ "policyName": "é".repeat(129), "permissions": [{ "targets": [{ "actions": ["View/x", 7] }] }] });
    for (field, quoted) in [
        ("spec.ncloud.permissions[0].targets[0].actions[0]", " `View/x`"),
        ("spec.ncloud.permissions[0].targets[0].actions[1]", " `7`"),
        ("spec.ncloud.permissions[0].targets[0].actions", ""),
        ("spec.ncloud.permissions[9].targets", ""),
        ("spec.ncloud.policyName", ""),
        ("spec.ncloud", ""),
    ] {
        let detail = ValidationDetail {
            kind: "ERROR".to_owned(),
            code: String::new(),
            location: String::new(),
            message: "no".to_owned(),
            field: Some(field.to_owned()),
        };
        let outcome = Outcome::invalid(&Verdict { success: false, details: vec![detail] }, &wanted);
        let expected = format!("The upstream rejects the spec at {field}{quoted}: no.");
        assert!(outcome.message.starts_with(&expected), "{}", outcome.message);
    }
}

#[test]
fn failed_requeues_after_grace_or_requested_delay() {
    let lost = UpstreamError::new(ErrorKind::OutcomeUnknown, "create policy", "timeout");
    assert_eq!(Outcome::failed(&lost, Duration::from_secs(30)).requeue, Requeue::After(Duration::from_secs(30)));
    let throttled = UpstreamError {
        retry_after: Some(Duration::from_secs(7)),
        ..UpstreamError::new(ErrorKind::RateLimited, "get policy", "slow down")
    };
    assert_eq!(Outcome::failed(&throttled, Duration::ZERO).requeue, Requeue::After(Duration::from_secs(7)));
}

#[test]
fn drift_fight_names_its_fields_and_shows_them_first() {
    let mut diff = Diff::default();
    diff.compare("spec.a", &1, &2, Remedy::Update);
    diff.compare("spec.b", &1, &2, Remedy::Update);
    let outcome = Outcome::drift_fight(diff, &["spec.b".to_owned()]);
    assert_eq!((outcome.reason, outcome.ready), (Reason::DriftFight, Truth::False));
    assert!(outcome.stalled && outcome.drifted && outcome.synced == Truth::False);
    assert_eq!(outcome.diff.summary(), "spec.b, spec.a");
    assert!(outcome.message.starts_with("Another writer keeps changing spec.b;"), "{}", outcome.message);
}

#[test]
fn duplicate_names_all_objects() {
    let outcome = Outcome::duplicate(&["id-1".to_owned(), "id-2".to_owned()]);
    assert_eq!(outcome.reason, Reason::Duplicate);
    assert!(outcome.message.contains("id-1, id-2"), "{}", outcome.message);
}
