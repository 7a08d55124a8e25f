//! One open connection: client, credentials and limits, shared by all objects that use it.

use super::http::{Http, Parts, RateLimitStats};
use super::ncloud::client::{Ncloud, POLICY_LIMIT, zone_endpoint};
use super::snapshots::SnapshotCache;
use super::spaceone::client::Spaceone;
use super::{EndpointRules, HttpSettings, Priority, RequestLog};
use super::{ncloud, spaceone};
use crate::api::ConnectionSpec;
use crate::api::connection::{RateLimit, Usage};
use crate::engine::{ErrorKind, Result, UpstreamError};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

/// What a connection's Secret holds. Whitespace at the ends does not count: it is what editors and
/// `echo` leave behind.
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

/// One open connection to one upstream account. Never changed: other credentials are another
/// account.
pub struct Account {
    endpoint: String,
    upstream: Upstream,
    snapshot_caches: SnapshotCaches,
    gone: CancellationToken,
    /// Tells those who wait that nobody uses the account any more.
    _farewell: DropGuard,
}

/// How an account stands at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountStats {
    /// Whether only probes are sent.
    pub tripped: bool,
    /// Requests per second that may be sent now.
    pub rate: f64,
    /// Requests per second, as configured.
    pub rate_configured: f64,
    /// Requests that may be sent at once now.
    pub tokens: f64,
    /// Requests that wait for the rate limit.
    pub waiting: usize,
    /// Of the collections that were listed: when the last list was begun.
    pub snapshots: Vec<(&'static str, SystemTime)>,
}

/// The last list of each collection, named as the modules of their policies.
pub(crate) struct SnapshotCaches {
    pub(crate) ncloud: Arc<SnapshotCache<ncloud::policy::PolicyDocument>>,
    pub(crate) spaceone: Arc<SnapshotCache<spaceone::policy::PolicyDocument>>,
    pub(crate) spaceone_network: Arc<SnapshotCache<spaceone::network_policy::NetworkPolicyDocument>>,
}

impl SnapshotCaches {
    fn new(rate: RateLimit) -> Self {
        // A close look takes two calls, and half of the budget is for everything else.
        let spacing = Duration::from_secs(4) / u32::try_from(rate.requests_per_second.max(1)).unwrap_or(1);
        Self {
            ncloud: Arc::new(SnapshotCache::new(spacing)),
            spaceone: Arc::new(SnapshotCache::new(spacing)),
            spaceone_network: Arc::new(SnapshotCache::new(spacing)),
        }
    }
}

/// The API behind an account, to be taken on an errand.
pub(crate) enum Upstream {
    Ncloud(Ncloud),
    Spaceone(Spaceone),
}

impl Account {
    /// Checks what can be checked without a request, and makes the client. Sends nothing.
    ///
    /// The endpoint that the rules forbid is `EndpointNotAllowed`; a spec, a CA bundle or
    /// credentials that do not fit together are `InvalidReference`; empty credentials are
    /// `Unauthorized`.
    pub fn open(
        spec: &ConnectionSpec,
        credentials: Credentials,
        ca_bundle: Option<&[u8]>,
        rules: &EndpointRules,
        http: &HttpSettings,
        log: Arc<dyn RequestLog>,
    ) -> Result<Self> {
        let endpoint = endpoint(spec)?;
        let base = Url::parse(&endpoint).map_err(|_| unfit("the endpoint is no URL"))?;
        rules.check(&base)?;
        let rate = spec.rate_limit.unwrap_or_default();
        let parts = Parts { settings: http, rules, ca_bundle, rate, log };
        let upstream = match (&spec.spaceone, credentials) {
            (None, Credentials::Ncloud { access_key, secret_key }) => {
                let keys = (filled("accessKey", &access_key)?, filled("secretKey", &secret_key)?);
                Upstream::Ncloud(Ncloud::new(base, keys.0, keys.1, parts)?)
            }
            (Some(spaceone), Credentials::Spaceone { token }) => {
                Upstream::Spaceone(Spaceone::new(base, spaceone, filled("token", &token)?, parts)?)
            }
            _ => return Err(unfit("the credentials are not those of the connection's upstream")),
        };
        let gone = CancellationToken::new();
        Ok(Self {
            endpoint,
            upstream,
            snapshot_caches: SnapshotCaches::new(rate),
            _farewell: gone.clone().drop_guard(),
            gone,
        })
    }

    /// Proves that the endpoint answers and takes the credentials, and counts what it holds.
    pub async fn probe(&self) -> Result<Usage> {
        match &self.upstream {
            Upstream::Ncloud(api) => {
                let policies =
                    api.on(Priority::Probe).count().await?.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
                Ok(Usage { policies, policies_limit: Some(POLICY_LIMIT), network_policies: None })
            }
            Upstream::Spaceone(api) => api.on(Priority::Probe).probe().await,
        }
    }

    /// Whether it failed so often in a row that only [`Self::probe`] is sent: a success of that ends
    /// it, and everything else fails at once meanwhile.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.http().is_tripped()
    }

    /// How it stands: its limits, and when its collections were listed.
    #[must_use]
    pub fn stats(&self) -> AccountStats {
        let RateLimitStats { rate, configured, tokens, waiting } = self.http().rate();
        let listed = match &self.upstream {
            Upstream::Ncloud(_) => vec![(ncloud::client::SYSTEM, self.snapshot_caches.ncloud.listed())],
            Upstream::Spaceone(_) => vec![
                (spaceone::policy::SYSTEM, self.snapshot_caches.spaceone.listed()),
                (spaceone::network_policy::SYSTEM, self.snapshot_caches.spaceone_network.listed()),
            ],
        };
        let snapshots = listed.into_iter().filter_map(|(system, begun)| Some((system, begun?))).collect();
        AccountStats { tripped: self.is_tripped(), rate, rate_configured: configured, tokens, waiting, snapshots }
    }

    fn http(&self) -> &Http {
        match &self.upstream {
            Upstream::Ncloud(api) => api.http(),
            Upstream::Spaceone(api) => api.http(),
        }
    }

    /// Cancelled when the last one who holds the account lets go of it.
    #[must_use]
    pub fn gone(&self) -> CancellationToken {
        self.gone.clone()
    }

    /// The endpoint in use, such as `https://subaccount.apigw.ntruss.com`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The last list of each of its collections.
    pub(crate) fn snapshot_caches(&self) -> &SnapshotCaches {
        &self.snapshot_caches
    }

    /// The API behind the account.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn endpoint(spec: &ConnectionSpec) -> Result<String> {
    let endpoint = match (&spec.ncloud, &spec.spaceone) {
        (Some(ncloud), None) => match (ncloud.zone, &ncloud.endpoint) {
            (Some(zone), None) => zone_endpoint(zone),
            (None, Some(endpoint)) => endpoint,
            _ => return Err(unfit("exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set")),
        },
        (None, Some(spaceone)) => &spaceone.endpoint,
        _ => return Err(unfit("exactly one of spec.ncloud and spec.spaceone must be set")),
    };
    Ok(endpoint.trim_end_matches('/').to_owned())
}

fn filled(key: &str, secret: &SecretString) -> Result<SecretString> {
    let text = secret.expose_secret().trim();
    if text.is_empty() {
        let why = format!("{key} in the connection's Secret is empty");
        return Err(UpstreamError::new(ErrorKind::Unauthorized, "open connection", why));
    }
    Ok(text.into())
}

fn unfit(why: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::InvalidReference, "open connection", why)
}
