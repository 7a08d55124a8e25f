//! The one HTTP client: timeouts, a limit on the body, no redirects, no proxy unless the administrator names one, one log
//! line for each request, and failures that show whether the request can have had an effect.
//!
//! | module | contents |
//! | --- | --- |
//! | `body`, `large_bodies` | reads bodies: limits of bytes and weight, few large ones at once |
//! | `call` | one request: purpose, method, URL, body |
//! | `settings` | timeouts, limits and retries |
//! | `transport` | the shared state of an account's clients: waits, sends, records the result |
//! | `rate_limit` | the rate limit with its priority queue; it slows down when the upstream asks for it |
//! | `circuit_breaker` | stops sending to an upstream that fails again and again |
//! | `client`, `dialer` | the `reqwest` client, and the check of the addresses that it connects to |
//! | `proxy`, `direct_host`, `proxied_host` | the forward proxy, the hosts without it, and the check of the addresses that it connects to |
//! | `response`, `failure` | the two results of an attempt, and the errors for the caller |
//! | `log` | the observers of requests: metrics, traces, audit log |
//!
//! Reads are retried; writes are sent once, because only the caller can check whether a lost write took
//! effect. Each attempt is authorized anew, since signatures expire.

mod body;
mod call;
mod circuit_breaker;
mod client;
mod dialer;
mod direct_host;
mod failure;
#[cfg(test)]
mod fuzz;
mod large_bodies;
mod log;
mod proxied_host;
mod proxy;
mod rate_limit;
mod response;
mod settings;
mod transport;

pub(crate) use call::{Authorize, Call, Effect, Object, Purpose};
pub use direct_host::DirectHost;
pub use large_bodies::LargeBodies;
pub use log::RequestLog;
pub use proxy::{ForwardProxy, ProxyCredentials};
pub(crate) use rate_limit::RateLimitStats;
pub(crate) use response::Response;
pub(crate) use settings::ClientOptions;
pub use settings::HttpSettings;

use super::redact::Redactor;
use super::request::{Priority, RequestContext};
use crate::engine::Result;
use failure::{AttemptResult, Failure};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use transport::{IsUnwell, Transport};

/// The client of one account with the context of its requests. Cheap to clone: clones share the limits.
#[derive(Clone)]
pub(crate) struct Http {
    transport: Arc<Transport>,
    request_context: RequestContext,
}

impl Http {
    /// Builds the client. Sends nothing.
    pub(crate) fn new(
        options: ClientOptions<'_>,
        authorize: Box<dyn Authorize>,
        is_unwell: IsUnwell,
        redactor: Arc<Redactor>,
    ) -> Result<Self> {
        let transport = Arc::new(Transport::new(options, authorize, is_unwell, redactor)?);
        Ok(Self { transport, request_context: Priority::Change.into() })
    }

    /// Returns the same client for requests with this context.
    pub(crate) fn with(&self, request_context: RequestContext) -> Self {
        Self { transport: Arc::clone(&self.transport), request_context }
    }

    /// Returns the state of the account's rate limit.
    pub(crate) fn rate(&self) -> RateLimitStats {
        self.transport.rate_limiter.stats()
    }

    /// Returns the redactor that removes the account's secrets from the upstream's texts.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.transport.redactor
    }

    /// Reports whether the circuit breaker is open, so that only probes are sent.
    pub(crate) fn is_tripped(&self) -> bool {
        self.transport.circuit_breaker.refuses(Priority::Background, Instant::now())
    }

    /// Sends the call. Every response but a redirect is `Ok`: the provider interprets the status.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response> {
        let mut attempts = match call.purpose.effect {
            Effect::Read => self.transport.settings.read_attempts.max(1),
            Effect::Write => 1,
        };
        let mut pause = self.transport.settings.read_backoff;
        let mut before = None;
        loop {
            let result = self.attempt(call).await;
            attempts -= 1;
            // The failure that opened the circuit breaker says more.
            if let (Err(Failure::Tripped), Some(failed)) = (&result, before.take()) {
                return into_result(failed, call.purpose, self.redactor());
            }
            if attempts == 0 || !self.is_transient(&result) {
                return into_result(result, call.purpose, self.redactor());
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = pause.saturating_mul(2);
            before = Some(result);
        }
    }

    /// Reports whether the same read may succeed soon. A probe is not repeated after a timeout, so
    /// that an unreachable connection is reported early.
    fn is_transient(&self, result: &AttemptResult) -> bool {
        match result {
            Err(Failure::TimedOut) if self.request_context.priority == Priority::Probe => false,
            Err(failure) => failure.is_transient(),
            Ok(response) => response.is_transient(),
        }
    }

    async fn attempt(&self, call: &Call) -> AttemptResult {
        let purpose = call.purpose;
        let observer = log::write_observer(&self.request_context, purpose);
        if observer.is_some_and(|observer| observer.takes(&call.as_write())) {
            return Ok(Response::accepted(&call.accepted()));
        }
        if let Some(observer) = observer {
            observer.on_begin(purpose.system, purpose.operation);
        }
        let result = match self.transport.admit(&self.request_context, call).await {
            Ok((pass, request)) => {
                if let Some(observer) = observer {
                    observer.on_sent();
                }
                let span = log::span(purpose, self.request_context.priority);
                let result = self.transport.send_recorded(pass, request, purpose).instrument(span.clone()).await;
                log::record(&span, &result);
                result
            }
            Err(failure) => {
                self.transport.log.unsent(purpose.system, failure.code());
                Err(failure)
            }
        };
        if let Some(observer) = observer {
            let request_id = result.as_ref().ok().and_then(|response| response.request_id.as_deref());
            observer.on_end(&log::code(&result), request_id);
        }
        result
    }
}

fn into_result(result: AttemptResult, purpose: Purpose, redactor: &Redactor) -> Result<Response> {
    match result {
        Err(failure) => Err(failure.into_error(purpose, redactor)),
        Ok(response) if (300..400).contains(&response.status) => Err(response.redirect(purpose)),
        Ok(response) => Ok(response),
    }
}

/// Returns between half of `pause` and all of it, so that objects that failed together do not retry
/// together. The hasher's random keys are random enough for that.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    pause / 2 + pause / 1024 * u32::try_from(random).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_a_pause_by_at_most_half() {
        let pauses: Vec<Duration> = (0..32).map(|_| jittered(Duration::from_millis(1024))).collect();
        assert!(pauses.iter().all(|p| (512..=1024).contains(&p.as_millis())), "{pauses:?}");
        assert!(pauses.iter().any(|p| p != &pauses[0]), "not always the same");
    }
}
