//! The proxy between the network and an upstream: it injects faults and writes the journal.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::clock::Clock;
use crate::exchange::{Answer, Call, Identity, Reply, Upstream};
use crate::faults::{Action, Decision, Fault, Faults, Matching, RequestInfo, When};
use crate::journal::{Entry, Journal, System};
use crate::server::{Body, Disconnect, Handler, read, response, streaming};
use crate::streams;

/// One simulator's upstream with its journal, faults and clock.
#[derive(Clone)]
pub(crate) struct FaultProxy {
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
}

impl Handler for FaultProxy {
    fn name(&self) -> &'static str {
        match self.upstream.system() {
            System::Ncloud => "ncloud",
            System::Spaceone => "spaceone",
        }
    }

    fn respond(&self, request: Request<Incoming>) -> BoxFuture<'_, Result<Response<Body>, Disconnect>> {
        self.answer(request).boxed()
    }
}

impl FaultProxy {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Disconnect> {
        let (call, whole) = read(request, self.upstream.body_limit()).await?;
        let identity = self.upstream.identify(&call);
        let text = String::from_utf8_lossy(&call.body);
        let info = RequestInfo {
            operation: identity.operation,
            collection: identity.collection,
            method: call.method.as_str(),
            target: &call.target,
            body: &text,
            agent: call.header("user-agent").unwrap_or_default(),
        };
        let fault = match self.faults.decide(&info) {
            Some(Decision::DelayAnswer(until)) => return Ok(self.delay_answer(&call, &identity, whole, until).await),
            Some(Decision::Inject(when, action)) => Some(decided_fault(when, action)),
            None => self.faults.take(&info),
        };
        match fault {
            Some(Fault { action: Action::Late(delay), .. }) => self.postpone(call, identity, whole, delay),
            Some(fault) if fault.when == When::Before => self.inject_before(&call, &identity, whole, fault).await,
            Some(fault) => self.inject_after(&call, &identity, whole, fault).await,
            None => Ok(self.forward(&call, &identity, whole)),
        }
    }

    async fn delay_answer(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        until: BoxFuture<'static, ()>,
    ) -> Response<Body> {
        let response = self.forward(call, identity, whole);
        until.await;
        response
    }

    /// Cuts the connection and carries out the request later. A separate task does so, because the task
    /// that serves the connection ends with the connection.
    fn postpone(
        &self,
        call: Call,
        identity: Identity,
        whole: bool,
        delay: Duration,
    ) -> Result<Response<Body>, Disconnect> {
        let proxy = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let answer = proxy.carry_out(&call, whole);
            proxy.record(&call, &identity, &answer, None);
        });
        Err(Disconnect)
    }

    fn forward(&self, call: &Call, identity: &Identity, whole: bool) -> Response<Body> {
        let answer = self.carry_out(call, whole);
        self.record(call, identity, &answer, Some(answer.reply.status.as_u16()));
        response(answer.reply, self.clock.now())
    }

    async fn inject_before(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        fault: Fault,
    ) -> Result<Response<Body>, Disconnect> {
        tokio::time::sleep(fault.latency).await;
        if fault.action == Action::Pass {
            return Ok(self.forward(call, identity, whole));
        }
        let unanswered = Answer::read(Reply::empty(500));
        self.record(call, identity, &unanswered, fault.action.sent_status());
        self.faulty_response(fault.action).await
    }

    async fn inject_after(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        fault: Fault,
    ) -> Result<Response<Body>, Disconnect> {
        let answer = self.carry_out(call, whole);
        if fault.action == Action::Pass {
            self.record(call, identity, &answer, Some(answer.reply.status.as_u16()));
            tokio::time::sleep(fault.latency).await;
            return Ok(response(answer.reply, self.clock.now()));
        }
        self.record(call, identity, &answer, fault.action.sent_status());
        tokio::time::sleep(fault.latency).await;
        self.faulty_response(fault.action).await
    }

    fn carry_out(&self, call: &Call, whole: bool) -> Answer {
        if whole { self.upstream.answer(call) } else { Answer::read(self.upstream.too_large()) }
    }

    fn record(&self, call: &Call, identity: &Identity, answer: &Answer, status: Option<u16>) {
        self.journal.push(Entry {
            seq: 0,
            at: self.clock.now(),
            system: self.upstream.system(),
            method: call.method.to_string(),
            target: call.target.clone(),
            operation: identity.operation,
            collection: identity.collection,
            object_id: answer.created.clone().or_else(|| identity.object_id.clone()),
            status,
            request_body: String::from_utf8_lossy(&call.body).into_owned(),
            effect: answer.effect,
        });
    }

    async fn faulty_response(&self, action: Action) -> Result<Response<Body>, Disconnect> {
        let now = self.clock.now();
        Ok(match action {
            // Callers handle `Pass` and `Late`, which have no answer to send.
            Action::Pass | Action::Reset | Action::Late(_) => return Err(Disconnect),
            Action::Timeout(silence) => {
                tokio::time::sleep(silence).await;
                return Err(Disconnect);
            }
            Action::Status { code, body, headers } => {
                let mut reply = Reply::text(code, "application/json", body);
                reply.headers.extend(headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)));
                response(reply, now)
            }
            Action::Html => response(Reply::text(200, "text/html", streams::HTML), now),
            Action::Empty => response(Reply::empty(200), now),
            Action::Redirect(to) => response(Reply::empty(307).with_header("location", to), now),
            Action::WrongType => response(Reply::text(200, "application/json", streams::WRONG_TYPES), now),
            Action::Bomb => {
                let bomb = Reply::text(200, "application/json", streams::bomb());
                response(bomb.with_header("content-encoding", "gzip"), now)
            }
            Action::EndlessBody => streaming(streams::endless(), now),
            Action::SlowDrip => streaming(streams::drip(), now),
        })
    }
}

fn decided_fault(when: When, action: Action) -> Fault {
    Fault { when, action, ..Fault::matching(Matching::default()) }
}
