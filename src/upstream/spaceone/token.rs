//! The bearer token of requests, and the domain in its claims.

use crate::upstream::http::Authorize;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// A token.
pub(super) struct Bearer(pub(super) SecretString);

impl Authorize for Bearer {
    fn authorize(&self, request: &mut Request) -> Result<(), &'static str> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0.expose_secret()))
            .map_err(|_| "the token in the Secret contains invalid characters")?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }
}

impl Bearer {
    /// Returns the domain in the token's claims, if it has claims. The servers verify the token. They put
    /// a policy into the token's domain whatever the request says, and look for it in the domain of the
    /// request, so both must be equal.
    pub(super) fn domain(&self) -> Option<String> {
        let claims = self.0.expose_secret().split('.').nth(1)?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?).ok()?;
        Some(claims.get("did")?.as_str()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_is_read_from_the_claims_of_a_token() {
        let token = |claims: &str| Bearer(format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims)).into()).domain();
        assert_eq!(token(r#"{"did":"domain-1","exp":1}"#).as_deref(), Some("domain-1"));
        assert_eq!(token(r#"{"did":1}"#), None);
        assert_eq!(Bearer("opaque".into()).domain(), None);
        assert_eq!(Bearer("a.!!.c".into()).domain(), None);
    }

    #[test]
    fn request_carries_the_token_and_does_not_show_it() {
        let mut request = Request::new(reqwest::Method::GET, "https://h.example/".parse().unwrap());
        Bearer("t0ken".into()).authorize(&mut request).unwrap();
        assert_eq!(request.headers()[AUTHORIZATION].to_str().unwrap(), "Bearer t0ken");
        assert!(!format!("{request:?}").contains("t0ken"));
        assert!(!Bearer("new\nline".into()).authorize(&mut request).unwrap_err().contains("line"));
    }
}
