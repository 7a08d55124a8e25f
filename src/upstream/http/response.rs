//! An answer as it came: status, the few headers that matter, and the bytes.

use super::Purpose;
use crate::engine::{ErrorKind, Result, UpstreamError};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// No upstream has a reason to ask for more, and one that does must not park its objects for good.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);

/// One complete answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    /// By how much the upstream's clock is ahead of ours.
    pub(crate) skew: Option<SignedDuration>,
}

impl Response {
    /// The answer without its body.
    pub(super) fn head(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let now = Timestamp::now();
        let id = ["x-request-id", "x-ncp-trace-id"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
        Self {
            status,
            body: Vec::new(),
            retry_after: text(&RETRY_AFTER).and_then(|value| retry_after(value, now)),
            request_id: id.map(|id| id.chars().filter(char::is_ascii_graphic).take(64).collect()),
            skew: text(&DATE).and_then(http_date).map(|date| date.duration_since(now)),
        }
    }

    /// Whether it is a 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same read may well succeed in a moment: the statuses of gateways in trouble.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self.status, 502..=504)
    }

    /// The body as JSON of this shape.
    pub(crate) fn read<T: DeserializeOwned>(&self, purpose: Purpose) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable(purpose))
    }

    /// The body as a JSON object of this shape. A list is none, though one could be read into a
    /// shape field by field.
    pub(crate) fn read_object<T: DeserializeOwned>(&self, purpose: Purpose) -> Result<T> {
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => self.read(purpose),
            _ => Err(self.unreadable(purpose)),
        }
    }

    /// An error about a body that cannot be made sense of. Never quotes it.
    pub(crate) fn unreadable(&self, purpose: Purpose) -> UpstreamError {
        let message = format!("the upstream answered {} {}", self.status, self.oddity());
        self.error(purpose.effect.doubt(), purpose, message)
    }

    /// An error about this answer.
    pub(crate) fn error(&self, kind: ErrorKind, purpose: Purpose, message: String) -> UpstreamError {
        UpstreamError {
            kind,
            operation: purpose.operation,
            code: None,
            message,
            retry_after: self.retry_after,
            request_id: self.request_id.clone(),
        }
    }

    /// An error about a redirect. A write that is answered so may have been carried out first.
    pub(super) fn redirect(&self, purpose: Purpose) -> UpstreamError {
        let kind = match purpose.effect.doubt() {
            ErrorKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
            _ => ErrorKind::EndpointNotAllowed,
        };
        let message =
            format!("the endpoint answers {}, a redirect, which is never followed: set the final address", self.status);
        self.error(kind, purpose, message)
    }

    fn oddity(&self) -> &'static str {
        match self.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => "with an empty body: is this the endpoint of the API?",
            Some(b'<') => "with an HTML or XML page instead of JSON: is this the endpoint of the API?",
            Some(b'{' | b'[') => "with JSON of an unexpected shape",
            Some(_) => "with something that is not JSON: is this the endpoint of the API?",
        }
    }
}

fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let asked = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => http_date(value)?.duration_since(now).try_into().unwrap_or(Duration::ZERO),
    };
    Some(asked.min(LONGEST_RETRY_AFTER))
}

fn http_date(value: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Effect;
    use super::*;
    use reqwest::header::HeaderValue;
    use serde_json::Value;

    const READ: Purpose = Purpose { system: "s", operation: "read it", effect: Effect::Read };
    const WRITE: Purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };

    fn answer(body: &str) -> Response {
        Response { status: 200, body: body.as_bytes().to_vec(), ..Response::default() }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date_and_is_bounded() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let read = |value| retry_after(value, now).map(|d| d.as_secs());
        assert_eq!(read("7"), Some(7));
        assert_eq!(read("Sat, 21 Nov 2026 10:00:30 GMT"), Some(30));
        assert_eq!(read("Sat, 21 Nov 2026 09:00:00 GMT"), Some(0));
        assert_eq!(read("999999999"), Some(3600));
        assert_eq!(read("soon"), None);
    }

    #[test]
    fn the_date_header_tells_the_skew() {
        let mut headers = HeaderMap::new();
        let ahead = Timestamp::now() + SignedDuration::from_secs(600);
        let date = ahead.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        headers.insert(DATE, HeaderValue::from_str(&date).unwrap());
        let skew = Response::head(401, &headers).skew.unwrap().as_secs();
        assert!((598..=600).contains(&skew), "{skew}");
        assert_eq!(Response::head(401, &HeaderMap::new()).skew, None);
    }

    #[test]
    fn an_unreadable_body_is_named_and_never_quoted() {
        for (body, has_annotation) in [
            ("", "empty"),
            (" <html>s3cret", "HTML"),
            ("{\"a\":\"s3cret\"}", "unexpected shape"),
            ("s3cret", "not JSON"),
        ] {
            let error = answer(body).read::<Vec<Value>>(READ).unwrap_err();
            assert!(error.message.contains(has_annotation), "{error}");
            assert!(!error.message.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn an_unreadable_answer_leaves_the_outcome_of_a_write_unknown() {
        assert_eq!(answer("").read::<Value>(READ).unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(answer("").read::<Value>(WRITE).unwrap_err().kind, ErrorKind::OutcomeUnknown);
        assert_eq!(answer("").redirect(READ).kind, ErrorKind::EndpointNotAllowed);
        assert_eq!(answer("").redirect(WRITE).kind, ErrorKind::OutcomeUnknown);
    }
}
