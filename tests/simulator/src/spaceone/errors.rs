//! Errors by SpaceONE code: the message, the gRPC status the servers give it, the HTTP status and body.

use serde_json::{Value, json};

use super::options::{Era, ErrorStyle};
use crate::exchange::Reply;

/// The gRPC statuses that occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grpc {
    InvalidArgument,
    NotFound,
    AlreadyExists,
    Unimplemented,
    Internal,
    Unauthenticated,
}

impl Grpc {
    fn number(self) -> u16 {
        match self {
            Self::InvalidArgument => 3,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::Unimplemented => 12,
            Self::Internal => 13,
            Self::Unauthenticated => 16,
        }
    }

    fn http(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::Unimplemented => 501,
            Self::Internal => 500,
            Self::Unauthenticated => 401,
        }
    }
}

/// An error as the servers raise it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) grpc: Grpc,
    /// Where a front answers by itself, the HTTP status it chooses.
    pub(crate) http: Option<u16>,
}

impl ApiError {
    pub(crate) fn new(code: &str, grpc: Grpc, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), grpc, http: None }
    }

    pub(crate) fn at(mut self, http: u16) -> Self {
        self.http = Some(http);
        self
    }

    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self::new("ERROR_UNKNOWN", Grpc::Internal, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new("ERROR_INVALID_ARGUMENT", Grpc::InvalidArgument, message)
    }

    pub(crate) fn required(key: &str) -> Self {
        let message = format!("Required parameter. (key = {key})");
        Self::new("ERROR_REQUIRED_PARAMETER", Grpc::InvalidArgument, message)
    }

    pub(crate) fn database(reason: &str) -> Self {
        Self::new("ERROR_DB_QUERY", Grpc::Internal, format!("Database query failed. (reason = {reason})"))
    }

    /// `pairs` are the looked-up keys with their values in Python's notation.
    pub(crate) fn not_found(era: Era, pairs: &[(&str, String)]) -> Self {
        let (keys, values): (Vec<_>, Vec<_>) = pairs.iter().map(|(k, v)| (format!("'{k}'"), v.as_str())).unzip();
        let shown = match pairs {
            [(key, value)] => format!("{key} = {}", value.trim_matches('\'')),
            _ => format!("({}) = ({})", keys.join(", "), values.join(", ")),
        };
        let grpc = match era {
            Era::Rest => Grpc::InvalidArgument,
            Era::Verb => Grpc::NotFound,
        };
        Self::new("ERROR_NOT_FOUND", grpc, format!("Value not found. ({shown})"))
    }

    pub(crate) fn unauthenticated(message: &str) -> Self {
        let message = format!("Authenticate failure. (message = {message})");
        Self::new("ERROR_AUTHENTICATE_FAILURE", Grpc::Unauthenticated, message)
    }

    pub(crate) fn reply(&self, style: ErrorStyle) -> Reply {
        let Self { code, message, grpc, http } = self;
        let body: Value = match style {
            ErrorStyle::Detail => json!({"detail": {"code": code, "message": message}}),
            ErrorStyle::Error => json!({"error": {"message": message, "code": code}}),
            ErrorStyle::GrpcGateway => {
                json!({"code": grpc.number(), "message": format!("{code}: {message}"), "details": []})
            }
        };
        Reply::json(http.unwrap_or_else(|| grpc.http()), &body)
    }
}
