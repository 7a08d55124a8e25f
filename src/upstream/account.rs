//! One open connection: client, credentials and limits, shared by all objects that use it.

use super::{EndpointRules, HttpSettings, RequestLog};
use crate::api::ConnectionSpec;
use crate::api::connection::Usage;
use crate::engine::{ErrorKind, Result, UpstreamError};
use secrecy::SecretString;
use std::sync::Arc;

/// What a connection's Secret holds.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// NAVER Cloud Platform: keys `accessKey` and `secretKey`.
    Ncloud {
        /// Names the account.
        access_key: SecretString,
        /// Signs its requests.
        secret_key: SecretString,
    },
    /// SpaceONE: an API key or access token.
    Spaceone {
        /// Sent as bearer token.
        token: SecretString,
    },
}

/// One open connection to one upstream account. Cheap to share, never changed: other credentials
/// are another account.
pub struct Account {
    endpoint: String,
}

impl Account {
    /// Checks what can be checked without a request, and makes the client. Sends nothing.
    pub fn open(
        spec: &ConnectionSpec,
        credentials: Credentials,
        ca_bundle: Option<&[u8]>,
        rules: &EndpointRules,
        http: &HttpSettings,
        log: Arc<dyn RequestLog>,
    ) -> Result<Self> {
        let _ = (credentials, ca_bundle, rules, http, log);
        Ok(Self { endpoint: spec.spaceone.as_ref().map(|s| s.endpoint.clone()).unwrap_or_default() })
    }

    /// Proves that the endpoint answers and takes the credentials, and counts what it holds.
    #[allow(clippy::unused_async, reason = "thin until the clients land")]
    pub async fn probe(&self) -> Result<Usage> {
        Err(UpstreamError::new(ErrorKind::Unsupported, "probe", "not there yet"))
    }

    /// The endpoint in use, such as `https://subaccount.apigw.ntruss.com`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}
