//! Generated responses: no header makes the client panic or wait without limit.

use super::call::{Effect, Purpose};
use super::response::Response;
use crate::engine::ErrorKind;
use crate::upstream::fuzz::bodies;
use cloud_policy_testbed::holds_for;
use jiff::SignedDuration;
use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::time::Duration;

const READ: Purpose = Purpose { system: "s", operation: "read it", effect: Effect::Read };
const WRITE: Purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };

fn value() -> impl Strategy<Value = HeaderValue> {
    let date = "(Mon|Sat|Xxx), [0-9]{1,3} (Jan|Nov|Foo) -?[0-9]{1,6} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,3}( GMT| \\+9999|)";
    let text = prop_oneof![date, "-?[0-9]{0,30}(\\.[0-9]{1,9})?", "[ -~]{0,80}"].prop_map(String::into_bytes);
    let bytes = prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..40)];
    bytes.prop_filter_map("fit for a header", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

#[test]
fn response_head_is_read_within_limits() {
    let names = prop::sample::select(vec!["retry-after", "date", "x-request-id", "x-ncp-trace-id"]);
    let headers = prop::collection::vec((names, value()), 0..5);
    holds_for(3000, (100u16..600, headers), |(status, headers)| {
        let headers: HeaderMap =
            headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value)).collect();
        let response = Response::head(status, &headers);
        assert!(response.retry_after.is_none_or(|wait| wait <= Duration::from_hours(1)), "{response:?}");
        assert!(response.request_id.iter().all(|id| id.len() <= 64 && id.is_ascii()), "{response:?}");
        assert!(response.skew.is_none_or(|skew| skew.abs() >= SignedDuration::ZERO), "{response:?}");
    });
}

#[test]
fn response_body_of_another_shape_is_an_error() {
    holds_for(2000, bodies(&[r#"{"a":[1,{"b":null}]}"#, r#"[{"a":1}]"#]), |body| {
        let response = Response { status: 200, body, ..Response::default() };
        if serde_json::from_slice::<Value>(&response.body).is_err() {
            assert_eq!(response.read::<Value>(READ).unwrap_err().kind, ErrorKind::Unavailable);
            assert_eq!(response.read::<Value>(WRITE).unwrap_err().kind, ErrorKind::OutcomeUnknown);
        }
        let object = response.read_object::<Value>(WRITE);
        assert!(object.is_err() || object.unwrap().is_object());
    });
}
