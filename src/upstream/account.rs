//! One open connection: client, credentials and limits, shared by all objects that use it.

use super::collection::{Provider, ProviderClient};
use super::endpoint::EndpointRules;
use super::http::{ClientOptions, HttpSettings, RateLimitStats, RequestLog};
use super::ncloud::client::{Ncloud, zone_endpoint};
use super::snapshots::SnapshotCaches;
use super::spaceone::client::Spaceone;
use crate::api::ConnectionSpec;
use crate::api::connection::RateLimit;
use crate::engine::location::Location;
use crate::engine::{ErrorKind, Result, UpstreamError};
use secrecy::{ExposeSecret, SecretString};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// The content of a connection's Secret. Whitespace at both ends is ignored, because editors and
/// `echo` add it.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// NAVER Cloud Platform: keys `accessKey` and `secretKey`.
    Ncloud {
        /// Identifies the account.
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

/// One open connection to one upstream account. It is immutable: new credentials need a new account.
pub struct Account {
    endpoint: String,
    client: Box<dyn ProviderClient>,
    snapshot_caches: SnapshotCaches,
    /// Whether the connection knows the id of the account.
    id_is_shown: AtomicBool,
    gone: CancellationToken,
    /// Cancels `gone` when the last user of the account drops it.
    _last_user: DropGuard,
}

/// The state of an account, for metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountStats {
    /// Whether the circuit breaker is open, so that only probes are sent.
    pub tripped: bool,
    /// Requests per second that may be sent now.
    pub rate: f64,
    /// Requests per second, as configured.
    pub rate_configured: f64,
    /// Requests that may be sent at once now.
    pub tokens: f64,
    /// Requests that wait for the rate limit.
    pub waiting: usize,
    /// The collections that were listed, and when their last successful list began.
    pub snapshots: Vec<(&'static str, SystemTime)>,
}

impl Account {
    /// Checks everything that needs no request, and builds the client. Sends nothing.
    ///
    /// An endpoint that the rules forbid is `EndpointNotAllowed`; a spec, a CA bundle or credentials
    /// that do not match are `InvalidReference`; empty credentials are `Unauthorized`.
    pub fn open(
        spec: &ConnectionSpec,
        credentials: Credentials,
        ca_bundle: Option<&[u8]>,
        rules: &EndpointRules,
        http: &HttpSettings,
        log: Arc<dyn RequestLog>,
    ) -> Result<Self> {
        let endpoint = endpoint(spec)?;
        let base =
            Url::parse(&endpoint).map_err(|_| invalid("the endpoint is not a URL, such as https://api.example.com"))?;
        rules.check(&base)?;
        let rate = spec.rate_limit.unwrap_or_default();
        let options = ClientOptions { settings: http, rules, ca_bundle, rate, log };
        let client: Box<dyn ProviderClient> = match (&spec.spaceone, credentials) {
            (None, Credentials::Ncloud { access_key, secret_key }) => {
                let keys = (required("accessKey", &access_key)?, required("secretKey", &secret_key)?);
                Box::new(Ncloud::new(base, keys.0, keys.1, options)?)
            }
            (Some(spaceone), Credentials::Spaceone { token }) => {
                Box::new(Spaceone::new(base, spaceone, required("token", &token)?, options)?)
            }
            _ => return Err(invalid("the credentials do not belong to the connection's upstream")),
        };
        let gone = CancellationToken::new();
        Ok(Self {
            endpoint,
            client,
            snapshot_caches: SnapshotCaches::new(full_read_spacing(rate)),
            id_is_shown: AtomicBool::new(false),
            _last_user: gone.clone().drop_guard(),
            gone,
        })
    }

    /// Reports whether the circuit breaker is open: it closes after a successful [`Self::probe`], and
    /// until then all other requests fail without being sent.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.client.http().is_tripped()
    }

    /// Returns its state: the limits, and when its collections were listed.
    #[must_use]
    pub fn stats(&self) -> AccountStats {
        let RateLimitStats { rate, configured, tokens, waiting } = self.client.http().rate();
        let snapshots = self.snapshot_caches.listed();
        AccountStats { tripped: self.is_tripped(), rate, rate_configured: configured, tokens, waiting, snapshots }
    }

    /// Returns a token that is cancelled when the last user of the account drops it.
    #[must_use]
    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// Returns the endpoint in use, such as `https://subaccount.apigw.ntruss.com`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the id of the account: NAVER Cloud's member number, SpaceONE's domain id. `None` while no
    /// response has shown it.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.client.account_id()
    }

    /// Returns whether the id is known now and was not at the last call.
    #[must_use]
    pub fn has_new_id(&self) -> bool {
        self.id().is_some() && !self.id_is_shown.swap(true, Ordering::Relaxed)
    }

    /// Takes the id from an earlier run of the operator, which used the same credentials.
    pub fn assume_id(&self, id: &str) {
        self.client.assume_account_id(id);
    }

    /// Returns the place of this account's objects, as far as it is the same for all collections.
    pub(super) fn location(&self, in_repository: bool) -> Location {
        let repository = self.client.repository_id().filter(|_| in_repository);
        Location { endpoint: self.endpoint.clone(), account: self.id(), repository }
    }

    /// Returns the last list of each of its collections.
    pub(super) fn snapshot_caches(&self) -> &SnapshotCaches {
        &self.snapshot_caches
    }

    /// Returns the provider.
    pub(super) fn provider(&self) -> &'static Provider {
        self.client.provider()
    }

    /// Checks the credentials as far as no request is needed.
    pub(super) fn check_credentials(&self) -> Result<()> {
        self.client.check_credentials()
    }

    /// Returns the client if it is of this provider.
    pub(super) fn client<C: ProviderClient>(&self) -> Option<&C> {
        let client: &dyn Any = &*self.client;
        client.downcast_ref()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Returns the minimum time between two full reads. A full read takes two calls, and half of the rate
/// is reserved for everything else.
fn full_read_spacing(rate: RateLimit) -> Duration {
    Duration::from_secs(4) / u32::try_from(rate.requests_per_second.max(1)).unwrap_or(1)
}

fn endpoint(spec: &ConnectionSpec) -> Result<String> {
    let endpoint = match (&spec.ncloud, &spec.spaceone) {
        (Some(ncloud), None) => match (ncloud.zone, &ncloud.endpoint) {
            (Some(zone), None) => zone_endpoint(zone),
            (None, Some(endpoint)) => endpoint,
            _ => return Err(invalid("exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set")),
        },
        (None, Some(spaceone)) => &spaceone.endpoint,
        _ => return Err(invalid("exactly one of spec.ncloud and spec.spaceone must be set")),
    };
    Ok(endpoint.trim_end_matches('/').to_owned())
}

fn required(key: &str, secret: &SecretString) -> Result<SecretString> {
    let text = secret.expose_secret().trim();
    if text.is_empty() {
        let message = format!("{key} in the connection's Secret is empty");
        return Err(UpstreamError::new(ErrorKind::Unauthorized, "open connection", message));
    }
    Ok(text.into())
}

fn invalid(message: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::InvalidReference, "open connection", message)
}
