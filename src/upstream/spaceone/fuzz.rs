//! `SpaceONE`'s answers, generated.

use super::client::{Fields, purpose};
use super::errors::{ErrorBody, refusal};
use super::routes::{Resource, Verb};
use super::tags;
use super::token::Bearer;
use super::wire::{Counted, Page, timestamp};
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
fn no_refusal_shows_a_secret_or_takes_doubt_for_certainty() {
    let redactor = Redactor::hiding([SECRET.into()]);
    holds_for(3000, (400u16..600, bodies(GOOD)), |(status, body)| {
        let code = ErrorBody::of(&body).map(|said| said.code).unwrap_or_default();
        let answer = Response { status, body, ..Response::default() };
        for verb in [Verb::Get, Verb::Create] {
            let purpose = purpose(Resource::NetworkPolicy, verb);
            let error = refusal(&answer, purpose, &redactor);
            let shown = format!("{error} {error:?} {}", error.sentence());
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(error.message.chars().count() <= 300 && !error.message.contains('\n'), "{error}");
            if status >= 500 && status != 501 && !code.starts_with("ERROR_") {
                assert_eq!(error.kind, purpose.effect.doubt(), "only the status speaks: {status}");
            }
            assert!(purpose.effect == Effect::Write || error.kind != ErrorKind::OutcomeUnknown, "a read has no effect");
        }
    });
}

#[test]
fn every_shape_is_read_or_refused() {
    holds_for(3000, bodies(GOOD), |body| {
        if let Ok(page) = serde_json::from_slice::<Page<Fields>>(&body) {
            let read: Value = serde_json::from_slice(&body).unwrap();
            let has_annotation =
                read == serde_json::json!({}) || read.get("results").is_some() || read.get("total_count").is_some();
            assert!(has_annotation, "a page of {} that says nothing of results: {read}", page.results.len());
        }
        let _ = serde_json::from_slice::<Counted>(&body).map(|counted| counted.number());
    });
    holds_for(2000, any_json(), |value| {
        let _ = timestamp(&value);
        if let Value::Object(object) = value {
            let Value::Object(stamped) = tags::stamped(Some(&object), &OwnerTag::new("c", "u")) else { return };
            assert_eq!(tags::unstamped(stamped).1, object, "the stamp comes off and nothing else does");
        }
    });
}

#[test]
fn no_token_brings_the_reader_of_its_claims_down() {
    let token = prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,9}\\.[A-Za-z0-9_=-]{0,60}\\.[A-Za-z0-9_-]{0,9}"];
    holds_for(2000, token, |token| {
        let _ = Bearer(token.into()).domain();
    });
}
