//! The HTTP server of the simulators and of the admin port. It runs on its own thread.
//!
//! The thread has its own runtime, so that a simulator answers while the test's runtime is blocked,
//! paused or already gone. Dropping [`HttpServer`] cuts all connections and frees the port.

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

/// An instruction to cut the connection without an answer.
#[derive(Debug)]
pub(crate) struct Disconnect;

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection cut on purpose")
    }
}

impl std::error::Error for Disconnect {}

/// The handler of the requests to an address.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Returns the suffix of the thread's name.
    fn name(&self) -> &'static str;

    /// Answers one request, or asks the server to cut the connection.
    fn respond(&self, request: Request<Incoming>) -> BoxFuture<'_, Result<Response<Body>, Disconnect>>;
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Binds the address and serves. Returns when the server accepts connections.
    pub(crate) async fn start(listen: SocketAddr, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (ready, bound) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("simulator-{}", handler.name()))
            .spawn(move || run(listen, handler, ready, stopped))?;
        let address = bound.await.map_err(|_| io::Error::other("simulator thread ended early"))??;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The join ensures that the port is free when `drop` returns. The thread has nothing left to wait for.
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn run(
    listen: SocketAddr,
    handler: Arc<dyn Handler>,
    ready: oneshot::Sender<io::Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _dropped = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async move {
        let bound = TcpListener::bind(listen).await.and_then(|l| Ok((l.local_addr()?, l)));
        let (address, listener) = match bound {
            Ok(bound) => bound,
            Err(error) => {
                let _dropped = ready.send(Err(error));
                return;
            }
        };
        if ready.send(Ok(address)).is_ok() {
            tokio::select! {
                () = accept(listener, handler) => {}
                _ = stopped => {}
            }
        }
    });
}

async fn accept(listener: TcpListener, handler: Arc<dyn Handler>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&handler)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, handler: Arc<dyn Handler>) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.respond(request).await }
    });
    // A disconnect by either side ends the connection. Both are normal.
    let _ended = hyper::server::conn::http1::Builder::new()
        // `response` sends the date of the simulated server instead.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Reads a request into memory. The flag is false if the body exceeds `limit`; it is empty then.
pub(crate) async fn read(request: Request<Incoming>, limit: usize) -> Result<(Call, bool), Disconnect> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (body, whole) = match Limited::new(body, limit).collect().await {
        Ok(body) => (body.to_bytes(), true),
        Err(error) if error.is::<LengthLimitError>() => (Bytes::new(), false),
        Err(_) => return Err(Disconnect),
    };
    Ok((Call { method: parts.method, target, headers: parts.headers, body }, whole))
}

/// Converts an answer to HTTP with the date `now`. Clients detect clock skew by the server's date.
pub(crate) fn response(reply: Reply, now: Timestamp) -> Response<Body> {
    let Reply { status, headers, body } = reply;
    headed(status.as_u16(), headers, Full::new(body).boxed(), now)
}

/// Returns an answer whose body is a stream of JSON.
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
    // Invalid headers are left out. Only faults can ask for them.
    let valid = dated.filter_map(|(name, value)| {
        Some((name.parse::<http::HeaderName>().ok()?, value.parse::<http::HeaderValue>().ok()?))
    });
    for (name, value) in valid {
        response.headers_mut().insert(name, value);
    }
    response
}
