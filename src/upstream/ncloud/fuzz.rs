//! Generated responses of NAVER Cloud, and generated requests to sign.

use super::errors::{ErrorBody, refusal};
use super::policy::calls::{read, write};
use super::policy::wire::{Detail, Holder, RawVerdict, Stored, Summary};
use super::signature::Keys;
use super::wire::{self, ItemPage};
use crate::engine::ErrorKind;
use crate::upstream::endpoint::below;
use crate::upstream::fuzz::any_json;
use crate::upstream::fuzz::bodies;
use crate::upstream::http::Authorize;
use crate::upstream::http::Response;
use crate::upstream::redact::Redactor;
use cloud_policy_testbed::holds_for;
use proptest::prelude::*;
use reqwest::{Method, Request};
use url::{Position, Url};

const SECRET: &str = "SECRETKEY0123456789";
const GOOD: &[&str] = &[
    r#"{"error":{"errorCode":"210","message":"Permission Denied","details":"SECRETKEY0123456789"}}"#,
    r#"{"errorCode":9012,"message":"quota of SECRETKEY0123456789"}"#,
    r#"{"detail":"invalid value for 'SECRETKEY0123456789'"}"#,
    r#"{"items":[{"policyId":"p","policyName":"n","policyDesc":null}],"totalItems":1,"totalPages":1,"hasNext":false}"#,
    r#"{"policyId":"p","policyName":"n","permissions":[{"effect":"Deny","targets":[{"product":"Server","actions":["*"],"resourceNrns":["*"]}],"condition":{"Null":{"k":true}}}]}"#,
    r#"{"policyId":"p","validationResult":{"success":false,"details":[{"type":"ERROR","code":"c","message":"SECRETKEY0123456789"}]}}"#,
    r#"[{"resourceType":"SubAccount","resourceId":"i","resourceName":"n"}]"#,
    r#"{"items":[{"tagKey":"k","tagValue":"v"}]}"#,
];

#[test]
fn errors_show_no_secret_and_keep_unknown_outcomes() {
    let redactor = Redactor::hiding([SECRET.into()]);
    holds_for(3000, (400u16..600, bodies(GOOD)), |(status, body)| {
        let response = Response { status, body, ..Response::default() };
        for purpose in [read("get policy"), write("create policy")] {
            let error = refusal(&response, purpose, &redactor);
            let shown = format!("{error} {error:?} {}", error.sentence());
            assert!(!shown.contains(SECRET), "{shown}");
            assert!(error.message.chars().count() <= 300 && !error.message.contains('\n'), "{error}");
            let doubt = status >= 500 && status != 501;
            assert!(!doubt || error.kind == purpose.effect.doubt(), "{status} is {:?}", error.kind);
            assert!(doubt || error.kind != ErrorKind::OutcomeUnknown, "a 4xx had no effect: {status}");
        }
    });
}

#[test]
fn every_body_is_read_or_rejected_without_a_secret() {
    let redactor = Redactor::hiding([SECRET.into()]);
    holds_for(3000, bodies(GOOD), |body| {
        if let Some(verdict) = RawVerdict::of(&body) {
            assert!(!format!("{:?}", verdict.shown(&redactor)).contains(SECRET));
        }
        let _ = ErrorBody::of(&body);
        let _ = serde_json::from_slice::<ItemPage<Summary>>(&body).map(|page| page.is_last(u64::MAX - 1));
        let _ = serde_json::from_slice::<Stored>(&body);
        let _ = serde_json::from_slice::<Detail>(&body).map(|detail| detail.permissions());
        for holder in serde_json::from_slice::<Vec<Holder>>(&body).into_iter().flatten() {
            assert!(!holder.shown(&redactor).contains(SECRET));
        }
    });
    holds_for(1000, any_json(), |body| {
        let _ = (wire::tags(&body), wire::failure_inside(&body));
    });
}

/// The simulated gateway signs the target as it arrived, with code of its own.
#[test]
fn signature_matches_the_request_as_sent() {
    let texts = prop::collection::vec((any::<String>(), any::<String>()), 0..3);
    let methods = prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::DELETE]);
    holds_for(1000, (methods, any::<String>(), texts), |(method, id, query)| {
        let base: Url = "https://h.example:8443/gateway/".parse().unwrap();
        let Ok(mut url) = below(&base, &["api", "v1", "policies", &id], "get policy") else { return };
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(&query);
        }
        let target = url[Position::BeforePath..Position::AfterQuery].to_owned();
        let keys = Keys { access_key: "ACCESS".into(), secret_key: SECRET.into() };
        let mut request = Request::new(method.clone(), url);
        keys.authorize(&mut request).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let time = header("x-ncp-apigw-timestamp");
        let expected = cloud_policy_simulator::ncloud::sign(method.as_str(), &target, &time, "ACCESS", SECRET);
        assert_eq!(header("x-ncp-apigw-signature-v2"), expected, "{target}");
        assert!(target.is_ascii() && !target.contains(['#', ' ', '\n']), "{target}");
    });
}
