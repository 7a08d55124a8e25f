//! Serves the connections of the probe port: few at once, and none that waits without an end.
//!
//! Anyone who reaches the pod can connect. A client that opens connections and never sends a request must neither
//! use up the file descriptors of the process nor keep the kubelet and Prometheus out.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The limits of the port.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many connections may be open at once. One more closes the oldest, so that a probe always gets through.
    pub connections: usize,
    /// How long a client may take to send the head of a request.
    pub head: Duration,
    /// How long open connections may take to finish after shutdown.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 64, head: Duration::from_secs(10), drain: Duration::from_secs(2) }
    }
}

/// The pause after a connection could not be accepted, such as without a free file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until shutdown, then waits a short time for the open ones to finish.
pub(super) async fn serve(listener: TcpListener, router: Router, limits: Limits, shutdown: CancellationToken) {
    let mut open = VecDeque::<JoinHandle<()>>::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= limits.connections
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(connection(stream, router.clone(), limits, shutdown.clone())));
    }
    drop(listener);
    // A client that keeps its connection open must not delay the end of the process.
    let drained = futures::future::join_all(open.iter_mut());
    let _ = tokio::time::timeout(limits.drain, drained).await;
    open.iter().for_each(JoinHandle::abort);
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, shutdown: CancellationToken) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(served);
    // An error is one of the client: it went away, or sent no request in time.
    tokio::select! {
        _ = served.as_mut() => {}
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    async fn start(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "ok"));
        tokio::spawn(serve(listener, router, limits, CancellationToken::new()));
        address
    }

    async fn get_root(address: SocketAddr) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Returns a connection that never sends the end of its request.
    async fn half(address: SocketAddr) -> TcpStream {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        socket
    }

    #[tokio::test]
    async fn probe_is_answered_while_many_clients_send_nothing() {
        let limits = Limits { connections: 8, ..Limits::default() };
        let address = start(limits).await;
        let mut silent = Vec::new();
        for round in 0..4 {
            for _ in 0..20 {
                silent.push(half(address).await);
            }
            let answer = timeout(Duration::from_secs(4), get_root(address)).await.expect("an answer");
            assert!(answer.ends_with("ok"), "{round}: {answer}");
        }
        // The oldest were closed.
        let read = timeout(Duration::from_secs(4), silent[0].read(&mut [0; 64])).await.expect("the end");
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }

    #[tokio::test]
    async fn client_that_sends_no_request_is_disconnected() {
        let limits = Limits { head: Duration::from_millis(200), ..Limits::default() };
        let address = start(limits).await;
        for mut silent in [half(address).await, TcpStream::connect(address).await.unwrap()] {
            let begun = Instant::now();
            let mut rest = Vec::new();
            let ended = timeout(Duration::from_secs(5), silent.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "still open after {:?}", begun.elapsed());
        }
    }
}
