//! Error answers: the gateway's documented table, and the API's own errors in the shapes seen.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::Reply;

/// The layout of an error body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorShape {
    /// `{"error":{"errorCode":"300","message":".."}}`, as the API gateway sends it.
    Gateway,
    /// `{"errorCode":9012,"message":".."}`, as the Sub Account API v1 sends it.
    TopLevel,
    /// `{"error":{"errorCode":"NotFound","message":"..","detail":".."}}`, as the v2 API sends it.
    Standard,
    /// No body.
    Empty,
    /// An HTML page.
    Html,
}

/// An error answer that is not documented. A test may choose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The layout of the body.
    pub shape: ErrorShape,
    /// The error code; a number where the shape prints numbers.
    pub code: String,
    /// The message; may be Korean.
    pub message: String,
}

impl ErrorAnswer {
    /// Creates an error answer.
    #[must_use]
    pub fn new(status: u16, shape: ErrorShape, code: &str, message: &str) -> Self {
        Self { status, shape, code: code.to_owned(), message: message.to_owned() }
    }

    pub(crate) fn reply(&self) -> Reply {
        let Self { status, shape, code, message } = self;
        let number = code.parse::<u64>().map_or_else(|_| json!(code), Value::from);
        let body = match shape {
            ErrorShape::Gateway => json!({"error": {"errorCode": code, "message": message}}),
            ErrorShape::TopLevel => json!({"errorCode": number, "message": message}),
            ErrorShape::Standard => {
                json!({"error": {"errorCode": code, "message": message, "detail": message}})
            }
            ErrorShape::Empty => return Reply::empty(*status),
            ErrorShape::Html => {
                let page = format!("<html><body><h1>{status} {message}</h1></body></html>");
                return Reply::text(*status, "text/html", page);
            }
        };
        Reply::json(*status, &body)
    }
}

/// A row of the API gateway's documented error table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GatewayError {
    /// 400/100.
    BadRequest,
    /// 401/200: key, signature or timestamp.
    AuthenticationFailed,
    /// 401/210; the gateway has no 403.
    PermissionDenied,
    /// 404/300.
    NotFound,
    /// 413/430.
    TooLarge,
    /// 429/400.
    QuotaExceeded,
    /// 429/410.
    ThrottleLimited,
    /// 429/420.
    RateLimited,
    /// 503/500.
    EndpointError,
    /// 504/510; the result of a write is unknown.
    EndpointTimeout,
    /// 500/900; the result of a write is unknown.
    Unexpected,
}

impl GatewayError {
    /// Returns the HTTP status, error code and message.
    #[must_use]
    pub fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::BadRequest => (400, "100", "Bad Request Exception"),
            Self::AuthenticationFailed => (401, "200", "Authentication Failed"),
            Self::PermissionDenied => (401, "210", "Permission Denied"),
            Self::NotFound => (404, "300", "Not Found Exception"),
            Self::TooLarge => (413, "430", "Request Entity Too Large"),
            Self::QuotaExceeded => (429, "400", "Quota Exceeded"),
            Self::ThrottleLimited => (429, "410", "Throttle Limited"),
            Self::RateLimited => (429, "420", "Rate Limited"),
            Self::EndpointError => (503, "500", "Endpoint Error"),
            Self::EndpointTimeout => (504, "510", "Endpoint Timeout"),
            Self::Unexpected => (500, "900", "Unexpected Error"),
        }
    }

    /// Returns the gateway's body, for use in a fault.
    #[must_use]
    pub fn body(self) -> String {
        let (_, code, message) = self.row();
        json!({"error": {"errorCode": code, "message": message}}).to_string()
    }

    /// Returns the reply with the code as text (as the documentation's example) or as a number (as its table).
    pub(crate) fn reply(self, numeric: bool, details: Option<&str>) -> Reply {
        let (status, code, message) = self.row();
        let code = if numeric { json!(code.parse::<u64>().unwrap_or_default()) } else { json!(code) };
        let mut error = json!({"errorCode": code, "message": message});
        if let Some(details) = details {
            error["details"] = json!(details);
        }
        Reply::json(status, &json!({"error": error}))
    }
}
