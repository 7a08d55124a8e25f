//! Signature vectors on which independent implementations agree.

use cloud_policy_simulator::Clock;
use cloud_policy_simulator::ncloud::{Ncloud, Options, sign};
use jiff::Timestamp;
use serde_json::Value;

use crate::client::send;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../fixtures/ncloud-signature-vectors.json")).unwrap()
}

/// Starts an account with the vector's key and with the clock at the vector's time.
async fn account(vector: &Value) -> Ncloud {
    let millis = vector["timestamp"].as_str().unwrap().parse().unwrap();
    let options = Options {
        clock: Clock::frozen(Timestamp::from_millisecond(millis).unwrap()),
        access_key: vector["accessKey"].as_str().unwrap().to_owned(),
        secret_key: vector["secretKey"].as_str().unwrap().to_owned(),
        ..Options::default()
    };
    Ncloud::start(options).await.unwrap()
}

fn status(server: &Ncloud, vector: &Value, target: &str, signature: &str) -> u16 {
    let text = |field: &str| vector[field].as_str().unwrap();
    let headers = [
        ("x-ncp-apigw-timestamp", text("timestamp")),
        ("x-ncp-iam-access-key", text("accessKey")),
        ("x-ncp-apigw-signature-v2", signature),
    ];
    send(&server.url(), text("method"), target, &headers, "").unwrap().status
}

#[tokio::test]
async fn signature_vector_is_accepted_unless_changed() {
    let vectors = vectors();
    let accept = vectors["accept"].as_array().unwrap();
    assert_eq!(accept.len(), 9);
    for vector in accept {
        let server = account(vector).await;
        let (target, signature) = (vector["requestUri"].as_str().unwrap(), vector["signature"].as_str().unwrap());
        let text = |field: &str| vector[field].as_str().unwrap();
        let ours = sign(text("method"), target, text("timestamp"), text("accessKey"), text("secretKey"));
        assert_eq!(ours, signature, "{}", vector["name"]);
        assert_ne!(status(&server, vector, target, signature), 401, "{}", vector["name"]);
        assert_eq!(status(&server, vector, &format!("{target}x"), signature), 401, "{}", vector["name"]);
    }
}

#[tokio::test]
async fn invalid_signature_vector_is_rejected() {
    let vectors = vectors();
    let refuse = &vectors["refuse"];
    let mut vector = vectors["accept"][2].clone();
    vector["method"] = "GET".into();
    let server = account(&vector).await;
    let target = refuse["url"].as_str().unwrap().strip_prefix("https://subaccount.apigw.ntruss.com").unwrap();
    let signatures = refuse["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 4);
    for wrong in signatures {
        assert_eq!(status(&server, &vector, target, wrong["signature"].as_str().unwrap()), 401, "{}", wrong["why"]);
    }
    let text = |field: &str| vector[field].as_str().unwrap();
    let right = sign("GET", target, text("timestamp"), text("accessKey"), text("secretKey"));
    assert_eq!(status(&server, &vector, target, &right), 200);
}

#[tokio::test]
async fn signature_covers_target_byte_for_byte() {
    let vectors = vectors();
    let vector = &vectors["accept"][1];
    let server = account(vector).await;
    let text = |field: &str| vector[field].as_str().unwrap();
    for (signed, sent) in [
        ("/api/v1/policies?", "/api/v1/policies"),
        ("/api/v1/policies", "/api/v1/policies?"),
        ("/api/v1/policies?page=0&size=5", "/api/v1/policies?size=5&page=0"),
        ("/api/v1/policies?searchWord=a%20b", "/api/v1/policies?searchWord=a+b"),
        ("/api/v1/policies", "/api/v1/policies/"),
        ("/api/v1/policies", "/api/v1/%70olicies"),
    ] {
        let signature = sign("GET", signed, text("timestamp"), text("accessKey"), text("secretKey"));
        assert_eq!(status(&server, vector, sent, &signature), 401, "signed {signed}, sent {sent}");
        assert_ne!(status(&server, vector, signed, &signature), 401, "signed and sent {signed}");
    }
}
