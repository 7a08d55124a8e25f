//! Converts an HTTP request to a call with its parameters, as each front does.

use http::Method;
use serde_json::{Map, Value, json};

use super::errors::{ApiError, Grpc};
use super::options::{Era, Front, RoleAccess, Switches};
use super::routes::{RouteError, Rpc, console};
use super::schema::Parser;
use crate::exchange::{Call, Reply};

type Fields = Map<String, Value>;

/// Returns the call that a request addresses, or the answer to a request that addresses none.
pub(crate) fn find(call: &Call, era: Era, switches: Switches) -> Result<Rpc, Reply> {
    if switches.roles == RoleAccess::Absent && call.path().starts_with("/identity/") {
        return Err(Reply::json(404, &json!({"detail": "Not Found"})));
    }
    match switches.front {
        Front::Transcoder => Rpc::of(call, era).map_err(|error| {
            let (text, status) = match error {
                RouteError::Path => ("no such path", 404),
                RouteError::Method => ("method not allowed", 405),
            };
            let message = format!("{text}: {} {}", call.method, call.path());
            unsupported(message).at(status).reply(switches)
        }),
        Front::Console => console_call(call, era, switches),
    }
}

/// Finds a call as the console does. Its framework has one path template and its own error bodies.
fn console_call(call: &Call, era: Era, switches: Switches) -> Result<Rpc, Reply> {
    if call.path().split('/').skip(1).filter(|segment| !segment.is_empty()).count() != 3 {
        return Err(Reply::json(404, &json!({"detail": "Not Found"})));
    }
    if call.method != Method::POST {
        return Err(Reply::json(405, &json!({"detail": "Method Not Allowed"})));
    }
    console(call, era).ok_or_else(|| {
        let reason = format!("method: {}, path: {}", call.method, call.path());
        unsupported(format!("Call Unsupported API. (reason = {reason})")).at(500).reply(switches)
    })
}

fn unsupported(message: String) -> ApiError {
    ApiError::new("ERROR_UNSUPPORTED_API", Grpc::Unimplemented, message)
}

/// Returns the request's parameters: body, then query, then path. The later source wins.
pub(crate) fn params(call: &Call, rpc: &Rpc, switches: Switches) -> Result<Fields, ApiError> {
    let parser = Parser { front: switches.front, lenient: switches.ignore_unknown_fields };
    let mut input = body(call, switches.front)?;
    parser.add_query(rpc.request(), &call.query(), &mut input)?;
    if let Some((field, id)) = &rpc.path_field {
        input.insert((*field).to_owned(), json!(id));
    }
    parser.parse(rpc.request(), &input)
}

fn body(call: &Call, front: Front) -> Result<Fields, ApiError> {
    if call.body.is_empty() && front == Front::Transcoder {
        return Ok(Map::new());
    }
    match (serde_json::from_slice(&call.body), front) {
        (Ok(Value::Object(object)), _) => Ok(object),
        (Ok(_), Front::Transcoder) => Err(ApiError::argument("the body must be a JSON object").by_front()),
        (Ok(_), Front::Console) => {
            Err(ApiError::unknown("list indices must be integers or slices, not str").by_front())
        }
        (Err(_), _) => {
            let text = "JSON Parsing Error: Request body requires JSON format.";
            Err(ApiError::unknown(text).by_front())
        }
    }
}
