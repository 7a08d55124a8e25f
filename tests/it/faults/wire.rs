//! The way of one process to the API server: a layer over the client that takes every write to the
//! sequence and does to it what it is told, shows old revisions, and can put the watches to sleep.

use super::script::{Blow, Edge, Incident, Nature};
use super::stage::Stage;
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

/// What watches see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// What happens, as it happens.
    Clear,
    /// Nothing; what is missed comes afterwards.
    Late,
    /// Nothing; what is missed stays so.
    Lost,
}

/// The eyes of one process.
#[derive(Debug)]
pub struct Eyes {
    sight: watch::Sender<Sight>,
    /// Lists show the objects of this revision.
    revision: Option<String>,
    /// Whether the watch stands.
    watches: AtomicBool,
}

impl Eyes {
    /// Eyes that see, or those that see an old revision and no changes yet.
    pub fn new(revision: Option<String>) -> Arc<Self> {
        let sight = if revision.is_some() { Sight::Late } else { Sight::Clear };
        Arc::new(Self { sight: watch::channel(sight).0, revision, watches: AtomicBool::default() })
    }

    /// Whether the process sees what happens.
    pub fn watches(&self) -> bool {
        self.watches.load(Ordering::SeqCst)
    }

    /// From now on it sees so; a watch that stands and is to see what it sees already goes on standing.
    pub fn set(&self, sight: Sight) {
        self.sight.send_if_modified(|now| {
            let other = *now != sight;
            if other {
                // Before the watch can hear of it and stand again.
                self.watches.store(false, Ordering::SeqCst);
                *now = sight;
            }
            other
        });
    }
}

/// The wire of one process.
#[derive(Clone)]
pub struct Wire {
    pub stage: Arc<Stage>,
    pub sequence: Arc<Sequence>,
    pub life: u32,
    pub eyes: Arc<Eyes>,
}

/// What a request asks for.
enum Ask {
    Write(String, bool),
    List,
    Watch,
    Other,
}

impl Wire {
    /// A client on this wire.
    pub fn client(&self) -> Client {
        let wire = self.clone();
        Client::new(tower::service_fn(move |request| wire.clone().carry(request)), "default")
    }

    async fn carry(self, request: Request<Body>) -> Result<Answer, BoxError> {
        match self.ask(&request) {
            Ask::Write(name, ours) => self.write(&name, ours, request).await,
            Ask::List => self.list(request).await,
            Ask::Watch => self.watch(request).await,
            Ask::Other => self.send(request).await,
        }
    }

    fn ask(&self, request: &Request<Body>) -> Ask {
        let parts: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        // /api/VERSION or /apis/GROUP/VERSION, then perhaps namespaces/NAME.
        let rest = parts.get(if parts.first() == Some(&"api") { 2 } else { 3 }..).unwrap_or_default();
        let rest = if rest.len() > 2 && rest[0] == "namespaces" { &rest[2..] } else { rest };
        let resource = rest.first().copied().unwrap_or_default();
        let ours = resource == self.stage.target.resource();
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
        Ok(self.stage.operator.send(request).await?.map(BodyExt::boxed_unsync))
    }

    async fn write(&self, name: &str, ours: bool, request: Request<Body>) -> Result<Answer, BoxError> {
        let (blow, place) = self.sequence.arrive(self.life, Nature::KubeWrite, name);
        match blow {
            None | Some(Blow::Jump(_)) => self.carry_out(place, ours, request).await,
            Some(Blow::Blind) => {
                self.sequence.tell(Incident::Blind);
                self.carry_out(place, ours, request).await
            }
            Some(Blow::Crash(Edge::After)) => {
                // What came of it nobody hears.
                let _ = self.carry_out(place, ours, request).await;
                self.sequence.tell(Incident::Crash);
                pending().await
            }
            Some(Blow::Gone) => pending().await,
            Some(Blow::Crash(Edge::Before) | Blow::CrashLate(_)) => {
                self.sequence.tell(Incident::Crash);
                pending().await
            }
            Some(Blow::HandOver) => {
                let answer = self.carry_out(place, ours, request).await;
                let (release, held) = oneshot::channel();
                self.sequence.tell(Incident::HandOver(release));
                drop(held.await);
                answer
            }
            Some(Blow::Answer(Edge::Before, code, _)) => Ok(status(code)),
            Some(Blow::Answer(Edge::After, code, _)) => {
                self.carry_out(place, ours, request).await.map(|_| status(code))
            }
            Some(Blow::Cut(Edge::After)) => {
                self.carry_out(place, ours, request).await?;
                Err(cut())
            }
            Some(Blow::Cut(Edge::Before) | Blow::Silence(_) | Blow::Late(_)) => Err(cut()),
        }
    }

    /// Sends it, and takes note of the revision that it made.
    async fn carry_out(&self, place: usize, ours: bool, request: Request<Body>) -> Result<Answer, BoxError> {
        let sent = self.stage.operator.send(request).await;
        let (parts, body) = sent.inspect_err(|_| self.sequence.answered(place, true))?.into_parts();
        let bytes = body.collect_bytes().await.inspect_err(|_| self.sequence.answered(place, true))?;
        let done = parts.status.is_success();
        self.sequence.answered(place, !done);
        if done && ours {
            self.judge(&serde_json::from_slice(&bytes)?);
        }
        Ok(Response::from_parts(parts, whole(bytes)))
    }

    /// The object as a write has left it.
    fn judge(&self, object: &Value) {
        let meta = &object["metadata"];
        self.sequence.revision(meta["resourceVersion"].as_str().unwrap_or_default());
        let uid = meta["uid"].as_str().unwrap_or_default();
        let is_held = meta["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        if !is_held && object["spec"]["deletionPolicy"] != "Orphan" && self.stage.bears_stamp(uid) {
            self.sequence.accuse("let go of an object that is still upstream".to_owned());
        }
    }

    async fn list(&self, mut request: Request<Body>) -> Result<Answer, BoxError> {
        if let Some(revision) = self.eyes.revision.as_ref().filter(|_| *self.eyes.sight.borrow() == Sight::Late) {
            let uri = format!("{}&resourceVersion={revision}&resourceVersionMatch=Exact", request.uri());
            *request.uri_mut() = uri.parse::<Uri>()?;
        }
        self.send(request).await
    }

    async fn watch(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        let mut sight = self.eyes.sight.subscribe();
        let before = *sight.borrow();
        // The sender lives as long as the eyes.
        let _ = sight.wait_for(|sight| *sight == Sight::Clear).await;
        if before == Sight::Lost {
            return Ok(Response::new(whole(gone().into())));
        }
        let answer = self.send(request).await?;
        self.eyes.watches.store(true, Ordering::SeqCst);
        Ok(answer.map(|body| {
            let closed = async move { drop(sight.wait_for(|sight| *sight != Sight::Clear).await) };
            StreamBody::new(http_body_util::BodyStream::new(body).take_until(Box::pin(closed))).boxed_unsync()
        }))
    }
}

fn cut() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut on purpose").into()
}

fn whole(bytes: Bytes) -> UnsyncBoxBody<Bytes, kube::Error> {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A refusal, as the API server words it.
fn refusal(code: u16) -> Value {
    let reason = match code {
        409 => "Conflict",
        410 => "Expired",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused on purpose", "reason": reason, "code": code })
}

fn status(code: u16) -> Answer {
    let mut answer = Response::new(whole(refusal(code).to_string().into()));
    *answer.status_mut() = code.try_into().unwrap();
    answer
}

/// What a watch is told that asks for a revision which was compacted away.
fn gone() -> String {
    format!("{}\n", json!({ "type": "ERROR", "object": refusal(410) }))
}

#[test]
fn eyes_that_see_are_not_closed_by_being_told_to_see() {
    let eyes = Eyes::new(None);
    eyes.watches.store(true, Ordering::SeqCst);
    eyes.set(Sight::Clear);
    assert!(eyes.watches(), "the watch that stands will not stand a second time");
    eyes.set(Sight::Lost);
    assert!(!eyes.watches());
}
