//! Signature version 2 of the NAVER Cloud API gateway.
//!
//! The signature covers the method, the path with its query exactly as sent, the time and the access key;
//! neither host nor body. Signatures expire, so each attempt is signed anew.

use crate::upstream::http::Authorize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::Position;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-ncp-apigw-timestamp");
const ACCESS_KEY: HeaderName = HeaderName::from_static("x-ncp-iam-access-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-ncp-apigw-signature-v2");

/// The keys of one sub account.
pub(crate) struct Keys {
    pub(crate) access_key: SecretString,
    pub(crate) secret_key: SecretString,
}

impl Authorize for Keys {
    fn authorize(&self, request: &mut Request) -> Result<(), &'static str> {
        let access_key = self.access_key.expose_secret();
        let timestamp = Timestamp::now().as_millisecond().to_string();
        let uri = &request.url()[Position::BeforePath..Position::AfterQuery];
        let text = string_to_sign(request.method().as_str(), uri, &timestamp, access_key);
        let signature =
            sign(&text, self.secret_key.expose_secret()).ok_or("the secretKey in the Secret is not a key")?;
        let invalid = "the accessKey in the Secret contains invalid characters";
        for (name, value) in
            [(TIMESTAMP, timestamp.as_str()), (ACCESS_KEY, access_key), (SIGNATURE, signature.as_str())]
        {
            let mut value = HeaderValue::from_str(value).map_err(|_| invalid)?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }
}

fn string_to_sign(method: &str, uri: &str, timestamp: &str, access_key: &str) -> String {
    format!("{method} {uri}\n{timestamp}\n{access_key}")
}

/// Signs a text. The secret is used as text, not decoded. Keys of every length are possible, so the result
/// is never `None`.
fn sign(text: &str, secret_key: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Vectors {
        accept: Vec<Vector>,
        refuse: Refused,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Vector {
        name: String,
        method: String,
        url: String,
        timestamp: String,
        access_key: String,
        secret_key: String,
        string_to_sign: String,
        signature: String,
    }

    #[derive(Deserialize)]
    struct Refused {
        url: String,
        signatures: Vec<Wrong>,
    }

    #[derive(Deserialize)]
    struct Wrong {
        why: String,
        signature: String,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../../tests/fixtures/ncloud-signature-vectors.json")).unwrap()
    }

    /// Returns the URI of the final request, like [`Keys::authorize`].
    fn uri(method: &str, url: &str) -> String {
        let request = Request::new(method.parse().unwrap(), url.parse().unwrap());
        request.url()[Position::BeforePath..Position::AfterQuery].to_owned()
    }

    #[test]
    fn signature_matches_every_accepted_vector() {
        let vectors = vectors().accept;
        assert!(vectors.len() >= 9);
        for v in vectors {
            let text = string_to_sign(&v.method, &uri(&v.method, &v.url), &v.timestamp, &v.access_key);
            assert_eq!(text, v.string_to_sign, "{}", v.name);
            assert_eq!(sign(&text, &v.secret_key).as_deref(), Some(v.signature.as_str()), "{}", v.name);
        }
    }

    #[test]
    fn signature_matches_no_rejected_vector() {
        let Vectors { accept, refuse } = vectors();
        let keys = &accept[0];
        for timestamp in ["1732200000003", "1732200000"] {
            let text = string_to_sign("GET", &uri("GET", &refuse.url), timestamp, &keys.access_key);
            let ours = sign(&text, &keys.secret_key).unwrap();
            for wrong in &refuse.signatures {
                let seconds = wrong.why.contains("seconds");
                assert!(ours != wrong.signature || (seconds && timestamp.len() == 10), "{}", wrong.why);
            }
        }
    }

    #[test]
    fn request_carries_three_headers_and_hides_their_values() {
        let keys = Keys { access_key: "TESTACCESSKEY".into(), secret_key: "TestSecret".into() };
        let mut request = Request::new(reqwest::Method::GET, "https://h.example/a?b=c".parse().unwrap());
        keys.authorize(&mut request).unwrap();
        let header = |name: &HeaderName| request.headers()[name].to_str().unwrap().to_owned();
        let timestamp = header(&TIMESTAMP);
        assert_eq!(timestamp.len(), 13, "milliseconds");
        let text = string_to_sign("GET", "/a?b=c", &timestamp, "TESTACCESSKEY");
        assert_eq!(header(&SIGNATURE), sign(&text, "TestSecret").unwrap());
        assert!(!format!("{request:?}").contains("TESTACCESSKEY"));
    }

    #[test]
    fn invalid_access_key_is_rejected_without_showing_it() {
        let keys = Keys { access_key: "line\nbreak".into(), secret_key: "s".into() };
        let mut request = Request::new(reqwest::Method::GET, "https://h.example/".parse().unwrap());
        assert!(!keys.authorize(&mut request).unwrap_err().contains("break"));
    }
}
