//! Generated responses of `SpaceONE`.

use super::client::Fields;
use super::errors::{ErrorBody, refusal};
use super::network_policy::NETWORK_POLICY;
use super::resource::Verb;
use super::tags;
use super::token::Bearer;
use super::wire::{Counted, ResultPage, timestamp};
use crate::engine::ErrorKind;
use crate::engine::OwnerTag;
use crate::upstream::fuzz::any_json;
use crate::upstream::fuzz::bodies;
use crate::upstream::http::Effect;
use crate::upstream::http::Response;
use crate::upstream::redact::Redactor;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use serde_json::Value;

const SECRET: &str = "token-0123456789abcdef";
const GOOD: &[&str] = &[
    r#"{"detail":{"code":"ERROR_NOT_FOUND","message":"Value not found. (('zone_id') = ('token-0123456789abcdef'))"}}"#,
    r#"{"error":{"code":"ERROR_UNKNOWN","message":"ERROR_X: ERROR_Y: token-0123456789abcdef"}}"#,
    r#"{"error":"ERROR_AUTHENTICATE_FAILURE: token-0123456789abcdef"}"#,
    r#"{"message":"upstream connect error"}"#,
    r#"{"results":[{"policy_id":"p","created_at":{"seconds":"1","nanos":2}}],"total_count":1}"#,
    r#"{"results":[{"count":4.0}]}"#,
];

#[test]
fn errors_show_no_secret_and_keep_unknown_outcomes() {
    let redactor = Redactor::hiding([SECRET.into()]);
    holds_for(3000, (400u16..600, bodies(GOOD)), |(status, body)| {
        let code = ErrorBody::of(&body).map(|error| error.code).unwrap_or_default();
        let response = Response { status, body, ..Response::default() };
        for verb in [Verb::Get, Verb::Create] {
            let purpose = NETWORK_POLICY.purpose(verb);
            let error = refusal(&response, purpose, NETWORK_POLICY, &redactor);
            let shown = format!("{error} {error:?} {}", error.sentence());
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(error.message.chars().count() <= 300 && !error.message.contains('\n'), "{error}");
            if status >= 500 && status != 501 && !code.starts_with("ERROR_") {
                assert_eq!(error.kind, purpose.effect.doubt(), "only the status is known: {status}");
            }
            assert!(purpose.effect == Effect::Write || error.kind != ErrorKind::OutcomeUnknown, "a read has no effect");
        }
    });
}

#[test]
fn every_body_is_read_or_rejected() {
    holds_for(3000, bodies(GOOD), |body| {
        if let Ok(page) = serde_json::from_slice::<ResultPage<Fields>>(&body) {
            let read: Value = serde_json::from_slice(&body).unwrap();
            let has_results =
                read == serde_json::json!({}) || read.get("results").is_some() || read.get("total_count").is_some();
            assert!(has_results, "a page of {} without a list of results: {read}", page.results.len());
        }
        let _ = serde_json::from_slice::<Counted>(&body).map(|counted| counted.number());
    });
    holds_for(2000, any_json(), |value| {
        let _ = timestamp(&value);
        if let Value::Object(object) = value {
            let Value::Object(tagged) = tags::with_owner(object.clone(), &OwnerTag::new("c", "u")) else { return };
            assert_eq!(tags::split_owner(tagged).1, object, "only the owner tag is removed");
        }
    });
}

#[test]
fn claims_of_every_token_are_read_without_a_panic() {
    let token = prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_=-]{0,60}\\.[A-Za-z0-9_-]{0,9}"];
    holds_for(2000, token, |token| {
        let _ = Bearer(token.into()).domain();
    });
}
