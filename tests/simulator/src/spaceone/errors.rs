//! SpaceONE errors: code, message, the servers' gRPC status, HTTP status and body.

use serde_json::json;

use super::options::{Era, ErrorStyle, Front, Switches};
use crate::exchange::Reply;

/// The gRPC statuses that the servers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grpc {
    InvalidArgument,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    Unimplemented,
    Internal,
    Unauthenticated,
}

impl Grpc {
    /// Returns the number of the status, and the HTTP status that each front maps it to.
    fn numbers(self) -> (u16, u16) {
        match self {
            Self::InvalidArgument => (3, 400),
            Self::NotFound => (5, 404),
            Self::AlreadyExists => (6, 409),
            Self::PermissionDenied => (7, 403),
            Self::ResourceExhausted => (8, 429),
            Self::Unimplemented => (12, 501),
            Self::Internal => (13, 500),
            Self::Unauthenticated => (16, 401),
        }
    }
}

/// The component that raised an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RaisedBy {
    Server,
    Front,
    /// The front, with this HTTP status.
    FrontAt(u16),
}

/// An error raised by a server or by a front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    code: &'static str,
    message: String,
    grpc: Grpc,
    raised_by: RaisedBy,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, grpc: Grpc, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), grpc, raised_by: RaisedBy::Server }
    }

    /// Marks the error as raised by the front.
    pub(crate) fn by_front(mut self) -> Self {
        self.raised_by = RaisedBy::Front;
        self
    }

    /// Marks the error as raised by the front with this HTTP status.
    pub(crate) fn at(mut self, http: u16) -> Self {
        self.raised_by = RaisedBy::FrontAt(http);
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

    /// Wraps an error as the document store's error handling does: the message contains the whole error.
    pub(crate) fn nested(inner: &Self) -> Self {
        let status = match inner.grpc {
            Grpc::InvalidArgument => "INVALID_ARGUMENT",
            _ => "INTERNAL",
        };
        let Self { code, message, .. } = inner;
        Self::database(&format!("\n\terror_code = {code}\n\tstatus_code = {status}\n\tmessage = {message}"))
    }

    /// Returns the error for a missing object. `pairs` are the keys and values of the query; absent values
    /// print as `None`.
    pub(crate) fn not_found(era: Era, pairs: &[(&str, Option<&str>)]) -> Self {
        let shown = if let [(key, value)] = pairs {
            format!("{key} = {}", value.unwrap_or("None"))
        } else {
            let keys: Vec<_> = pairs.iter().map(|(key, _)| format!("'{key}'")).collect();
            let quoted = |text: &str| format!("'{text}'");
            let values: Vec<_> =
                pairs.iter().map(|(_, value)| value.map_or_else(|| "None".to_owned(), quoted)).collect();
            format!("({}) = ({})", keys.join(", "), values.join(", "))
        };
        let grpc = match era {
            Era::Rest => Grpc::InvalidArgument,
            Era::Verb => Grpc::NotFound,
        };
        Self::new("ERROR_NOT_FOUND", grpc, format!("Value not found. ({shown})"))
    }

    /// Marks the error as passed on from another server, which adds a leading space to the message.
    pub(crate) fn relayed(mut self) -> Self {
        self.message.insert(0, ' ');
        self
    }

    pub(crate) fn unauthenticated(message: &str) -> Self {
        let message = format!("Authenticate failure. (message = {message})");
        Self::new("ERROR_AUTHENTICATE_FAILURE", Grpc::Unauthenticated, message)
    }

    pub(crate) fn reply(&self, switches: Switches) -> Reply {
        let Self { code, grpc, raised_by, .. } = self;
        let (number, status) = grpc.numbers();
        let status = match raised_by {
            RaisedBy::FrontAt(status) => *status,
            RaisedBy::Front | RaisedBy::Server => status,
        };
        let message = self.printed_message(switches.front);
        let body = match (switches.front, switches.error_style) {
            (Front::Console, _) | (_, ErrorStyle::Detail) => json!({"detail": {"code": code, "message": message}}),
            (_, ErrorStyle::Error) => json!({"error": {"message": message, "code": code}}),
            (_, ErrorStyle::GrpcGateway) => {
                json!({"code": number, "message": format!("{code}: {message}"), "details": []})
            }
        };
        Reply::json(status, &body)
    }

    /// Returns the message as the front prints it. The transcoder trims messages; the console adds a
    /// leading space and wraps authentication failures a second time.
    fn printed_message(&self, front: Front) -> String {
        let message = &self.message;
        match front {
            Front::Transcoder => message.trim().to_owned(),
            Front::Console if self.raised_by != RaisedBy::Server => message.clone(),
            Front::Console if self.grpc == Grpc::Unauthenticated => {
                format!("Authenticate failure. (message =  {message})")
            }
            Front::Console => format!(" {message}"),
        }
    }
}
