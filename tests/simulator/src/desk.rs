//! Between the network and an upstream: strikes with faults, writes the journal.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::clock::Clock;
use crate::exchange::{Answer, Call, Identity, Reply, Upstream};
use crate::faults::{Action, Cue, Fault, Faults, Matching, Subject, When};
use crate::journal::{Entry, Journal, System};
use crate::server::{Body, Cut, Site, read, response, streaming};
use crate::streams;

/// One simulator's upstream and the things that watch and disturb it.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
}

impl Site for Desk {
    fn name(&self) -> &'static str {
        match self.upstream.system() {
            System::Ncloud => "ncloud",
            System::Spaceone => "spaceone",
        }
    }

    fn respond(&self, request: Request<Incoming>) -> BoxFuture<'_, Result<Response<Body>, Cut>> {
        self.answer(request).boxed()
    }
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let (call, whole) = read(request, self.upstream.body_limit()).await?;
        let identity = self.upstream.identify(&call);
        let text = String::from_utf8_lossy(&call.body);
        let subject = Subject {
            operation: identity.operation,
            collection: identity.collection,
            method: call.method.as_str(),
            target: &call.target,
            body: &text,
            agent: call.header("user-agent").unwrap_or_default(),
        };
        let fault = match self.faults.cue(&subject) {
            Some(Cue::Hold(until)) => return Ok(self.held(&call, &identity, whole, until).await),
            Some(Cue::Strike(when, action)) => Some(directed(when, action)),
            None => self.faults.strike(&subject),
        };
        match fault {
            Some(Fault { action: Action::Late(delay), .. }) => self.postpone(call, identity, whole, delay),
            Some(fault) if fault.when == When::Before => self.struck_before(&call, &identity, whole, fault).await,
            Some(fault) => self.struck_after(&call, &identity, whole, fault).await,
            None => Ok(self.undisturbed(&call, &identity, whole)),
        }
    }

    async fn held(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        until: BoxFuture<'static, ()>,
    ) -> Response<Body> {
        let response = self.undisturbed(call, identity, whole);
        until.await;
        response
    }

    /// Cuts the connection and carries the request out later, on a task of its own: the one that
    /// serves the connection ends with it.
    fn postpone(&self, call: Call, identity: Identity, whole: bool, delay: Duration) -> Result<Response<Body>, Cut> {
        let desk = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let answer = desk.decide(&call, whole);
            desk.record(&call, &identity, &answer, None);
        });
        Err(Cut)
    }

    fn undisturbed(&self, call: &Call, identity: &Identity, whole: bool) -> Response<Body> {
        let answer = self.decide(call, whole);
        self.record(call, identity, &answer, Some(answer.reply.status.as_u16()));
        response(answer.reply, self.clock.now())
    }

    async fn struck_before(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        fault: Fault,
    ) -> Result<Response<Body>, Cut> {
        tokio::time::sleep(fault.latency).await;
        if fault.action == Action::Pass {
            return Ok(self.undisturbed(call, identity, whole));
        }
        let nothing = Answer::read(Reply::empty(500));
        self.record(call, identity, &nothing, fault.action.sent_status());
        self.disturb(fault.action).await
    }

    async fn struck_after(
        &self,
        call: &Call,
        identity: &Identity,
        whole: bool,
        fault: Fault,
    ) -> Result<Response<Body>, Cut> {
        let answer = self.decide(call, whole);
        if fault.action == Action::Pass {
            self.record(call, identity, &answer, Some(answer.reply.status.as_u16()));
            tokio::time::sleep(fault.latency).await;
            return Ok(response(answer.reply, self.clock.now()));
        }
        self.record(call, identity, &answer, fault.action.sent_status());
        tokio::time::sleep(fault.latency).await;
        self.disturb(fault.action).await
    }

    fn decide(&self, call: &Call, whole: bool) -> Answer {
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

    async fn disturb(&self, action: Action) -> Result<Response<Body>, Cut> {
        let now = self.clock.now();
        Ok(match action {
            // Callers handle `Pass` and `Late`; an answer that never was cannot be sent.
            Action::Pass | Action::Reset | Action::Late(_) => return Err(Cut),
            Action::Timeout(silence) => {
                tokio::time::sleep(silence).await;
                return Err(Cut);
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

fn directed(when: When, action: Action) -> Fault {
    Fault { when, action, ..Fault::matching(Matching::default()) }
}
