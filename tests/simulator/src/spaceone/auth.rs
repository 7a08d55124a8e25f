//! Bearer tokens. They have the format of the real JWTs; the server compares them by value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::errors::ApiError;
use super::routes::Resource;
use crate::exchange::Call;

/// The tokens of the installation.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) valid: String,
    pub(crate) expired: String,
    pub(crate) foreign: String,
    domain: String,
    foreign_domain: String,
}

impl Tokens {
    pub(crate) fn new(domain: &str, foreign_domain: &str) -> Self {
        Self {
            valid: token(domain, 4_102_444_800),
            expired: token(domain, 1_577_836_800),
            foreign: token(foreign_domain, 4_102_444_800),
            domain: domain.to_owned(),
            foreign_domain: foreign_domain.to_owned(),
        }
    }

    /// Returns the token of the request, if any.
    pub(crate) fn bearer(call: &Call) -> Result<Option<&str>, ApiError> {
        match call.header("authorization") {
            None => Ok(None),
            Some(header) => match header.strip_prefix("Bearer ") {
                Some(token) => Ok(Some(token.trim())),
                None => Err(ApiError::unauthenticated("Token format is invalid.").by_front()),
            },
        }
    }

    /// Returns the domain of a token.
    ///
    /// The inventory of 2020 has no error message for a token that fails verification.
    pub(crate) fn domain_of(&self, token: Option<&str>, asked: Resource) -> Result<String, ApiError> {
        let invalid = match asked {
            Resource::Policy | Resource::Repository | Resource::Role => "Token is invalid or expired.",
            Resource::NetworkPolicy | Resource::Zone | Resource::Region => "UnKnown Exception.",
        };
        match token {
            None | Some("") => Err(ApiError::unauthenticated("Empty token provided.")),
            Some(token) if token == self.valid => Ok(self.domain.clone()),
            Some(token) if token == self.foreign => Ok(self.foreign_domain.clone()),
            Some(token) if token.split('.').count() == 3 => Err(ApiError::unauthenticated(invalid)),
            Some(_) => Err(ApiError::unauthenticated("Cannot decode token.")),
        }
    }
}

fn token(domain: &str, expires: i64) -> String {
    let header = json!({"alg": "RS256", "typ": "JWT"});
    let claims = json!({
        "cat": "ACCESS_TOKEN", "user_type": "DOMAIN_OWNER", "did": domain, "aud": "admin",
        "iat": 1_577_836_000, "exp": expires,
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode("simulated-signature"))
}
