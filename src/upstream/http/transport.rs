//! The state that all clients of one account share: connections, rate limit and circuit breaker.

use super::body::BodyReader;
use super::call::{Authorize, Call, Effect, Purpose};
use super::circuit_breaker::{CircuitBreaker, Pass};
use super::client;
use super::dialer::ForbiddenHost;
use super::failure::{AttemptResult, Failure};
use super::log;
use super::log::RequestLog;
use super::proxied_host::ProxiedHosts;
use super::rate_limit::RateLimiter;
use super::response::Response;
use super::settings::{ClientOptions, HttpSettings};
use crate::upstream::redact::Redactor;
use crate::upstream::request::RequestContext;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Request};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The maximum time that one 429 response may stop a whole account, deletions included. The object
/// that got the response waits as long as it asks.
const MAX_PAUSE: Duration = Duration::from_mins(1);

/// Whether a response means that the upstream as a whole is in trouble, or that it rejects the
/// credentials. Each provider decides by its own error codes.
pub(crate) type IsUnwell = fn(&Response) -> bool;

/// The shared state of one account's clients.
pub(super) struct Transport {
    client: Client,
    pub(super) settings: HttpSettings,
    pub(super) rate_limiter: RateLimiter,
    pub(super) circuit_breaker: CircuitBreaker,
    authorize: Box<dyn Authorize>,
    is_unwell: IsUnwell,
    pub(super) log: Arc<dyn RequestLog>,
    bodies: BodyReader,
    proxied_hosts: ProxiedHosts,
    pub(super) redactor: Arc<Redactor>,
}

impl Transport {
    pub(super) fn new(
        options: ClientOptions<'_>,
        authorize: Box<dyn Authorize>,
        is_unwell: IsUnwell,
        redactor: Arc<Redactor>,
    ) -> crate::engine::Result<Self> {
        let ClientOptions { settings, rules, ca_bundle, rate, log } = options;
        Ok(Self {
            client: client::client(settings, rules, ca_bundle)?,
            settings: settings.clone(),
            proxied_hosts: ProxiedHosts::new(rules.clone(), settings.proxy.clone()),
            bodies: BodyReader::new(settings.body_limit, settings.weight_limit, settings.large_bodies.clone()),
            rate_limiter: RateLimiter::new(rate),
            circuit_breaker: CircuitBreaker::new(),
            authorize,
            is_unwell,
            log,
            redactor,
        })
    }

    /// Waits until the request may be sent.
    pub(super) async fn admit(
        &self,
        request_context: &RequestContext,
        call: &Call,
    ) -> Result<(Pass, Request), Failure> {
        let priority = request_context.priority;
        // Checked twice: before the queue, to fail fast, and after it, because the breaker may have
        // opened in the meantime.
        if self.circuit_breaker.refuses(priority, Instant::now()) {
            return Err(Failure::Tripped);
        }
        let begun = Instant::now();
        self.rate_limiter
            .take(priority, &request_context.namespace, call.purpose.effect, self.settings.queue_limit)
            .await
            .map_err(Failure::Queued)?;
        self.log.waited(call.purpose.system, priority, begun.elapsed());
        if call.purpose.effect == Effect::Write && !request_context.may_write() {
            return Err(Failure::Fenced);
        }
        let pass = self.circuit_breaker.admit(priority, Instant::now()).ok_or(Failure::Tripped)?;
        Ok((pass, self.request(call)?))
    }

    /// Sends the request, and records the result in rate limit, circuit breaker and log.
    pub(super) async fn send_recorded(&self, pass: Pass, request: Request, purpose: Purpose) -> AttemptResult {
        let begun = Instant::now();
        let result = self.send(request).await;
        self.record_result(pass, begun, &result);
        self.log.request(purpose.system, purpose.operation, &log::code(&result), begun.elapsed());
        result
    }

    fn request(&self, call: &Call) -> Result<Request, Failure> {
        let mut request = Request::new(call.method.clone(), call.url.clone());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json.clone());
        // Without this header a server may choose any encoding, and the limit on the body is one of plain bytes.
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Some gateways require it also for requests without a body.
        request.headers_mut().insert(CONTENT_TYPE, json);
        if let Some(body) = &call.body {
            *request.body_mut() = Some(body.to_string().into());
        }
        self.authorize.authorize(&mut request).map_err(Failure::Credentials)?;
        Ok(request)
    }

    async fn send(&self, request: Request) -> AttemptResult {
        let forbidden = |forbidden: ForbiddenHost| Failure::Forbidden(forbidden.to_string());
        self.proxied_hosts.check(request.url()).await.map_err(forbidden)?;
        let failed = |error: reqwest::Error| Failure::of(&error, self.settings.proxy.as_ref());
        let received = self.client.execute(request).await.map_err(failed)?;
        let mut response = Response::head(received.status().as_u16(), received.headers());
        let body = self.bodies.read(received);
        let body = tokio::time::timeout(self.settings.request_timeout, body).await.map_err(|_| Failure::TimedOut)??;
        (response.body, response.weight, response.permits) = (body.bytes, body.weight, body.permits);
        response.request_id = response.request_id.map(|id| self.redactor.clean(&id));
        Ok(response)
    }

    /// Adapts rate limit and circuit breaker to the result of a request.
    fn record_result(&self, pass: Pass, sent: Instant, result: &AttemptResult) {
        let success = match result {
            Err(failure) if failure.is_transient() => false,
            // They say something about this request or about the network path, not about the upstream.
            Err(_) | Ok(Response { status: 300..400, .. }) => return,
            Ok(response) if response.status == 429 => {
                self.rate_limiter.slow_down(sent);
                if let Some(pause) = response.retry_after {
                    self.rate_limiter.close(pause.min(MAX_PAUSE));
                }
                return;
            }
            Ok(response) => !(self.is_unwell)(response),
        };
        if success {
            self.rate_limiter.speed_up(sent);
        }
        self.circuit_breaker.record(pass, success, Instant::now());
    }
}
