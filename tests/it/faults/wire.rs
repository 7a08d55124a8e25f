//! The connection of one process to the API server: a layer over the client that asks the sequence about every
//! write, shows old revisions, and can stop the watches.

use super::environment::Environment;
use super::oracles::check_write;
use super::schedule::{Fault, Incident, StepKind, Timing};
use super::steps::Sequence;
use axum::http::{Method, Request, Response, Uri};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{oneshot, watch};
use tower::BoxError;

type Answer = Response<UnsyncBoxBody<Bytes, kube::Error>>;

/// The events that watches receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchMode {
    /// Events arrive as they happen.
    Live,
    /// No events arrive; the missed ones arrive later.
    Delayed,
    /// No events arrive; the missed ones are lost.
    Lost,
}

/// Controls the lists and watches of one process.
#[derive(Debug)]
pub struct WatchControl {
    mode: watch::Sender<WatchMode>,
    /// Lists show the objects of this revision.
    revision: Option<String>,
    /// Whether the watch is open.
    watches: AtomicBool,
}

impl WatchControl {
    /// Returns a control with open watches; or, with a revision, one whose lists are old and whose watches
    /// receive nothing yet.
    pub fn new(revision: Option<String>) -> Arc<Self> {
        let mode = if revision.is_some() { WatchMode::Delayed } else { WatchMode::Live };
        Arc::new(Self { mode: watch::channel(mode).0, revision, watches: AtomicBool::default() })
    }

    /// Returns whether the watch of the process is open.
    pub fn is_watching(&self) -> bool {
        self.watches.load(Ordering::SeqCst)
    }

    /// Changes the mode. A watch that is open in this mode stays open.
    pub fn set_mode(&self, mode: WatchMode) {
        self.mode.send_if_modified(|current| {
            let differs = *current != mode;
            if differs {
                // Before the watch can notice and open again.
                self.watches.store(false, Ordering::SeqCst);
                *current = mode;
            }
            differs
        });
    }
}

/// The connection of one process to the API server.
#[derive(Clone)]
pub struct Wire {
    pub environment: Arc<Environment>,
    pub sequence: Arc<Sequence>,
    pub process: u32,
    pub watch_control: Arc<WatchControl>,
}

/// The kind of a request.
enum Ask {
    Write(String, bool),
    List,
    Watch,
    Other,
}

impl Wire {
    /// Returns a client that uses this connection.
    pub fn client(&self) -> Client {
        let wire = self.clone();
        Client::new(tower::service_fn(move |request| wire.clone().handle(request)), "default")
    }

    async fn handle(self, request: Request<Body>) -> Result<Answer, BoxError> {
        match self.ask(&request) {
            Ask::Write(name, ours) => self.write(&name, ours, request).await,
            Ask::List => self.list(request).await,
            Ask::Watch => self.watch(request).await,
            Ask::Other => self.send(request).await,
        }
    }

    fn ask(&self, request: &Request<Body>) -> Ask {
        let parts: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        // `/api/VERSION` or `/apis/GROUP/VERSION`, then perhaps `namespaces/NAME`.
        let rest = parts.get(if parts.first() == Some(&"api") { 2 } else { 3 }..).unwrap_or_default();
        let rest = if rest.len() > 2 && rest[0] == "namespaces" { &rest[2..] } else { rest };
        let resource = rest.first().copied().unwrap_or_default();
        let ours = resource == self.environment.target.resource();
        if request.method() != Method::GET {
            if matches!(resource, "events" | "leases") {
                return Ask::Other;
            }
            let part = rest.get(2).map(|part| format!("/{part}")).unwrap_or_default();
            return Ask::Write(format!("kube {} {resource}{part}", request.method()), ours);
        }
        let watches = request.uri().query().unwrap_or_default().split('&').any(|pair| pair.starts_with("watch="));
        match (ours, rest.len()) {
            (true, 1) if watches => Ask::Watch,
            (true, 1) => Ask::List,
            _ => Ask::Other,
        }
    }

    async fn send(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        Ok(self.environment.operator.send(request).await?.map(BodyExt::boxed_unsync))
    }

    async fn write(&self, name: &str, ours: bool, request: Request<Body>) -> Result<Answer, BoxError> {
        let (fault, index) = self.sequence.on_step(self.process, StepKind::KubeWrite, name);
        match fault {
            None | Some(Fault::ClockJump(_)) => self.execute(name, index, ours, request).await,
            Some(Fault::MissedEvents) => {
                self.sequence.report(Incident::MissedEvents);
                self.execute(name, index, ours, request).await
            }
            Some(Fault::Crash(Timing::After)) => {
                // The process crashes, so the result is dropped.
                let _ = self.execute(name, index, ours, request).await;
                self.sequence.report(Incident::Crash);
                pending().await
            }
            Some(Fault::ProcessEnded) => pending().await,
            Some(Fault::Crash(Timing::Before) | Fault::CrashDelayed(_)) => {
                self.sequence.report(Incident::Crash);
                pending().await
            }
            Some(Fault::LeadershipLost) => {
                let answer = self.execute(name, index, ours, request).await;
                let (release, released) = oneshot::channel();
                self.sequence.report(Incident::LeadershipLost(release));
                drop(released.await);
                answer
            }
            Some(Fault::Outside(what)) => {
                let answer = self.execute(name, index, ours, request).await;
                self.sequence.admit(what).await;
                answer
            }
            Some(Fault::Status(Timing::Before, code, _)) => Ok(status(code)),
            Some(Fault::Status(Timing::After, code, _)) => {
                self.execute(name, index, ours, request).await.map(|_| status(code))
            }
            Some(Fault::Cut(Timing::After)) => {
                self.execute(name, index, ours, request).await?;
                Err(cut())
            }
            Some(Fault::Cut(Timing::Before) | Fault::NoResponse(_) | Fault::Delayed(_)) => Err(cut()),
        }
    }

    /// Sends a write, and records the revision that it made.
    async fn execute(&self, name: &str, index: usize, ours: bool, request: Request<Body>) -> Result<Answer, BoxError> {
        let sent = self.environment.operator.send(request).await;
        let (parts, body) = sent.inspect_err(|_| self.sequence.answered(index, true))?.into_parts();
        let bytes = body.collect_bytes().await.inspect_err(|_| self.sequence.answered(index, true))?;
        let done = parts.status.is_success();
        self.sequence.answered(index, !done);
        if done && ours {
            let object: Value = serde_json::from_slice(&bytes)?;
            self.sequence.revision(object["metadata"]["resourceVersion"].as_str().unwrap_or_default());
            check_write(&self.environment, &self.sequence, name, &object);
        }
        Ok(Response::from_parts(parts, whole(bytes)))
    }

    async fn list(&self, mut request: Request<Body>) -> Result<Answer, BoxError> {
        if let Some(revision) =
            self.watch_control.revision.as_ref().filter(|_| *self.watch_control.mode.borrow() == WatchMode::Delayed)
        {
            let uri = format!("{}&resourceVersion={revision}&resourceVersionMatch=Exact", request.uri());
            *request.uri_mut() = uri.parse::<Uri>()?;
        }
        self.send(request).await
    }

    async fn watch(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        let mut mode = self.watch_control.mode.subscribe();
        let before = *mode.borrow();
        // The sender lives as long as the control.
        let _ = mode.wait_for(|mode| *mode == WatchMode::Live).await;
        if before == WatchMode::Lost {
            return Ok(Response::new(whole(gone().into())));
        }
        let answer = self.send(request).await?;
        self.watch_control.watches.store(true, Ordering::SeqCst);
        Ok(answer.map(|body| {
            let closed = async move { drop(mode.wait_for(|mode| *mode != WatchMode::Live).await) };
            StreamBody::new(http_body_util::BodyStream::new(body).take_until(Box::pin(closed))).boxed_unsync()
        }))
    }
}

fn cut() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test").into()
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, kube::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Returns a refusal in the format of the API server.
fn refusal(code: u16) -> Value {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused by the test", "reason": reason, "code": code })
}

fn status(code: u16) -> Answer {
    let mut answer = Response::new(whole(refusal(code).to_string().into()));
    *answer.status_mut() = code.try_into().unwrap();
    answer
}

/// Returns the response to a watch whose revision was compacted.
fn gone() -> String {
    format!("{}\n", json!({ "type": "ERROR", "object": refusal(410) }))
}

#[test]
fn live_watch_stays_open_when_set_to_live_again() {
    let watch_control = WatchControl::new(None);
    watch_control.watches.store(true, Ordering::SeqCst);
    watch_control.set_mode(WatchMode::Live);
    assert!(watch_control.is_watching(), "the open watch does not open a second time");
    watch_control.set_mode(WatchMode::Lost);
    assert!(!watch_control.is_watching());
}
