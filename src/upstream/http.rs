//! The one HTTP client: timeouts, a cap on what is read, no redirects, no proxies, one log line a
//! request, and failures that know whether the request can have had an effect.
//!
//! All clients of an account share its limits: a rate that gives way when the upstream asks for it
//! (`budget`), in which the urgent goes first, and a circuit breaker (`breaker`).
//!
//! Reads are tried a few times; writes are sent once, because only the caller can look whether a
//! lost write has landed. A request is authorized anew for each attempt, since signatures age.

mod answer;
mod breaker;
mod budget;
mod client;
mod dialer;
mod failure;
#[cfg(test)]
mod fuzz;
mod log;

pub(crate) use answer::Answer;
pub(crate) use budget::Reading;
pub use log::RequestLog;

use super::words::Words;
use super::{EndpointRules, Errand, Urgency};
use crate::api::connection::RateLimit;
use crate::engine::{ErrorKind, Result};
use breaker::{Breaker, Pass};
use budget::Budget;
use failure::Failure;
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
    line: Arc<Line>,
    errand: Errand,
}

/// What all clients of one account share.
struct Line {
    client: Client,
    settings: HttpSettings,
    budget: Budget,
    breaker: Breaker,
    authorize: Box<dyn Authorize>,
    is_unwell: IsUnwell,
    log: Arc<dyn RequestLog>,
    words: Arc<Words>,
}

/// Whether an answer says that the upstream as a whole is in trouble or refuses the credentials:
/// what that looks like is the upstream's matter.
pub(crate) type IsUnwell = fn(&Answer) -> bool;

/// What an account's client is made of.
pub(crate) struct Parts<'a> {
    pub(crate) settings: &'a HttpSettings,
    pub(crate) rules: &'a EndpointRules,
    pub(crate) ca_bundle: Option<&'a [u8]>,
    pub(crate) rate: RateLimit,
    pub(crate) log: Arc<dyn RequestLog>,
}

type Outcome = std::result::Result<Answer, Failure>;

impl Http {
    /// Makes the client. Sends nothing.
    pub(crate) fn new(
        parts: Parts<'_>,
        authorize: Box<dyn Authorize>,
        is_unwell: IsUnwell,
        words: Arc<Words>,
    ) -> Result<Self> {
        let Parts { settings, rules, ca_bundle, rate, log } = parts;
        let client = client::client(settings, rules, ca_bundle)?;
        let (settings, budget, breaker) = (settings.clone(), Budget::new(rate), Breaker::new());
        let line = Line { client, settings, budget, breaker, authorize, is_unwell, log, words };
        Ok(Self { line: Arc::new(line), errand: Urgency::Change.into() })
    }

    /// The same client for requests of this errand.
    pub(crate) fn on(&self, errand: Errand) -> Self {
        Self { line: Arc::clone(&self.line), errand }
    }

    /// How the account's rate limit stands.
    pub(crate) fn rate(&self) -> Reading {
        self.line.budget.reading()
    }

    /// What this account's upstream said, made fit to be shown.
    pub(crate) fn words(&self) -> &Words {
        &self.line.words
    }

    /// Whether the account failed so often in a row that only probes are sent now.
    pub(crate) fn is_tripped(&self) -> bool {
        self.line.breaker.refuses(Urgency::Background, Instant::now())
    }

    /// Sends the call. Any answer but a redirect is `Ok`: what a status means is the upstream's
    /// matter.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer> {
        let mut attempts = match call.purpose.effect {
            Effect::Read => self.line.settings.read_attempts.max(1),
            Effect::Write => 1,
        };
        let mut pause = self.line.settings.read_backoff;
        loop {
            let outcome = self.attempt(call).await;
            attempts -= 1;
            if attempts == 0 || !self.may_pass(&outcome) {
                return self.judge(call.purpose, outcome);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = pause.saturating_mul(2);
        }
    }

    /// Whether the same read may well succeed in a moment. A probe does not sit out one timeout
    /// after the other: a connection in doubt is to be known as such soon.
    fn may_pass(&self, outcome: &Outcome) -> bool {
        match outcome {
            Err(Failure::TimedOut) if self.errand.urgency == Urgency::Probe => false,
            Err(failure) => failure.may_pass(),
            Ok(answer) => answer.may_pass(),
        }
    }

    fn judge(&self, purpose: Purpose, outcome: Outcome) -> Result<Answer> {
        match outcome {
            Err(failure) => Err(failure.into_error(purpose, &self.line.words)),
            Ok(answer) if (300..400).contains(&answer.status) => Err(answer.redirect(purpose)),
            Ok(answer) => Ok(answer),
        }
    }

    async fn attempt(&self, call: &Call) -> Outcome {
        let purpose = call.purpose;
        let writes = log::writes(&self.errand, purpose);
        if let Some(writes) = writes {
            writes.begins(purpose.system, purpose.operation);
        }
        let outcome = match self.line.admit(&self.errand, call).await {
            Ok((pass, request)) => {
                if let Some(writes) = writes {
                    writes.is_sent();
                }
                let span = log::span(purpose, self.errand.urgency);
                let outcome = self.line.converse(pass, request, purpose).instrument(span.clone()).await;
                log::note(&span, &outcome);
                outcome
            }
            Err(failure) => {
                self.line.log.unsent(purpose.system, failure.code());
                Err(failure)
            }
        };
        if let Some(writes) = writes {
            writes.ended(&log::code(&outcome), outcome.as_ref().ok().and_then(|answer| answer.request_id.as_deref()));
        }
        outcome
    }
}

impl Line {
    /// Waits until the request may be sent.
    async fn admit(&self, errand: &Errand, call: &Call) -> std::result::Result<(Pass, Request), Failure> {
        let urgency = errand.urgency;
        // Asked twice: nobody is to queue up in vain, and much may happen in a queue.
        if self.breaker.refuses(urgency, Instant::now()) {
            return Err(Failure::Tripped);
        }
        let begun = Instant::now();
        self.budget.take(urgency, call.purpose.effect, self.settings.queue_limit).await.map_err(Failure::Queued)?;
        self.log.waited(call.purpose.system, urgency, begun.elapsed());
        if call.purpose.effect == Effect::Write && !errand.may_write() {
            return Err(Failure::Fenced);
        }
        let pass = self.breaker.admit(urgency, Instant::now()).ok_or(Failure::Tripped)?;
        Ok((pass, self.request(call)?))
    }

    /// Sends it, and learns from the answer.
    async fn converse(&self, pass: Pass, request: Request, purpose: Purpose) -> Outcome {
        let begun = Instant::now();
        let outcome = self.exchange(request).await;
        self.learn(pass, begun, &outcome);
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

    async fn exchange(&self, request: Request) -> Outcome {
        let response = self.client.execute(request).await.map_err(|error| Failure::of(&error))?;
        let mut answer = Answer::head(response.status().as_u16(), response.headers());
        answer.body = client::read_body(response, self.settings.body_limit).await?;
        answer.request_id = answer.request_id.map(|id| self.words.clean(&id));
        Ok(answer)
    }

    /// Lets rate and breaker follow how a request ended.
    fn learn(&self, pass: Pass, sent: Instant, outcome: &Outcome) {
        let success = match outcome {
            Err(failure) if failure.may_pass() => false,
            // A judgement on the request or on what stands in between.
            Err(_) | Ok(Answer { status: 300..400, .. }) => return,
            Ok(answer) if answer.status == 429 => {
                self.budget.slow_down(sent);
                if let Some(pause) = answer.retry_after {
                    self.budget.close(pause.min(LONGEST_CLOSING));
                }
                return;
            }
            Ok(answer) => !(self.is_unwell)(answer),
        };
        if success {
            self.budget.speed_up(sent);
        }
        self.breaker.note(pass, success, Instant::now());
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
