//! What SpaceONE's refusals mean.
//!
//! The HTTP status of one and the same failure differs between releases (a missing policy is 400,
//! 404 or 500), so that the code decides wherever there is one. Three layouts of an error body
//! occur: the console's since 2023, the console's before, and that of a generated gateway.

use super::routes::Resource;
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::http::{Effect, Purpose, Response};
use crate::upstream::redact::Redactor;
use serde_json::Value;

/// Code and message of an error body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// Empty where a front answers by itself.
    pub(super) code: String,
    pub(super) message: String,
}

impl ErrorBody {
    /// What an error body says; `None` when it is none of the layouts.
    pub(super) fn of(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
        for wrapper in ["detail", "error"] {
            match body.get(wrapper) {
                Some(Value::String(message)) => return Some(Self::split("", message)),
                Some(error @ Value::Object(_)) => {
                    return Some(Self::split(&text(error, "code"), &text(error, "message")));
                }
                _ => {}
            }
        }
        let message = text(&body, "message");
        (!message.is_empty()).then(|| Self::split("", &message))
    }

    /// A message may begin with the code, once or even twice.
    fn split(code: &str, message: &str) -> Self {
        match message.split_once(':') {
            Some((front, rest)) if is_code(front.trim()) => {
                let code = if code.is_empty() { front.trim() } else { code };
                Self::split(code, rest.trim())
            }
            _ => Self { code: code.to_owned(), message: message.to_owned() },
        }
    }

    /// Whether it says that this very object does not exist: the same code also speaks of zones,
    /// projects and repositories.
    pub(super) fn is_absence_of(&self, resource: Resource) -> bool {
        match self.code.as_str() {
            "ERROR_NO_POLICY" => resource == Resource::Policy,
            "ERROR_NOT_FOUND" => keys(&self.message).any(|key| key == resource.id_field()),
            _ => false,
        }
    }

    fn has_annotation(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.message.contains(text))
    }
}

fn is_code(text: &str) -> bool {
    text.starts_with("ERROR_") && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The names before the `=` of `Value not found. (('zone_id', 'domain_id') = (..))`; what follows
/// are values, which may spell anything.
fn keys(message: &str) -> impl Iterator<Item = &str> {
    let names = message.split_once('=').map_or(message, |(names, _)| names);
    names.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

/// The error for an answer that is no success.
pub(super) fn refusal(answer: &Response, purpose: Purpose, redactor: &Redactor) -> UpstreamError {
    let Some(said) = ErrorBody::of(&answer.body) else {
        let mut error = answer.unreadable(purpose);
        error.kind = by_status(answer.status, purpose.effect);
        return error;
    };
    let kind = kind(&said, answer.status, purpose.effect);
    let message = [said.message.as_str(), remedy(kind)].into_iter().filter(|text| !text.is_empty());
    let mut error = answer.error(kind, purpose, redactor.clean(&message.collect::<Vec<_>>().join(": ")));
    error.code = Some(redactor.clean(&said.code)).filter(|code| !code.is_empty());
    error
}

/// Whether it says that the server as a whole is in trouble, or refuses the token. Its own checks
/// may answer 500, too: a code that knows better is believed.
pub(super) fn is_unwell(answer: &Response) -> bool {
    let failed = answer.status >= 500;
    match ErrorBody::of(&answer.body) {
        _ if answer.status == 401 => true,
        Some(said) if said.code.starts_with("ERROR_AUTHENTICAT") => true,
        Some(said) => failed && kind(&said, answer.status, Effect::Write) == ErrorKind::OutcomeUnknown,
        None => failed,
    }
}

/// A code of the upstream's own checks means that nothing was done, whatever the status. Where
/// only the status speaks, a 5xx leaves the outcome of a write unknown: the front may have lost
/// the server after passing the request on.
fn kind(said: &ErrorBody, status: u16, effect: Effect) -> ErrorKind {
    const INVALID: &[&str] =
        &["ERROR_REQUIRED_", "ERROR_INVALID_", "ERROR_NOT_ALLOW", "ERROR_OPERATOR_", "ERROR_METADATA_", "ERROR_WRONG_"];
    match said.code.as_str() {
        "ERROR_AUTHENTICATE_FAILURE" | "ERROR_AUTHENTICATION_FAILURE" | "ERROR_PERMISSION_DENIED" => {
            ErrorKind::Unauthorized
        }
        "ERROR_SAVE_UNIQUE_VALUES" => ErrorKind::AlreadyExists,
        code if code.starts_with("ERROR_NOT_UNIQUE") => ErrorKind::AlreadyExists,
        // Gone since the last look; the next one tells.
        "ERROR_NO_POLICY" => ErrorKind::Unavailable,
        "ERROR_NOT_FOUND" if said.is_absence_of(Resource::Policy) || said.is_absence_of(Resource::NetworkPolicy) => {
            ErrorKind::Unavailable
        }
        "ERROR_NOT_FOUND" => ErrorKind::InvalidReference,
        "ERROR_UNSUPPORTED_API" => ErrorKind::Unsupported,
        "ERROR_DB_QUERY" => database(said, effect),
        "ERROR_UNKNOWN" => unknown(said, status, effect),
        code if code.starts_with("ERROR_EXIST_") => ErrorKind::InUse,
        code if INVALID.iter().any(|prefix| code.starts_with(prefix)) => ErrorKind::Rejected,
        _ => by_status(status, effect),
    }
}

fn database(said: &ErrorBody, effect: Effect) -> ErrorKind {
    if said.has_annotation(&["E11000", "duplicate key"]) {
        ErrorKind::AlreadyExists
    } else if said.has_annotation(&["ValidationError", "must not", "too long", "not supported"]) {
        ErrorKind::Rejected
    } else {
        effect.doubt()
    }
}

fn unknown(said: &ErrorBody, status: u16, effect: Effect) -> ErrorKind {
    if said.has_annotation(&["not implemented"]) {
        ErrorKind::Unsupported
    } else if said.has_annotation(&["has no attribute 'repository_id'"]) {
        ErrorKind::InvalidReference
    } else if said.has_annotation(&[
        "has no \"",
        "Parsing Error",
        " has type ",
        "must be instance of",
        "is not iterable",
        "larger than max",
    ]) {
        ErrorKind::Rejected
    } else {
        by_status(status, effect)
    }
}

fn by_status(status: u16, effect: Effect) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        404 | 405 | 501 => ErrorKind::Unsupported,
        408 => ErrorKind::Unavailable,
        409 => ErrorKind::AlreadyExists,
        429 => ErrorKind::RateLimited,
        400..=498 => ErrorKind::Rejected,
        _ => effect.doubt(),
    }
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized => "check the token in the connection's Secret and the permissions of its user",
        ErrorKind::Unsupported => "check the connection's apiStyle and endpoint",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const READ: Purpose = Purpose { system: "s", operation: "read it", effect: Effect::Read };
    const WRITE: Purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };

    fn answer(status: u16, body: &Value) -> Response {
        Response { status, body: body.to_string().into_bytes(), ..Response::default() }
    }

    fn of(status: u16, code: &str, message: &str, purpose: Purpose) -> ErrorKind {
        refusal(&answer(status, &json!({"detail": {"code": code, "message": message}})), purpose, &Redactor::default())
            .kind
    }

    #[test]
    fn every_layout_gives_code_and_message() {
        let said = ErrorBody { code: "ERROR_X_1".to_owned(), message: "it: failed".to_owned() };
        for body in [
            json!({"detail": {"code": "ERROR_X_1", "message": " it: failed"}}),
            json!({"error": {"message": "it: failed", "code": "ERROR_X_1", "fail_items": {}}}),
            json!({"code": 3, "message": "ERROR_X_1: it: failed", "details": []}),
            json!({"detail": {"code": "ERROR_X_1", "message": "ERROR_X_1: ERROR_X_1: it: failed"}}),
        ] {
            assert_eq!(ErrorBody::of(body.to_string().as_bytes()), Some(said.clone()), "{body}");
        }
        assert_eq!(ErrorBody::of(br#"{"detail":"Not Found"}"#).unwrap().message, "Not Found");
        for body in ["", "<html>", "{}", "[]", r#"{"results":[]}"#] {
            assert_eq!(ErrorBody::of(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn absence_is_told_from_a_missing_reference_by_the_key_and_never_by_the_value() {
        let said = |code: &str, message: &str| ErrorBody { code: code.to_owned(), message: message.to_owned() };
        let own = said("ERROR_NOT_FOUND", "Value not found. (('network_policy_id', 'domain_id') = ('a', 'd'))");
        assert!(own.is_absence_of(Resource::NetworkPolicy) && !own.is_absence_of(Resource::Policy));
        assert!(said("ERROR_NOT_FOUND", "Value not found. (policy_id = x)").is_absence_of(Resource::Policy));
        let zone = said("ERROR_NOT_FOUND", "Value not found. (('zone_id', 'domain_id') = ('policy_id', 'd'))");
        assert!(!zone.is_absence_of(Resource::Policy) && !zone.is_absence_of(Resource::NetworkPolicy));
        assert!(said("ERROR_NO_POLICY", "Policy does not exists. (policy_id = x)").is_absence_of(Resource::Policy));
        assert!(!said("ERROR_UNKNOWN", "policy_id = x").is_absence_of(Resource::Policy));
        assert!(!said("", "Not Found").is_absence_of(Resource::Policy), "a wrong path is no absence");
    }

    #[test]
    fn the_code_decides_whatever_the_status() {
        use ErrorKind::{AlreadyExists, InUse, InvalidReference, Rejected, Unauthorized, Unsupported};
        for (code, message, kind) in [
            ("ERROR_AUTHENTICATE_FAILURE", "Token is invalid or expired.", Unauthorized),
            ("ERROR_PERMISSION_DENIED", "", Unauthorized),
            ("ERROR_SAVE_UNIQUE_VALUES", "", AlreadyExists),
            ("ERROR_NOT_UNIQUE_KEYS", "", AlreadyExists),
            ("ERROR_NOT_FOUND", "Value not found. (('zone_id', 'domain_id') = ('z', 'd'))", InvalidReference),
            ("ERROR_REQUIRED_PARAMETER", "", Rejected),
            ("ERROR_INVALID_POLICY_ID_FORMAT", "", Rejected),
            ("ERROR_INVALID_NETWORK", "", Rejected),
            ("ERROR_INVALID_IP_ADDRESS", "", Rejected),
            ("ERROR_NOT_ALLOW_PINNING_KEYS", "", Rejected),
            ("ERROR_OPERATOR_LIST_VALUE_TYPE", "", Rejected),
            ("ERROR_EXIST_SUBNET_IN_NETWORK_POLICY", "", InUse),
            ("ERROR_UNSUPPORTED_API", "", Unsupported),
            ("ERROR_DB_QUERY", "(reason = ValidationError (Policy:None) (too long))", Rejected),
            ("ERROR_DB_QUERY", "(reason = key 'a.b' must not contain '.')", Rejected),
            ("ERROR_DB_QUERY", "(reason = String value is too long)", Rejected),
            ("ERROR_DB_QUERY", "E11000 duplicate key error", AlreadyExists),
            ("ERROR_UNKNOWN", "Method not implemented!", Unsupported),
            ("ERROR_UNKNOWN", "Protocol message Query has no \"x\" field.", Rejected),
            ("ERROR_UNKNOWN", "JSON Parsing Error: ..", Rejected),
            ("ERROR_UNKNOWN", "'float' object is not iterable", Rejected),
            ("ERROR_UNKNOWN", "'NoneType' object has no attribute 'repository_id'", InvalidReference),
        ] {
            for status in [400, 404, 500] {
                assert_eq!(of(status, code, message, WRITE), kind, "{status} {code} {message}");
            }
        }
    }

    #[test]
    fn trouble_in_the_server_leaves_the_outcome_of_a_write_unknown() {
        for (status, code) in [
            (500, "ERROR_UNKNOWN"),
            (500, "ERROR_DB_QUERY"),
            (503, "ERROR_GRPC_CONNECTION"),
            (500, "ERROR_LOCATOR"),
            (504, "X"),
            (499, "X"),
        ] {
            assert_eq!(of(status, code, "?", READ), ErrorKind::Unavailable, "{status} {code}");
            assert_eq!(of(status, code, "?", WRITE), ErrorKind::OutcomeUnknown, "{status} {code}");
        }
    }

    #[test]
    fn the_status_decides_where_a_front_answers_by_itself() {
        let by_front =
            |status| refusal(&answer(status, &json!({"detail": "Said by a front"})), WRITE, &Redactor::default());
        assert_eq!(by_front(404).kind, ErrorKind::Unsupported);
        assert!(by_front(404).message.contains("apiStyle"));
        assert_eq!(by_front(429).kind, ErrorKind::RateLimited);
        let page = Response { status: 502, body: b"<html>s3cret</html>".to_vec(), ..Response::default() };
        let error = refusal(&page, WRITE, &Redactor::default());
        assert_eq!(error.kind, ErrorKind::OutcomeUnknown);
        assert!(error.message.contains("HTML") && !error.message.contains("s3cret"));
    }
}
