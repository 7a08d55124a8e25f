//! The HTTP server for probes and Prometheus: `/healthz`, `/readyz`, `/metrics`. Leaf: knows no
//! controller; whoever makes the process ready says so through [`Readiness`].
//!
//! `/healthz` answers from the same event loop that reconciles, so an answer proves that the loop
//! turns. `/readyz` says whether the process could do its work if it led: a waiting replica is
//! ready too, else a rolling update of two replicas would never end.

use crate::metrics::Metrics;
use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The content type of `OpenMetrics` text, as who wants it asks for it, and as it is answered.
const OPEN_METRICS: (&str, &str) =
    ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8");

/// The content type of the older text.
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long open connections may take to end after shutdown.
const FAREWELL: Duration = Duration::from_secs(2);

/// Whether the process could do its work, and what it waits for if not. Clones share the state.
#[derive(Debug, Clone)]
pub struct Readiness {
    waiting_for: Arc<Mutex<Option<&'static str>>>,
}

impl Default for Readiness {
    /// Not ready: starting.
    fn default() -> Self {
        Self { waiting_for: Arc::new(Mutex::new(Some("the start to finish"))) }
    }
}

impl Readiness {
    /// The process can do its work now.
    pub fn set_ready(&self) {
        self.set(None);
    }

    /// The process cannot do its work before there is `what`, such as "the CRDs to be installed".
    pub fn set_waiting_for(&self, what: &'static str) {
        self.set(Some(what));
    }

    fn set(&self, waiting_for: Option<&'static str>) {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner) = waiting_for;
    }

    fn get(&self) -> Option<&'static str> {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Shown {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// Serves until `shutdown`, then lets open connections end for a moment.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the listening socket has no address")?;
    tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(Shown { metrics, readiness });
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let too_long = async {
        shutdown.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        result = server => result.with_context(|| format!("the server on {address} failed")),
        // A client that keeps its connection busy must not keep the process.
        () = too_long => Ok(()),
    }
}

async fn readyz(State(shown): State<Shown>) -> (StatusCode, String) {
    match shown.readiness.get() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: waiting for {what}\n")),
    }
}

/// `OpenMetrics` for who asks for it, as Prometheus does.
async fn show_metrics(State(shown): State<Shown>, asked: HeaderMap) -> impl IntoResponse {
    let mut accepted = asked.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (kind, text) = if accepted.any(|value| value.contains(OPEN_METRICS.0)) {
        (OPEN_METRICS.1, shown.metrics.encode())
    } else {
        (CLASSIC, shown.metrics.encode_classic())
    };
    match text {
        Ok(text) => Ok(([(header::CONTENT_TYPE, kind)], text)),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, format!("cannot encode the metrics: {error}\n"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    struct Running {
        address: SocketAddr,
        readiness: Readiness,
        shutdown: CancellationToken,
        server: JoinHandle<anyhow::Result<()>>,
    }

    async fn start() -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let metrics = Metrics::new("9.9.9");
        let server = tokio::spawn(serve(listener, metrics, readiness.clone(), shutdown.clone()));
        Running { address, readiness, shutdown, server }
    }

    impl Running {
        /// The answer, head and body, to one request on a connection of its own.
        async fn get(&self, path: &str) -> String {
            self.get_with(path, "").await
        }

        async fn get_with(&self, path: &str, headers: &str) -> String {
            let mut socket = TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            answer
        }
    }

    #[tokio::test]
    async fn a_process_is_alive_before_it_is_ready_and_says_what_it_waits_for() {
        let running = start().await;
        assert!(running.get("/healthz").await.starts_with("HTTP/1.1 200 OK"));
        assert!(running.get("/readyz").await.starts_with("HTTP/1.1 503 Service Unavailable"));
        running.readiness.set_waiting_for("the CRDs to be installed");
        assert!(running.get("/readyz").await.ends_with("\r\n\r\nnot ready: waiting for the CRDs to be installed\n"));
        running.readiness.set_ready();
        let answer = running.get("/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    }

    #[tokio::test]
    async fn who_asks_for_open_metrics_gets_it() {
        let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
        let answer = start().await.get_with("/metrics", accept).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(answer.to_lowercase().contains(kind), "{answer}");
        assert!(answer.contains("cloud_policy_build_info{version=\"9.9.9\"} 1\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
    }

    #[tokio::test]
    async fn who_does_not_gets_the_older_text() {
        let running = start().await;
        for headers in ["", "accept: */*\r\n", "accept: text/plain\r\n"] {
            let answer = running.get_with("/metrics", headers).await;
            assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
            assert!(answer.contains("# TYPE cloud_policy_build_info gauge\n"), "{answer}");
            assert!(!answer.contains("# EOF"), "{answer}");
        }
    }

    #[tokio::test]
    async fn nothing_else_is_served() {
        assert!(start().await.get("/debug").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn shutdown_frees_the_port_even_if_a_client_never_finishes_its_request() {
        let running = start().await;
        let mut dawdler = TcpStream::connect(running.address).await.unwrap();
        dawdler.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
        assert!(running.get("/healthz").await.starts_with("HTTP/1.1 200"), "the dawdler harms nobody");
        running.shutdown.cancel();
        timeout(FAREWELL * 3, running.server).await.expect("the server ends").unwrap().unwrap();
        assert!(TcpStream::connect(running.address).await.is_err(), "the port is free");
    }
}
