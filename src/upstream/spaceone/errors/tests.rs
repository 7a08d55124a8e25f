use super::*;
use crate::upstream::spaceone::network_policy::NETWORK_POLICY;
use crate::upstream::spaceone::policy::POLICY;
use serde_json::json;

const READ: Purpose = Purpose { system: "s", operation: "read it", effect: Effect::Read };
const WRITE: Purpose = Purpose { system: "s", operation: "write it", effect: Effect::Write };

fn response(status: u16, body: &Value) -> Response {
    Response { status, body: body.to_string().into_bytes(), ..Response::default() }
}

fn error(response: &Response, purpose: Purpose) -> UpstreamError {
    refusal(response, purpose, POLICY, &Redactor::default())
}

fn of(status: u16, code: &str, message: &str, purpose: Purpose) -> ErrorKind {
    error(&response(status, &json!({"detail": {"code": code, "message": message}})), purpose).kind
}

#[test]
fn error_body_is_read_in_every_layout() {
    let error_body = ErrorBody { code: "ERROR_X_1".to_owned(), message: "it: failed".to_owned() };
    for body in [
        json!({"detail": {"code": "ERROR_X_1", "message": " it: failed"}}),
        json!({"error": {"message": "it: failed", "code": "ERROR_X_1", "fail_items": {}}}),
        json!({"code": 3, "message": "ERROR_X_1: it: failed", "details": []}),
        json!({"detail": {"code": "ERROR_X_1", "message": "ERROR_X_1: ERROR_X_1: it: failed"}}),
    ] {
        assert_eq!(ErrorBody::of(body.to_string().as_bytes()), Some(error_body.clone()), "{body}");
    }
    assert_eq!(ErrorBody::of(br#"{"detail":"Not Found"}"#).unwrap().message, "Not Found");
    for body in ["", "<html>", "{}", "[]", r#"{"results":[]}"#] {
        assert_eq!(ErrorBody::of(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn absence_is_recognized_by_the_key_and_not_by_the_value() {
    let error_body = |code: &str, message: &str| ErrorBody { code: code.to_owned(), message: message.to_owned() };
    let own = error_body("ERROR_NOT_FOUND", "Value not found. (('network_policy_id', 'domain_id') = ('a', 'd'))");
    assert!(own.is_absence_of(NETWORK_POLICY) && !own.is_absence_of(POLICY));
    assert!(error_body("ERROR_NOT_FOUND", "Value not found. (policy_id = x)").is_absence_of(POLICY));
    let zone = error_body("ERROR_NOT_FOUND", "Value not found. (('zone_id', 'domain_id') = ('policy_id', 'd'))");
    assert!(!zone.is_absence_of(POLICY) && !zone.is_absence_of(NETWORK_POLICY));
    assert!(error_body("ERROR_NO_POLICY", "Policy does not exists. (policy_id = x)").is_absence_of(POLICY));
    assert!(!error_body("ERROR_UNKNOWN", "policy_id = x").is_absence_of(POLICY));
    assert!(!error_body("", "Not Found").is_absence_of(POLICY), "a wrong path is no absence");
}

#[test]
fn error_code_decides_whatever_the_status() {
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
fn server_trouble_makes_outcome_of_write_unknown() {
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
fn message_has_no_hole_and_names_servers_with_collection() {
    let lacking = response(501, &json!({"detail": {"code": "ERROR_UNSUPPORTED_API", "message": ""}}));
    assert_eq!(error(&lacking, READ).message, "the upstream gives no reason");
    let error = refusal(&lacking, READ, NETWORK_POLICY, &Redactor::default());
    assert!(error.message.contains("until June 2020"), "{error}");
}

#[test]
fn status_decides_when_a_gateway_responds() {
    let by_gateway = |status| error(&response(status, &json!({"detail": "Text of a gateway"})), WRITE);
    assert_eq!(by_gateway(404).kind, ErrorKind::Unsupported);
    assert_eq!(by_gateway(404).message, "Text of a gateway");
    assert_eq!(by_gateway(429).kind, ErrorKind::RateLimited);
    let page = Response { status: 502, body: b"<html>s3cret</html>".to_vec(), ..Response::default() };
    let error = error(&page, WRITE);
    assert_eq!(error.kind, ErrorKind::OutcomeUnknown);
    assert!(error.message.contains("HTML") && !error.message.contains("s3cret"));
}
