//! The meaning of SpaceONE's error responses.
//!
//! The HTTP status of the same failure differs between releases (a missing policy is 400, 404 or 500),
//! so the error code decides if there is one. There are three layouts of an error body: that of the
//! console since 2023, that of the console before, and that of a generated gateway.

use super::resource::ResourceApi;
use crate::engine::{ErrorKind, UpstreamError};
use crate::upstream::http::{Effect, Purpose, Response};
use crate::upstream::redact::Redactor;
use serde_json::Value;

/// Code and message of an error body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// Empty if a gateway responds by itself.
    pub(super) code: String,
    pub(super) message: String,
}

impl ErrorBody {
    /// Reads an error body; `None` if it has none of the layouts.
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

    /// Splits a message that begins with the code, once or even twice.
    fn split(code: &str, message: &str) -> Self {
        match message.split_once(':') {
            Some((start, rest)) if is_code(start.trim()) => {
                let code = if code.is_empty() { start.trim() } else { code };
                Self::split(code, rest.trim())
            }
            _ => Self { code: code.to_owned(), message: message.to_owned() },
        }
    }

    /// Reports whether the object of the call does not exist. The same code is also used for zones,
    /// projects and repositories.
    pub(super) fn is_absence_of(&self, resource: &ResourceApi) -> bool {
        match self.code.as_str() {
            "ERROR_NOT_FOUND" => keys(&self.message).any(|key| key == resource.id_field),
            code => resource.absence_code == Some(code),
        }
    }

    fn mentions(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.message.contains(text))
    }
}

fn is_code(text: &str) -> bool {
    text.starts_with("ERROR_") && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Returns whether the server says that a repository does not exist.
pub(super) fn names_repository(error: &UpstreamError) -> bool {
    error.code.as_deref() == Some("ERROR_NOT_FOUND") && keys(&error.message).any(|key| key == "repository_id")
}

/// Returns the names before the `=` in `Value not found. (('zone_id', 'domain_id') = (..))`. The values
/// after it may contain any text.
fn keys(message: &str) -> impl Iterator<Item = &str> {
    let names = message.split_once('=').map_or(message, |(names, _)| names);
    names.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

/// Returns the error for a response that is not a success.
pub(super) fn refusal(
    response: &Response,
    purpose: Purpose,
    resource: &ResourceApi,
    redactor: &Redactor,
) -> UpstreamError {
    let Some(error_body) = ErrorBody::of(&response.body) else {
        let mut error = response.unreadable(purpose);
        error.kind = by_status(response.status, purpose.effect);
        return error;
    };
    let kind = match kind(&error_body, response.status, purpose.effect) {
        // The object was deleted after the last observation; the next one shows it.
        ErrorKind::InvalidReference if error_body.is_absence_of(resource) => ErrorKind::Unavailable,
        kind => kind,
    };
    let mut error = response.error(kind, purpose, message(&error_body, kind, resource, redactor));
    error.code = Some(redactor.clean(&error_body.code)).filter(|code| !code.is_empty());
    error
}

/// Returns the upstream's words, and what is known of a collection that the server does not offer.
fn message(error_body: &ErrorBody, kind: ErrorKind, resource: &ResourceApi, redactor: &Redactor) -> String {
    let said = match error_body.message.as_str() {
        "" => "the upstream gives no reason",
        said => said,
    };
    match resource.offered_by.filter(|_| kind == ErrorKind::Unsupported) {
        Some(offered_by) => redactor.clean(&format!("{said}: {offered_by}")),
        None => redactor.clean(said),
    }
}

/// Reports whether the server as a whole is in trouble, or rejects the token. Its own checks may also
/// return 500, so a more specific code decides.
pub(super) fn is_unwell(response: &Response) -> bool {
    let failed = response.status >= 500;
    match ErrorBody::of(&response.body) {
        _ if response.status == 401 => true,
        Some(error_body) if error_body.code.starts_with("ERROR_AUTHENTICAT") => true,
        Some(error_body) => failed && kind(&error_body, response.status, Effect::Write) == ErrorKind::OutcomeUnknown,
        None => failed,
    }
}

/// Classifies an error. A code of the upstream's own checks means that it refused the request, whatever the
/// status is. Without a known code, a 5xx makes the outcome of a write unknown: the gateway may have lost
/// the server after it forwarded the request.
fn kind(error_body: &ErrorBody, status: u16, effect: Effect) -> ErrorKind {
    const INVALID: &[&str] =
        &["ERROR_REQUIRED_", "ERROR_INVALID_", "ERROR_NOT_ALLOW", "ERROR_OPERATOR_", "ERROR_METADATA_", "ERROR_WRONG_"];
    match error_body.code.as_str() {
        "ERROR_AUTHENTICATE_FAILURE" | "ERROR_AUTHENTICATION_FAILURE" | "ERROR_PERMISSION_DENIED" => {
            ErrorKind::Unauthorized
        }
        "ERROR_SAVE_UNIQUE_VALUES" => ErrorKind::AlreadyExists,
        code if code.starts_with("ERROR_NOT_UNIQUE") => ErrorKind::AlreadyExists,
        "ERROR_NOT_FOUND" => ErrorKind::InvalidReference,
        // Such as `ERROR_NO_POLICY`, which a service that reads policies passes on.
        code if code.starts_with("ERROR_NO_") => ErrorKind::InvalidReference,
        "ERROR_UNSUPPORTED_API" => ErrorKind::Unsupported,
        "ERROR_DB_QUERY" => database(error_body, effect),
        "ERROR_UNKNOWN" => unknown(error_body, status, effect),
        code if code.starts_with("ERROR_EXIST_") => ErrorKind::InUse,
        code if INVALID.iter().any(|prefix| code.starts_with(prefix)) => ErrorKind::Rejected,
        _ => by_status(status, effect),
    }
}

fn database(error_body: &ErrorBody, effect: Effect) -> ErrorKind {
    if error_body.mentions(&["E11000", "duplicate key"]) {
        ErrorKind::AlreadyExists
    } else if error_body.mentions(&["ValidationError", "must not", "too long", "not supported"]) {
        ErrorKind::Rejected
    } else {
        effect.doubt()
    }
}

fn unknown(error_body: &ErrorBody, status: u16, effect: Effect) -> ErrorKind {
    if error_body.mentions(&["not implemented"]) {
        ErrorKind::Unsupported
    } else if error_body.mentions(&["has no attribute 'repository_id'"]) {
        ErrorKind::InvalidReference
    } else if error_body.mentions(&[
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

#[cfg(test)]
mod tests;
