//! The settings of the HTTP client.

use super::large_bodies::LargeBodies;
use super::log::RequestLog;
use super::proxy::ForwardProxy;
use crate::api::connection::RateLimit;
use crate::upstream::endpoint::EndpointRules;
use std::sync::Arc;
use std::time::Duration;

/// Timeouts, limits and retries of upstream requests.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The time limit for connecting, TLS included.
    pub connect_timeout: Duration,
    /// The time limit for a complete response, connecting included.
    pub request_timeout: Duration,
    /// The maximum number of bytes that are read of a response.
    pub body_limit: usize,
    /// The maximum weight of a response: about what its values take in memory.
    pub weight_limit: usize,
    /// How many large responses the process reads at once.
    pub large_bodies: LargeBodies,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// The forward proxy to the upstreams, if there is one.
    pub proxy: Option<ForwardProxy>,
    /// The number of attempts of a read. A write is sent once.
    pub read_attempts: u32,
    /// The pause before the second attempt of a read. It doubles before each further attempt.
    pub read_backoff: Duration,
    /// The maximum time that a request waits for the connection's rate limit.
    pub queue_limit: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            body_limit: 8 << 20,
            weight_limit: 16 << 20,
            large_bodies: LargeBodies::default(),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            read_attempts: 3,
            read_backoff: Duration::from_millis(250),
            queue_limit: Duration::from_secs(20),
        }
    }
}

/// Everything from which the client of one account is built, except its credentials.
pub(crate) struct ClientOptions<'a> {
    pub(crate) settings: &'a HttpSettings,
    pub(crate) rules: &'a EndpointRules,
    pub(crate) ca_bundle: Option<&'a [u8]>,
    pub(crate) rate: RateLimit,
    pub(crate) log: Arc<dyn RequestLog>,
}
