//! The one HTTP client: timeouts, a cap on what is read, no redirects, no proxies, a rate limit,
//! one log line a request, and failures that know whether the request can have had an effect.
//!
//! Reads are tried a few times; writes are sent once, because only the caller can look whether a
//! lost write has landed. A request is authorized anew for each attempt, since signatures age.

mod answer;
mod budget;
mod dialer;
mod failure;
#[cfg(test)]
mod fuzz;

pub(crate) use answer::Answer;

use super::EndpointRules;
use super::words::Words;
use crate::api::connection::RateLimit;
use crate::engine::{ErrorKind, Result, UpstreamError};
use budget::Budget;
use dialer::Dialer;
use failure::Failure;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Method, Request, Response, redirect};
use serde_json::Value;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
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

/// Told of every request, once it has ended: the source of metrics and debug logs.
pub trait RequestLog: Send + Sync {
    /// `system` is the collection, such as `ncloud/policy`; `operation` what was asked, such as
    /// `create policy`; `code` the HTTP status or, without one, a kind of failure. All three are
    /// of bounded sets, fit for metric labels.
    fn request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration);
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

/// The client of one account.
pub(crate) struct Http {
    client: Client,
    settings: HttpSettings,
    budget: Budget,
    authorize: Box<dyn Authorize>,
    log: Arc<dyn RequestLog>,
    words: Arc<Words>,
}

/// What an account's client is made of.
pub(crate) struct Parts<'a> {
    pub(crate) settings: &'a HttpSettings,
    pub(crate) rules: &'a EndpointRules,
    pub(crate) ca_bundle: Option<&'a [u8]>,
    pub(crate) rate: RateLimit,
    pub(crate) log: Arc<dyn RequestLog>,
}

impl Http {
    /// Makes the client. Sends nothing.
    pub(crate) fn new(parts: Parts<'_>, authorize: Box<dyn Authorize>, words: Arc<Words>) -> Result<Self> {
        let Parts { settings, rules, ca_bundle, rate, log } = parts;
        let client = client(settings, rules, ca_bundle)?;
        Ok(Self { client, settings: settings.clone(), budget: Budget::new(rate), authorize, log, words })
    }

    /// What this account's upstream said, made fit to be shown.
    pub(crate) fn words(&self) -> &Words {
        &self.words
    }

    /// Sends the call. Any answer but a redirect is `Ok`: what a status means is the upstream's
    /// matter.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer> {
        let mut attempts = match call.purpose.effect {
            Effect::Read => self.settings.read_attempts.max(1),
            Effect::Write => 1,
        };
        let mut pause = self.settings.read_backoff;
        loop {
            let outcome = self.attempt(call).await;
            attempts -= 1;
            let passing = outcome.as_ref().map_or_else(Failure::may_pass, Answer::may_pass);
            if attempts == 0 || !passing {
                return self.judge(call.purpose, outcome);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = pause.saturating_mul(2);
        }
    }

    fn judge(&self, purpose: Purpose, outcome: std::result::Result<Answer, Failure>) -> Result<Answer> {
        match outcome {
            Err(failure) => Err(failure.into_error(purpose, &self.words)),
            Ok(answer) if (300..400).contains(&answer.status) => Err(answer.redirect(purpose)),
            Ok(answer) => {
                if let (429, Some(pause)) = (answer.status, answer.retry_after) {
                    self.budget.close(pause.min(LONGEST_CLOSING));
                }
                Ok(answer)
            }
        }
    }

    async fn attempt(&self, call: &Call) -> std::result::Result<Answer, Failure> {
        let limit = self.settings.queue_limit;
        self.budget.take(call.purpose.effect, limit).await.map_err(Failure::Queued)?;
        let request = self.request(call)?;
        let begun = Instant::now();
        let outcome = self.exchange(request).await;
        let status = outcome.as_ref().map(|answer| answer.status.to_string());
        let code = status.as_deref().unwrap_or_else(|failure| failure.code());
        self.log.request(call.purpose.system, call.purpose.operation, code, begun.elapsed());
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

    async fn exchange(&self, request: Request) -> std::result::Result<Answer, Failure> {
        let response = self.client.execute(request).await.map_err(|error| Failure::of(&error))?;
        let mut answer = Answer::head(response.status().as_u16(), response.headers());
        answer.body = read_body(response, self.settings.body_limit).await?;
        answer.request_id = answer.request_id.map(|id| self.words.clean(&id));
        Ok(answer)
    }
}

/// Reads no more than `limit` bytes, whatever the length that was announced.
async fn read_body(mut response: Response, limit: usize) -> std::result::Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::cut(&error))? {
        if body.len() + chunk.len() > limit {
            return Err(Failure::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn client(settings: &HttpSettings, rules: &EndpointRules, ca_bundle: Option<&[u8]>) -> Result<Client> {
    let builder = Client::builder()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        // Shorter than servers keep idle connections: a write on one that is just being closed
        // would be a write whose outcome nobody knows.
        .pool_idle_timeout(Duration::from_secs(10))
        .user_agent(&settings.user_agent)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        // The rules on addresses would judge the proxy instead of the upstream.
        .no_proxy()
        .dns_resolver(Dialer::new(rules.clone()));
    let builder = match ca_bundle {
        Some(pem) => builder.tls_certs_only(certificates(pem)?),
        None => builder,
    };
    builder.build().map_err(|error| {
        let culprit = if ca_bundle.is_some() { "the CA bundle cannot be used" } else { "cannot make an HTTP client" };
        let why = format!("{culprit}: {}", failure::deepest(&error));
        UpstreamError::new(ErrorKind::InvalidReference, "open connection", why)
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>> {
    let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
    if found.is_empty() {
        let why = "caBundleSecretRef: ca.crt holds no PEM certificate";
        return Err(UpstreamError::new(ErrorKind::InvalidReference, "open connection", why));
    }
    Ok(found)
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

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        // An error means that another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----"] {
            let error = client(&HttpSettings::default(), &EndpointRules::default(), Some(pem.as_bytes())).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidReference);
            assert!(error.message.contains("ca.crt") || error.message.contains("CA bundle"), "{error}");
        }
    }
}
