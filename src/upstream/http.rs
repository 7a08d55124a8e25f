//! The one HTTP client.

use std::time::Duration;

/// How requests are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Until the last byte of the answer, connecting included.
    pub request_timeout: Duration,
    /// How many bytes of an answer are read at most.
    pub body_limit: usize,
    /// How the operator calls itself.
    pub user_agent: String,
    /// How often a read is tried; writes are sent once.
    pub read_attempts: u32,
    /// The pause before the second attempt of a read; doubled before each further one.
    pub read_backoff: Duration,
    /// How long a request waits for the connection's rate limit before it gives up.
    pub queue_limit: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            body_limit: 8 << 20,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            read_attempts: 3,
            read_backoff: Duration::from_millis(250),
            queue_limit: Duration::from_secs(20),
        }
    }
}

/// Told of every request, once it has ended: the source of metrics and debug logs.
pub trait RequestLog: Send + Sync {
    /// `system` is the collection, such as `ncloud/policy`; `operation` what was asked, such as
    /// `create policy`; `code` the HTTP status or, without one, a kind of failure. All three are
    /// of bounded sets, fit for metric labels.
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration);
}
