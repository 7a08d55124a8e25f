//! The gateway in front of the API.

use std::time::Duration;

use cloud_policy_simulator::Clock;
use cloud_policy_simulator::ncloud::{Ncloud, Options, RateLimit, sign};
use serde_json::json;

use super::{account, error_code, get};
use crate::client::{Answer, ncloud, send, try_ncloud};

const LIST: &str = "/api/v1/policies";

/// Sends a list request after `spoil` has changed its headers.
fn list_with(server: &Ncloud, spoil: impl FnOnce(&mut Vec<(&str, String)>)) -> Answer {
    let timestamp = server.clock().now().as_millisecond().to_string();
    let signature = sign("GET", LIST, &timestamp, &server.access_key(), &server.secret_key());
    let mut headers = vec![
        ("x-ncp-apigw-timestamp", timestamp),
        ("x-ncp-iam-access-key", server.access_key()),
        ("x-ncp-apigw-signature-v2", signature),
    ];
    spoil(&mut headers);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    send(&server.url(), "GET", LIST, &headers, "").unwrap()
}

#[tokio::test]
async fn gateway_rejects_request_without_a_signature_header() {
    let server = account(|_| {}).await;
    assert_eq!(list_with(&server, |_| {}).status, 200);
    for missing in 0..3 {
        let answer = list_with(&server, |headers| drop(headers.remove(missing)));
        assert_eq!(error_code(&answer), (401, json!("200")));
        assert_eq!(answer.json()["error"]["message"], "Authentication Failed");
        assert!(answer.json()["error"]["details"].is_string());
    }
}

#[tokio::test]
async fn gateway_rejects_bad_key_secret_or_timestamp() {
    let server = account(|_| {}).await;
    for (header, value) in [
        ("x-ncp-iam-access-key", "SOMEONEELSE"),
        ("x-ncp-apigw-signature-v2", "AAAA"),
        ("x-ncp-apigw-signature-v2", "not base64 at all"),
        ("x-ncp-apigw-timestamp", "yesterday"),
    ] {
        let answer = list_with(&server, |headers| {
            headers.iter_mut().filter(|(name, _)| *name == header).for_each(|(_, old)| *old = value.to_owned());
        });
        assert_eq!(answer.status, 401, "{header}: {value}");
    }
}

#[tokio::test]
async fn gateway_tolerates_five_minutes_of_clock_skew() {
    let options = Options { clock: Clock::frozen("2026-01-01T00:00:00Z".parse().unwrap()), ..Options::default() };
    let server = Ncloud::start(options).await.unwrap();
    let at = server.clock().now().as_millisecond();
    let send_at = |sent: i64| {
        list_with(&server, |headers| {
            let (key, secret) = (server.access_key(), server.secret_key());
            headers[0].1 = sent.to_string();
            headers[2].1 = sign("GET", LIST, &sent.to_string(), &key, &secret);
        })
        .status
    };
    let statuses = [at, at - 300_000, at + 300_000, at - 300_001, at + 300_001].map(send_at);
    assert_eq!(statuses, [200, 200, 200, 401, 401]);
}

#[tokio::test]
async fn answer_has_date_of_server_clock() {
    let clock = Clock::frozen("2030-05-06T07:08:09Z".parse().unwrap());
    let server = Ncloud::start(Options { clock, ..Options::default() }).await.unwrap();
    assert_eq!(get(&server, LIST).header("date"), Some("Mon, 06 May 2030 07:08:09 GMT"));
    server.clock().advance(Duration::from_mins(1));
    assert_eq!(get(&server, LIST).header("date"), Some("Mon, 06 May 2030 07:09:09 GMT"));
    server.clock().rewind(Duration::from_mins(2));
    assert_eq!(get(&server, "/nowhere").header("date"), Some("Mon, 06 May 2030 07:07:09 GMT"));
}

#[tokio::test]
async fn gateway_answers_404_300_for_unknown_path_or_method() {
    let server = account(|_| {}).await;
    for (method, target) in [
        ("GET", "/api/v1/policy"),
        ("GET", "/api/v2/policies"),
        ("PATCH", "/api/v1/policies"),
        ("POST", "/api/v1/policies/validation"),
        ("POST", "/api/v1/policies/validate"),
        ("GET", "/api/v1/policies/x/permissions"),
        ("POST", "/api/v1/teams/x/policies"),
    ] {
        assert_eq!(error_code(&ncloud(&server, method, target, "{}")), (404, json!("300")), "{method} {target}");
    }
}

#[tokio::test]
async fn gateway_answers_413_430_for_too_large_body() {
    let server = account(|switches| switches.largest_body = 1_000).await;
    let answer = try_ncloud(&server, "POST", LIST, &"x".repeat(1_001)).unwrap();
    assert_eq!(error_code(&answer), (413, json!("430")));
    assert_eq!(error_code(&try_ncloud(&server, "POST", LIST, &"x".repeat(1_000)).unwrap()), (400, json!("100")));
}

#[tokio::test]
async fn gateway_alternates_429_codes_until_window_ends() {
    let clock = Clock::frozen("2026-01-01T00:00:00Z".parse().unwrap());
    let server = Ncloud::start(Options { clock, ..Options::default() }).await.unwrap();
    server.set_options(|options| {
        options.switches.rate_limit = Some(RateLimit { requests: 2, window: Duration::from_secs(1) });
        options.switches.retry_after = Some(7);
    });
    let answers: Vec<_> = (0..6).map(|_| get(&server, LIST)).collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 429, 429, 429, 429]);
    let codes: Vec<_> = answers[2..].iter().map(|answer| error_code(answer).1).collect();
    assert_eq!(codes, ["400", "410", "420", "400"]);
    assert!(answers[2..].iter().all(|answer| answer.header("retry-after") == Some("7")));
    server.clock().advance(Duration::from_millis(999));
    assert_eq!(get(&server, LIST).status, 429);
    server.clock().advance(Duration::from_millis(1));
    assert_eq!(get(&server, LIST).status, 200);
    server.set_options(|options| options.switches.retry_after = None);
    get(&server, LIST);
    assert_eq!(get(&server, LIST).header("retry-after"), None);
}

#[tokio::test]
async fn gateway_error_has_code_and_details_by_switch() {
    let server = account(|switches| {
        switches.numeric_gateway_codes = true;
        switches.authentication_details = false;
    })
    .await;
    let answer = list_with(&server, |headers| headers.truncate(0));
    assert_eq!(answer.json(), json!({"error": {"errorCode": 200, "message": "Authentication Failed"}}));
    assert_eq!(error_code(&get(&server, "/nowhere")), (404, json!(300)));
}

#[tokio::test]
async fn gateway_requires_content_type_when_switched() {
    let server = account(|switches| switches.demand_content_type = true).await;
    assert_eq!(error_code(&list_with(&server, |_| {})), (400, json!("100")));
    assert_eq!(get(&server, LIST).status, 200);
}
