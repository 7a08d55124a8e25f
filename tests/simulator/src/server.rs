//! HTTP plumbing shared by the simulators and the admin port: a listener on a thread of its own.
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
use futures::future::BoxFuture;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::exchange::{Call, Reply, status_code};

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// The connection is to be cut without an answer.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// What is served at an address.
pub(crate) trait Site: Send + Sync + 'static {
    /// For the thread's name.
    fn name(&self) -> &'static str;

    /// Answers one request, or has its connection cut.
    fn respond(&self, request: Request<Incoming>) -> BoxFuture<'_, Result<Response<Body>, Cut>>;
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
    pub(crate) async fn start(listen: SocketAddr, site: Arc<dyn Site>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (ready, bound) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("simulator-{}", site.name()))
            .spawn(move || run(listen, site, ready, stopped))?;
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
    site: Arc<dyn Site>,
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
                () = accept(listener, site) => {}
                _ = stopped => {}
            }
        }
    });
}

async fn accept(listener: TcpListener, site: Arc<dyn Site>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&site)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<dyn Site>) {
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { site.respond(request).await }
    });
    // A cut or a client that went away ends the connection; neither is news.
    let _ended = hyper::server::conn::http1::Builder::new()
        // The date of the simulated server is sent instead: clients detect skew by it.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The request in memory, and whether all of it: the rest of a body beyond `limit` is not read.
pub(crate) async fn read(request: Request<Incoming>, limit: usize) -> Result<(Call, bool), Cut> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (body, whole) = match Limited::new(body, limit).collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(error) if error.is::<LengthLimitError>() => (Bytes::new(), false),
        Err(_) => return Err(Cut),
    };
    Ok((Call { method: parts.method, target, headers: parts.headers, body }, whole))
}

/// An answer as HTTP, dated `now`: clients detect skew by the date of the server they talk to.
pub(crate) fn response(reply: Reply, now: Timestamp) -> Response<Body> {
    let Reply { status, headers, body } = reply;
    headed(status.as_u16(), headers, Full::new(body).boxed(), now)
}

/// An answer whose body is a stream of JSON.
pub(crate) fn streaming(body: Body, now: Timestamp) -> Response<Body> {
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    headed(200, headers, body, now)
}

fn headed(
    status: u16,
    headers: impl IntoIterator<Item = (String, String)>,
    body: Body,
    now: Timestamp,
) -> Response<Body> {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
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
