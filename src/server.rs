//! The HTTP server for probes and Prometheus: `/healthz`, `/readyz`, `/metrics`. It imports no
//! controller; the command line reports the state of the process through [`Readiness`] and [`Liveness`].
//!
//! `/healthz` fails when a controller makes no progress, and never because of an upstream, a connection or
//! an API server that does not respond: a restart helps only in the first case. `/readyz` tells whether the
//! process could reconcile if it were the leader: a replica that waits for the Lease is ready too, otherwise a
//! rolling update of two replicas would never end.

mod connections;
mod liveness;

pub use liveness::Liveness;

use crate::metrics::{CLASSIC_CONTENT_TYPE, Metrics};
use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use connections::Limits;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The content type of `OpenMetrics` text: in the `Accept` header of a request, and in the response.
const OPEN_METRICS: (&str, &str) =
    ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Whether the process is ready, and the condition that it waits for if not. Clones share the state.
#[derive(Debug, Clone)]
pub struct Readiness {
    waiting_for: Arc<Mutex<Option<&'static str>>>,
}

impl Default for Readiness {
    /// Returns a state that is not ready, because the process is starting.
    fn default() -> Self {
        Self { waiting_for: Arc::new(Mutex::new(Some("startup to finish"))) }
    }
}

impl Readiness {
    /// Marks the process as ready.
    pub fn set_ready(&self) {
        self.set(None);
    }

    /// Marks the process as not ready until `condition`, such as "the CRDs to be installed".
    pub fn set_waiting_for(&self, condition: &'static str) {
        self.set(Some(condition));
    }

    fn set(&self, waiting_for: Option<&'static str>) {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner) = waiting_for;
    }

    fn get(&self) -> Option<&'static str> {
        *self.waiting_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct ServerState {
    metrics: Arc<Metrics>,
    readiness: Readiness,
    liveness: Liveness,
}

/// Serves requests until `shutdown`, then waits a short time for open connections to finish.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    liveness: Liveness,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("the listening socket has no address")?;
    tracing::info!(%address, "serving /healthz, /readyz and /metrics");
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(self::metrics))
        .with_state(ServerState { metrics, readiness, liveness });
    connections::serve(listener, router, Limits::default(), shutdown).await;
    Ok(())
}

async fn healthz(State(state): State<ServerState>) -> (StatusCode, String) {
    let stalls = state.liveness.check(&state.metrics);
    if stalls.is_empty() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ok: {}\n", stalls.join("\nnot ok: ")))
}

async fn readyz(State(state): State<ServerState>) -> (StatusCode, String) {
    match state.readiness.get() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(condition) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: waiting for {condition}\n")),
    }
}

/// Returns the metrics as `OpenMetrics` if the client requests it, as Prometheus does, and otherwise in the
/// Prometheus text format.
async fn metrics(State(state): State<ServerState>, headers: HeaderMap) -> impl IntoResponse {
    state.liveness.check(&state.metrics);
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (kind, text) = if accepted.any(|value| value.contains(OPEN_METRICS.0)) {
        (OPEN_METRICS.1, state.metrics.encode())
    } else {
        (CLASSIC_CONTENT_TYPE, state.metrics.encode_classic())
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
        stalls: Arc<Mutex<Vec<String>>>,
        shutdown: CancellationToken,
        server: JoinHandle<anyhow::Result<()>>,
    }

    async fn start() -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (readiness, shutdown) = (Readiness::default(), CancellationToken::new());
        let metrics = Metrics::new("9.9.9");
        let stalls = Arc::<Mutex<Vec<String>>>::default();
        let stalled = Arc::clone(&stalls);
        let liveness = Liveness::new(move || stalled.lock().unwrap().clone());
        let server = tokio::spawn(serve(listener, metrics, readiness.clone(), liveness, shutdown.clone()));
        Running { address, readiness, stalls, shutdown, server }
    }

    impl Running {
        /// Sends one request on a new connection and returns the head and the body of the response.
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
    async fn readyz_names_the_missing_condition_and_healthz_is_ok() {
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
    async fn healthz_and_a_gauge_tell_what_stands_still() {
        let running = start().await;
        *running.stalls.lock().unwrap() = vec!["Policy: its watch is silent".to_owned()];
        let answer = running.get("/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nnot ok: Policy: its watch is silent\n"), "{answer}");
        assert!(running.get("/metrics").await.contains("cloud_policy_stalls 1\n"));
        running.stalls.lock().unwrap().clear();
        assert!(running.get("/healthz").await.starts_with("HTTP/1.1 200 OK"));
        assert!(running.get("/metrics").await.contains("cloud_policy_stalls 0\n"));
    }

    #[tokio::test]
    async fn metrics_are_open_metrics_when_requested() {
        let accept = "accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
        let answer = start().await.get_with("/metrics", accept).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
        let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
        assert!(answer.to_lowercase().contains(kind), "{answer}");
        assert!(answer.contains("cloud_policy_build_info{version=\"9.9.9\"} 1\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
    }

    #[tokio::test]
    async fn metrics_are_prometheus_text_by_default() {
        let running = start().await;
        for headers in ["", "accept: */*\r\n", "accept: text/plain\r\n"] {
            let answer = running.get_with("/metrics", headers).await;
            assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
            assert!(answer.contains("# TYPE cloud_policy_build_info gauge\n"), "{answer}");
            assert!(!answer.contains("# EOF"), "{answer}");
        }
    }

    #[tokio::test]
    async fn unknown_path_is_not_found() {
        assert!(start().await.get("/debug").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn shutdown_frees_the_port_while_a_request_is_unfinished() {
        let running = start().await;
        let mut slow_client = TcpStream::connect(running.address).await.unwrap();
        slow_client.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
        assert!(running.get("/healthz").await.starts_with("HTTP/1.1 200"), "other clients are not affected");
        running.shutdown.cancel();
        timeout(Limits::default().drain * 3, running.server).await.expect("the server ends").unwrap().unwrap();
        assert!(TcpStream::connect(running.address).await.is_err(), "the port is free");
    }
}
