//! A response as it was received: status, the few headers that are used, and the body.

use super::call::Purpose;
use super::large_bodies::Permits;
use crate::engine::{ErrorKind, Result, UpstreamError};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// The upper limit of `Retry-After`, so that a faulty upstream cannot stop its objects for days.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// One complete response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// About what the values of the body take in memory.
    pub(crate) weight: usize,
    /// Held while a large body is in memory.
    pub(crate) permits: Option<Arc<Permits>>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    /// Whether the body is compressed, although the request asks for a plain one.
    pub(crate) encoded: bool,
    /// How far the upstream's clock is ahead of ours.
    pub(crate) skew: Option<SignedDuration>,
}

impl Response {
    /// Reads status and headers.
    pub(super) fn head(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let now = Timestamp::now();
        let id = ["x-request-id", "x-ncp-trace-id"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
        Self {
            status,
            body: Vec::new(),
            weight: 0,
            permits: None,
            retry_after: text(&RETRY_AFTER).and_then(|value| retry_after(value, now)),
            request_id: id.map(|id| id.chars().filter(char::is_ascii_graphic).take(64).collect()),
            encoded: text(&CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")),
            skew: text(&DATE).and_then(http_date).map(|date| date.duration_since(now)),
        }
    }

    /// Returns the response to a write that an observer took.
    pub(super) fn accepted(body: &serde_json::Value) -> Self {
        Self { status: 200, body: body.to_string().into_bytes(), ..Self::default() }
    }

    /// Reports whether the status is a 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Reports whether the same read may succeed soon: 502, 503 and 504 come from gateways in trouble.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.status, 502..=504)
    }

    /// Reads the body as JSON of this type.
    pub(crate) fn read<T: DeserializeOwned>(&self, purpose: Purpose) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable(purpose))
    }

    /// Reads the body as a JSON object of this type. Serde alone would also accept a list of the fields.
    pub(crate) fn read_object<T: DeserializeOwned>(&self, purpose: Purpose) -> Result<T> {
        match self.first_byte() {
            Some(b'{') => self.read(purpose),
            _ => Err(self.unreadable(purpose)),
        }
    }

    /// Reports whether the body is an HTML or XML page, as a proxy sends it in place of the API.
    pub(crate) fn is_page(&self) -> bool {
        !self.encoded && self.first_byte() == Some(b'<')
    }

    /// Returns the first byte of the body that is no white space.
    fn first_byte(&self) -> Option<u8> {
        self.body.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }

    /// Returns the error for a body that cannot be read. It never quotes the body.
    pub(crate) fn unreadable(&self, purpose: Purpose) -> UpstreamError {
        let message = format!("the upstream responded with {} {}", self.status, self.oddity());
        self.error(purpose.effect.doubt(), purpose, message)
    }

    /// Returns an error with the headers of this response.
    pub(crate) fn error(&self, kind: ErrorKind, purpose: Purpose, message: String) -> UpstreamError {
        UpstreamError {
            kind,
            operation: purpose.operation,
            code: None,
            message,
            retry_after: self.retry_after,
            request_id: self.request_id.clone(),
            unsent: false,
        }
    }

    /// Returns the error for a redirect. The upstream may have carried out a write before it redirects.
    pub(super) fn redirect(&self, purpose: Purpose) -> UpstreamError {
        let kind = match purpose.effect.doubt() {
            ErrorKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
            _ => ErrorKind::EndpointNotAllowed,
        };
        let message = format!(
            "the endpoint responded with {}, a redirect, and redirects are not followed: set the final address",
            self.status
        );
        self.error(kind, purpose, message)
    }

    fn oddity(&self) -> &'static str {
        if self.encoded {
            return "and a compressed body, although the operator asks for `Accept-Encoding: identity`: turn compression off in the proxy in front of the API";
        }
        match self.first_byte() {
            None => "and an empty body: is this the endpoint of the API?",
            Some(b'<') => "and an HTML or XML page instead of JSON: is this the endpoint of the API?",
            Some(b'{' | b'[') => "and JSON of an unexpected shape",
            Some(_) => "and a body that is not JSON: is this the endpoint of the API?",
        }
    }
}

fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let asked = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.duration_since(now).try_into().unwrap_or(Duration::ZERO),
    };
    Some(asked.min(MAX_RETRY_AFTER))
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::http::Effect;
    use reqwest::header::HeaderValue;
    use serde_json::Value;

    const READ: Purpose = Purpose { system: "s", operation: "read it", effect: Effect::Read };
    const WRITE: Purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };

    fn response(body: &str) -> Response {
        Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() }
    }

    #[test]
    fn retry_after_reads_seconds_and_dates_up_to_an_hour() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let read = |value| retry_after(value, now).map(|d| d.as_secs());
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("Sat, 21 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(read("Sat, 21 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!(read("999999999"), Some(3600));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn response_reads_clock_skew_from_date_header() {
        let mut headers = HeaderMap::new();
        let ahead = Timestamp::now() + SignedDuration::from_secs(600);
        let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        headers.insert(DATE, HeaderValue::from_str(&date).unwrap());
        let skew = Response::head(401, &headers).skew.unwrap().as_secs();
        assert!((598..=600).contains(&skew), "{skew}");
        assert_eq!(Response::head(401, &HeaderMap::new()).skew, None);
    }

    #[test]
    fn unreadable_body_is_described_and_never_quoted() {
        for (body, expected) in [
            ("", "empty"),
            (" <html>s3cret", "HTML"),
            ("{\"a\":\"s3cret\"}", "unexpected shape"),
            ("s3cret", "not JSON"),
        ] {
            let error = response(body).read::<Vec<Value>>(READ).unwrap_err();
            assert!(error.message.contains(expected), "{error}");
            assert!(!error.message.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn compressed_body_is_named_and_never_quoted() {
        let encoded = |encoding: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
            Response { body: b"\x1f\x8bs3cret".to_vec(), ..Response::head(200, &headers) }
        };
        let error = encoded("gzip").read::<Value>(READ).unwrap_err();
        assert!(error.message.contains("compressed") && !error.message.contains("s3cret"), "{error}");
        assert!(encoded("identity").read::<Value>(READ).unwrap_err().message.contains("not JSON"));
    }

    #[test]
    fn unreadable_response_makes_outcome_of_write_unknown() {
        assert_eq!(response("").read::<Value>(READ).unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(response("").read::<Value>(WRITE).unwrap_err().kind, ErrorKind::OutcomeUnknown);
        assert_eq!(response("").redirect(READ).kind, ErrorKind::EndpointNotAllowed);
        assert_eq!(response("").redirect(WRITE).kind, ErrorKind::OutcomeUnknown);
    }
}
