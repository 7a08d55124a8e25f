//! The one HTTP client: timeouts, a cap on what is read, no redirects, no proxies, one log line a
//! request, and failures that know whether the request can have had an effect.
//!
//! All clients of an account share its limits: a rate that gives way when the upstream asks for it
//! (`rate_limiter`), in which the urgent goes first, and a circuit circuit_breaker (`circuit_breaker`).
//!
//! Reads are tried a few times; writes are sent once, because only the caller can look whether a
//! lost write has landed. A request is authorized anew for each attempt, since signatures age.

mod circuit_breaker;
mod client;
mod dialer;
mod failure;
#[cfg(test)]
mod fuzz;
mod log;
mod rate_limit;
mod response;

pub use log::RequestLog;
pub(crate) use rate_limit::RateLimitStats;
pub(crate) use response::Response;

use super::redact::Redactor;
use super::{EndpointRules, Priority, RequestContext};
use crate::api::connection::RateLimit;
use crate::engine::{ErrorKind, Result};
use circuit_breaker::{CircuitBreaker, Pass};
use failure::Failure;
use rate_limit::RateLimiter;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request};
use serde_json::Value;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use url::Url;

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

/// Puts the credentials on a request that is otherwise complete.
pub(crate) trait Authorize: Send + Sync {
    /// The error says what is wrong with the credentials, without showing them.
    fn authorize(&self, request: &mut Request) -> std::result::Result<(), &'static str>;
}

/// Whether a request may change something upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It cannot.
    Read,
    /// It may.
    Write,
}

impl Effect {
    /// What a failure means once the request may have reached the upstream.
    pub(crate) fn doubt(self) -> ErrorKind {
        match self {
            Self::Read => ErrorKind::Unavailable,
            Self::Write => ErrorKind::OutcomeUnknown,
        }
    }
}

/// What is asked, for the log and for errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose {
    /// The collection, such as `ncloud/policy`.
    pub(crate) system: &'static str,
    /// Such as `create policy`.
    pub(crate) operation: &'static str,
    /// Whether it may change something.
    pub(crate) effect: Effect,
}

/// One request, without credentials.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Option<Value>,
}

/// For how long one answer may stop a whole account, deletions included. The object that got the
/// answer waits as long as it says.
const LONGEST_CLOSING: Duration = Duration::from_mins(1);

/// The client of one account, on one errand. Cheap to clone: all share the limits.
#[derive(Clone)]
pub(crate) struct Http {
    transport: Arc<Transport>,
    request_context: RequestContext,
}

/// What all clients of one account share.
struct Transport {
    client: Client,
    settings: HttpSettings,
    rate_limiter: RateLimiter,
    circuit_breaker: CircuitBreaker,
    authorize: Box<dyn Authorize>,
    is_unwell: IsUnwell,
    log: Arc<dyn RequestLog>,
    redactor: Arc<Redactor>,
}

/// Whether an answer says that the upstream as a whole is in trouble or refuses the credentials:
/// what that looks like is the upstream's matter.
pub(crate) type IsUnwell = fn(&Response) -> bool;

/// What an account's client is made of.
pub(crate) struct Parts<'a> {
    pub(crate) settings: &'a HttpSettings,
    pub(crate) rules: &'a EndpointRules,
    pub(crate) ca_bundle: Option<&'a [u8]>,
    pub(crate) rate: RateLimit,
    pub(crate) log: Arc<dyn RequestLog>,
}

type Outcome = std::result::Result<Response, Failure>;

impl Http {
    /// Makes the client. Sends nothing.
    pub(crate) fn new(
        parts: Parts<'_>,
        authorize: Box<dyn Authorize>,
        is_unwell: IsUnwell,
        redactor: Arc<Redactor>,
    ) -> Result<Self> {
        let Parts { settings, rules, ca_bundle, rate, log } = parts;
        let client = client::client(settings, rules, ca_bundle)?;
        let (settings, rate_limiter, circuit_breaker) =
            (settings.clone(), RateLimiter::new(rate), CircuitBreaker::new());
        let transport =
            Transport { client, settings, rate_limiter, circuit_breaker, authorize, is_unwell, log, redactor };
        Ok(Self { transport: Arc::new(transport), request_context: Priority::Change.into() })
    }

    /// The same client for requests of this errand.
    pub(crate) fn on(&self, request_context: RequestContext) -> Self {
        Self { transport: Arc::clone(&self.transport), request_context }
    }

    /// How the account's rate limit stands.
    pub(crate) fn rate(&self) -> RateLimitStats {
        self.transport.rate_limiter.stats()
    }

    /// What this account's upstream said, made fit to be shown.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.transport.redactor
    }

    /// Whether the account failed so often in a row that only probes are sent now.
    pub(crate) fn is_tripped(&self) -> bool {
        self.transport.circuit_breaker.refuses(Priority::Background, Instant::now())
    }

    /// Sends the call. Any answer but a redirect is `Ok`: what a status means is the upstream's
    /// matter.
    pub(crate) async fn send(&self, call: &Call) -> Result<Response> {
        let mut attempts = match call.purpose.effect {
            Effect::Read => self.transport.settings.read_attempts.max(1),
            Effect::Write => 1,
        };
        let mut pause = self.transport.settings.read_backoff;
        loop {
            let outcome = self.attempt(call).await;
            attempts -= 1;
            if attempts == 0 || !self.is_transient(&outcome) {
                return self.into_result(call.purpose, outcome);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = pause.saturating_mul(2);
        }
    }

    /// Whether the same read may well succeed in a moment. A probe does not sit out one timeout
    /// after the other: a connection in doubt is to be known as such soon.
    fn is_transient(&self, outcome: &Outcome) -> bool {
        match outcome {
            Err(Failure::TimedOut) if self.request_context.priority == Priority::Probe => false,
            Err(failure) => failure.is_transient(),
            Ok(answer) => answer.is_transient(),
        }
    }

    fn into_result(&self, purpose: Purpose, outcome: Outcome) -> Result<Response> {
        match outcome {
            Err(failure) => Err(failure.into_error(purpose, &self.transport.redactor)),
            Ok(answer) if (300..400).contains(&answer.status) => Err(answer.redirect(purpose)),
            Ok(answer) => Ok(answer),
        }
    }

    async fn attempt(&self, call: &Call) -> Outcome {
        let purpose = call.purpose;
        let writes = log::writes(&self.request_context, purpose);
        if let Some(writes) = writes {
            writes.on_begin(purpose.system, purpose.operation);
        }
        let outcome = match self.transport.admit(&self.request_context, call).await {
            Ok((pass, request)) => {
                if let Some(writes) = writes {
                    writes.on_sent();
                }
                let span = log::span(purpose, self.request_context.priority);
                let outcome = self.transport.send_recorded(pass, request, purpose).instrument(span.clone()).await;
                log::note(&span, &outcome);
                outcome
            }
            Err(failure) => {
                self.transport.log.unsent(purpose.system, failure.code());
                Err(failure)
            }
        };
        if let Some(writes) = writes {
            writes.on_end(&log::code(&outcome), outcome.as_ref().ok().and_then(|answer| answer.request_id.as_deref()));
        }
        outcome
    }
}

impl Transport {
    /// Waits until the request may be sent.
    async fn admit(
        &self,
        request_context: &RequestContext,
        call: &Call,
    ) -> std::result::Result<(Pass, Request), Failure> {
        let priority = request_context.priority;
        // Asked twice: nobody is to queue up in vain, and much may happen in a queue.
        if self.circuit_breaker.refuses(priority, Instant::now()) {
            return Err(Failure::Tripped);
        }
        let begun = Instant::now();
        self.rate_limiter
            .take(priority, call.purpose.effect, self.settings.queue_limit)
            .await
            .map_err(Failure::Queued)?;
        self.log.waited(call.purpose.system, priority, begun.elapsed());
        if call.purpose.effect == Effect::Write && !request_context.may_write() {
            return Err(Failure::Fenced);
        }
        let pass = self.circuit_breaker.admit(priority, Instant::now()).ok_or(Failure::Tripped)?;
        Ok((pass, self.request(call)?))
    }

    /// Sends it, and learns from the answer.
    async fn send_recorded(&self, pass: Pass, request: Request, purpose: Purpose) -> Outcome {
        let begun = Instant::now();
        let outcome = self.send_once(request).await;
        self.record_result(pass, begun, &outcome);
        self.log.request(purpose.system, purpose.operation, &log::code(&outcome), begun.elapsed());
        outcome
    }

    fn request(&self, call: &Call) -> std::result::Result<Request, Failure> {
        let mut request = Request::new(call.method.clone(), call.url.clone());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json.clone());
        // Some gateways demand it of requests without a body, too.
        request.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(body) = &call.body {
            *request.body_mut() = Some(body.to_string().into());
        }
        self.authorize.authorize(&mut request).map_err(Failure::Credentials)?;
        Ok(request)
    }

    async fn send_once(&self, request: Request) -> Outcome {
        let response = self.client.execute(request).await.map_err(|error| Failure::of(&error))?;
        let mut answer = Response::head(response.status().as_u16(), response.headers());
        answer.body = client::read_body(response, self.settings.body_limit).await?;
        answer.request_id = answer.request_id.map(|id| self.redactor.clean(&id));
        Ok(answer)
    }

    /// Lets rate and circuit_breaker follow how a request ended.
    fn record_result(&self, pass: Pass, sent: Instant, outcome: &Outcome) {
        let success = match outcome {
            Err(failure) if failure.is_transient() => false,
            // A judgement on the request or on what stands in between.
            Err(_) | Ok(Response { status: 300..400, .. }) => return,
            Ok(answer) if answer.status == 429 => {
                self.rate_limiter.slow_down(sent);
                if let Some(pause) = answer.retry_after {
                    self.rate_limiter.close(pause.min(LONGEST_CLOSING));
                }
                return;
            }
            Ok(answer) => !(self.is_unwell)(answer),
        };
        if success {
            self.rate_limiter.speed_up(sent);
        }
        self.circuit_breaker.note(pass, success, Instant::now());
    }
}

/// Between half of `pause` and all of it, so that objects that failed together do not all ask
/// again together. The hasher's random keys are randomness enough for that.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    pause / 2 + pause / 1024 * u32::try_from(random).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_shortened_by_half_at_most_and_not_always_the_same() {
        let pauses: Vec<Duration> = (0..32).map(|_| jittered(Duration::from_millis(1024))).collect();
        assert!(pauses.iter().all(|p| (512..=1024).contains(&p.as_millis())), "{pauses:?}");
        assert!(pauses.iter().any(|p| p != &pauses[0]));
    }
}
