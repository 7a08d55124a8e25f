//! HTTP plumbing shared by the simulators: a listener on a thread of its own, faults, the journal.
//!
//! The thread has its own runtime, so that a simulator answers whatever the test's runtime is doing
//! (blocked, paused, already gone). Dropping [`Running`] cuts all connections and frees the port.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::exchange::{Answer, Call, Identity, Reply, Upstream, status_code};
use crate::faults::{Action, Fault, Faults, Subject, When};
use crate::journal::{Entry, Journal};
use crate::streams;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// The connection is to be cut without an answer.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// One simulator's upstream and the things that watch and disturb it.
pub(crate) struct Desk {
    pub(crate) upstream: Arc<dyn Upstream>,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
}

/// A listener that serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Binds and serves; returns once connections are accepted.
    pub(crate) async fn start(listen: SocketAddr, desk: Desk) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (ready, bound) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("simulator-{:?}", desk.upstream.system()).to_lowercase())
            .spawn(move || run(listen, Arc::new(desk), ready, stopped))?;
        let address = bound.await.map_err(|_| io::Error::other("simulator thread ended early"))??;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Joining makes the freed port a fact when the owner goes on; the thread has nothing left to wait for.
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn run(
    listen: SocketAddr,
    desk: Arc<Desk>,
    ready: oneshot::Sender<io::Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _unheard = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async move {
        let bound = TcpListener::bind(listen).await.and_then(|l| Ok((l.local_addr()?, l)));
        let (address, listener) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                let _unheard = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(address)).is_ok() {
            tokio::select! {
                () = accept(listener, desk) => {}
                _ = stopped => {}
            }
        }
    });
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&desk)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request| respond(Arc::clone(&desk), request));
    // A cut or a client that went away ends the connection; neither is news.
    let _ended = hyper::server::conn::http1::Builder::new()
        // The date of the simulated server is sent instead: clients detect skew by it.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(desk: Arc<Desk>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (call, whole) = read(request, desk.upstream.body_limit()).await?;
    let identity = desk.upstream.identify(&call);
    let text = String::from_utf8_lossy(&call.body);
    let subject = Subject {
        operation: identity.operation,
        collection: identity.collection,
        method: call.method.as_str(),
        target: &call.target,
        body: &text,
    };
    match desk.faults.strike(&subject) {
        Some(fault) if fault.when == When::Before => desk.struck_before(&call, &identity, whole, fault).await,
        Some(fault) => desk.struck_after(&call, &identity, whole, fault).await,
        None => desk.undisturbed(&call, &identity, whole),
    }
}

/// The request in memory, and whether all of it: the rest of a body beyond `limit` is not read.
async fn read(request: Request<Incoming>, limit: usize) -> Result<(Call, bool), Cut> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (body, whole) = match Limited::new(body, limit).collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(error) if error.is::<LengthLimitError>() => (Bytes::new(), false),
        Err(_) => return Err(Cut),
    };
    Ok((Call { method: parts.method, target, headers: parts.headers, body }, whole))
}

impl Desk {
    fn undisturbed(&self, call: &Call, identity: &Identity, whole: bool) -> Result<Response<Body>, Cut> {
        let answer = self.decide(call, whole);
        self.record(call, identity, &answer, Some(answer.reply.status.as_u16()));
        Ok(self.response(answer.reply))
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
            return self.undisturbed(call, identity, whole);
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
            return Ok(self.response(answer.reply));
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
        Ok(match action {
            // Callers handle `Pass`; an answer that never was cannot be sent.
            Action::Pass | Action::Reset => return Err(Cut),
            Action::Timeout(silence) => {
                tokio::time::sleep(silence).await;
                return Err(Cut);
            }
            Action::Status { code, body, headers } => {
                let mut reply = Reply::text(code, "application/json", body);
                reply.headers.extend(headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)));
                self.response(reply)
            }
            Action::Html => self.response(Reply::text(200, "text/html", streams::HTML)),
            Action::Empty => self.response(Reply::empty(200)),
            Action::Redirect(to) => self.response(Reply::empty(307).with_header("location", to)),
            Action::WrongType => self.response(Reply::text(200, "application/json", streams::WRONG_TYPES)),
            Action::EndlessBody => self.streaming(streams::endless()),
            Action::SlowDrip => self.streaming(streams::drip()),
        })
    }

    fn response(&self, reply: Reply) -> Response<Body> {
        self.headed(reply.status.as_u16(), reply.headers, Full::new(reply.body).boxed())
    }

    fn streaming(&self, body: Body) -> Response<Body> {
        let headers = [("content-type".to_owned(), "application/json".to_owned())];
        self.headed(200, headers, body)
    }

    fn headed(&self, status: u16, headers: impl IntoIterator<Item = (String, String)>, body: Body) -> Response<Body> {
        let date = self.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut response = Response::new(body);
        *response.status_mut() = status_code(status);
        let dated = [("date".to_owned(), date)].into_iter().chain(headers);
        // A header that HTTP cannot carry is left out: only faults can ask for one.
        let valid = dated.filter_map(|(name, value)| {
            Some((name.parse::<http::HeaderName>().ok()?, value.parse::<http::HeaderValue>().ok()?))
        });
        for (name, value) in valid {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
