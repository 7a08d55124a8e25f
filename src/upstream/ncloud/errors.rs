//! The meaning of NAVER Cloud's error responses.
//!
//! There are three layouts of an error body: that of the gateway, that of the Sub Account API, and that of
//! its newer version. The codes are numbers in some and texts in others.

use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::http::{Effect, Purpose, Response};
use crate::upstream::redact::Redactor;
use jiff::SignedDuration;
use serde_json::Value;

/// The gateway rejects signatures that differ by more than five minutes from its clock; a little less,
/// because the request takes time, too.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_secs(290);

/// Code and message of an error body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<String>,
    /// The message, with the details that say something else.
    pub(crate) message: String,
    /// The fields that the newer version of the API names, each with its message.
    pub(crate) fields: Vec<(String, String)>,
}

impl ErrorBody {
    /// Reads an error body; `None` if it has none of the three layouts.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
        let code = error.get("errorCode").and_then(|code| match code {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        let fields: Vec<_> =
            error.get("fieldErrors").and_then(Value::as_array).into_iter().flatten().map(field).collect();
        let said = ["message", "detail", "details"].into_iter().flat_map(|key| texts(error.get(key)));
        let named = fields.iter().map(|(field, message)| joined(field, message));
        let message = said.chain(named).fold(String::new(), |all, text| match text {
            text if text.is_empty() || all.contains(&text) => all,
            text => joined(&all, &text),
        });
        (code.is_some() || !message.is_empty()).then_some(Self { code, message, fields })
    }
}

/// Returns field and message of an entry of `fieldErrors`.
fn field(entry: &Value) -> (String, String) {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    (text("field"), text("message"))
}

/// Returns the texts of a value: itself, or those in a list.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.trim().to_owned()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect(),
        _ => Vec::new(),
    }
}

fn joined(one: &str, other: &str) -> String {
    [one, other].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
}

/// Returns the error for a response that is not a success.
///
/// A 4xx says that the upstream refused the request. The outcome of a write with a 5xx is unknown: the gateway times out
/// (504), loses its backend (503) or fails (500) after it forwarded the request.
pub(crate) fn refusal(response: &Response, purpose: Purpose, redactor: &Redactor) -> UpstreamError {
    let Some(error_body) = ErrorBody::of(&response.body) else {
        return unreadable(response, purpose);
    };
    let code = error_body.code.as_deref().unwrap_or_default();
    let kind = kind(response, code, purpose.effect);
    let remedy = remedy(kind, code, response.skew);
    let message = [error_body.message.as_str(), remedy.as_str()].into_iter().filter(|text| !text.is_empty());
    let mut error = response.error(kind, purpose, redactor.clean(&message.collect::<Vec<_>>().join(": ")));
    error.code = error_body.code.map(|code| redactor.clean(&code));
    error
}

/// Reports whether the API as a whole is in trouble, or rejects the credentials.
pub(super) fn is_unwell(response: &Response) -> bool {
    response.status == 401 || (response.status >= 500 && response.status != 501)
}

fn unreadable(response: &Response, purpose: Purpose) -> UpstreamError {
    let mut error = response.unreadable(purpose);
    error.kind = kind(response, "", purpose.effect);
    error
}

fn kind(response: &Response, code: &str, effect: Effect) -> ErrorKind {
    match (response.status, code) {
        (401, "210") => ErrorKind::Unauthorized,
        (401, _) if response.skew.is_some_and(is_skewed) => ErrorKind::ClockSkew,
        (401, _) | (403, "" | "Forbidden") => ErrorKind::Unauthorized,
        (409, "9012") => ErrorKind::QuotaExceeded,
        (409, _) => ErrorKind::AlreadyExists,
        // The object does not exist, or the path is wrong: the next observation shows which.
        (404 | 408, _) => ErrorKind::Unavailable,
        (405 | 501, _) => ErrorKind::Unsupported,
        (429, _) => ErrorKind::RateLimited,
        // This includes 403 with any other code: policies of NAVER Cloud itself cannot be changed.
        (400..=499, _) => ErrorKind::Rejected,
        _ => effect.doubt(),
    }
}

fn is_skewed(skew: SignedDuration) -> bool {
    skew.abs() > TOLERATED_SKEW
}

fn remedy(kind: ErrorKind, code: &str, skew: Option<SignedDuration>) -> String {
    match kind {
        ErrorKind::Unauthorized if code == "210" => {
            "the sub account of the accessKey lacks permission for the Sub Account API".to_owned()
        }
        ErrorKind::Unauthorized => "check accessKey and secretKey in the connection's Secret".to_owned(),
        ErrorKind::ClockSkew => {
            let minutes = skew.unwrap_or_default().as_mins();
            let side = if minutes < 0 { "ahead of" } else { "behind" };
            // Rounded to minutes, so that the message does not change with every probe.
            format!("the operator's clock is at least {} minutes {side} the upstream's: synchronise it", minutes.abs())
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Purpose = Purpose { system: "ncloud/policy", operation: "get policy", effect: Effect::Read };
    const WRITE: Purpose = Purpose { system: "ncloud/policy", operation: "create policy", effect: Effect::Write };

    fn response(status: u16, body: &str) -> Response {
        Response { status, body: body.as_bytes().to_vec(), ..Response::default() }
    }

    fn of(status: u16, code: &str, purpose: Purpose) -> ErrorKind {
        refusal(&response(status, &format!(r#"{{"errorCode":"{code}","message":"m"}}"#)), purpose, &Redactor::default())
            .kind
    }

    #[test]
    fn error_body_is_read_in_all_three_layouts() {
        for body in [
            r#"{"error":{"errorCode":"300","message":"no"}}"#,
            r#"{"error":{"errorCode":300,"message":"no","details":"no"}}"#,
            r#"{"error":{"errorCode":300,"message":"no","details":{"a":1},"fieldErrors":null}}"#,
            r#"{"errorCode":300,"message":"no"}"#,
            r#"{"error":{"errorCode":"300","detail":"no","fieldErrors":[]}}"#,
        ] {
            let error_body = ErrorBody { code: Some("300".to_owned()), message: "no".to_owned(), fields: vec![] };
            assert_eq!(ErrorBody::of(body.as_bytes()), Some(error_body), "{body}");
        }
        for body in ["", "<html>", "{}", "[]", r#"{"error":"text"}"#, r#"{"details":[],"success":true}"#] {
            assert_eq!(ErrorBody::of(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn details_that_say_something_else_are_appended() {
        let message = |body: &str| ErrorBody::of(body.as_bytes()).unwrap().message;
        let gateway = r#"{"error":{"errorCode":"100","message":"Bad Request","details":"targets[0]: malformed NRN"}}"#;
        assert_eq!(message(gateway), "Bad Request: targets[0]: malformed NRN");
        assert_eq!(message(r#"{"errorCode":1,"message":"","details":["a","b"]}"#), "a: b");
        let newer = r#"{"error":{"errorCode":"BadRequest","message":"Bad","detail":"Bad",
            "fieldErrors":[{"field":"permissions[0].effect","message":"unknown"},{},7]}}"#;
        assert_eq!(message(newer), "Bad: permissions[0].effect: unknown");
        let fields = ErrorBody::of(newer.as_bytes()).unwrap().fields;
        assert_eq!(fields[0], ("permissions[0].effect".to_owned(), "unknown".to_owned()));
    }

    #[test]
    fn documented_error_codes_are_classified() {
        use ErrorKind::{
            AlreadyExists, OutcomeUnknown, QuotaExceeded, RateLimited, Rejected, Unauthorized, Unavailable,
        };
        for (status, code, read, write) in [
            (400, "100", Rejected, Rejected),
            (401, "200", Unauthorized, Unauthorized),
            (401, "210", Unauthorized, Unauthorized),
            (401, "30", Unauthorized, Unauthorized),
            (403, "Forbidden", Unauthorized, Unauthorized),
            (403, "9014", Rejected, Rejected),
            (404, "300", Unavailable, Unavailable),
            (409, "9012", QuotaExceeded, QuotaExceeded),
            (409, "9011", AlreadyExists, AlreadyExists),
            (413, "430", Rejected, Rejected),
            (429, "400", RateLimited, RateLimited),
            (429, "420", RateLimited, RateLimited),
            (500, "900", Unavailable, OutcomeUnknown),
            (503, "500", Unavailable, OutcomeUnknown),
            (504, "510", Unavailable, OutcomeUnknown),
        ] {
            assert_eq!(of(status, code, READ), read, "read {status}/{code}");
            assert_eq!(of(status, code, WRITE), write, "write {status}/{code}");
        }
    }

    #[test]
    fn status_401_with_skewed_clock_is_clock_skew() {
        let body = r#"{"error":{"errorCode":"200","message":"Authentication Failed"}}"#;
        let skewed = |seconds| Response { skew: Some(SignedDuration::from_secs(seconds)), ..response(401, body) };
        let error = refusal(&skewed(-700), READ, &Redactor::default());
        assert_eq!(error.kind, ErrorKind::ClockSkew);
        assert!(error.message.contains("11 minutes ahead of"), "{error}");
        assert!(refusal(&skewed(700), READ, &Redactor::default()).message.contains("behind"));
        assert_eq!(refusal(&skewed(60), READ, &Redactor::default()).kind, ErrorKind::Unauthorized);
    }

    #[test]
    fn unreadable_error_body_is_classified_by_status() {
        for (status, kind) in
            [(429, ErrorKind::RateLimited), (400, ErrorKind::Rejected), (502, ErrorKind::OutcomeUnknown)]
        {
            let error = refusal(&response(status, "<html>s3cret</html>"), WRITE, &Redactor::default());
            assert_eq!(error.kind, kind);
            assert!(error.message.contains(&status.to_string()) && error.message.contains("HTML"), "{error}");
            assert!(!error.message.contains("s3cret"));
        }
    }

    #[test]
    fn echoed_secret_is_redacted() {
        let redactor = Redactor::hiding(["ACCESSKEY".into()]);
        let echo = response(401, r#"{"errorCode":"10ACCESSKEY","message":"no such key ACCESSKEY"}"#);
        assert!(!format!("{:?}", refusal(&echo, READ, &redactor)).contains("ACCESSKEY"));
    }
}
