//! A connection to the API server that a test can interrupt and delay.

use axum::http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// How requests are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Requests pass.
    Open,
    /// Requests never arrive.
    Hole,
    /// Writes wait until this mode ends, then pass.
    HoldWrites,
    /// Writes arrive, and their responses are lost.
    LoseAnswers,
}

/// A connection with a mode that a test sets; clones share the mode.
#[derive(Clone)]
pub struct Wire {
    server: Client,
    mode: Arc<watch::Sender<Mode>>,
    writes: Arc<AtomicUsize>,
}

impl Wire {
    pub fn to(server: Client) -> Self {
        Self { server, mode: Arc::new(watch::channel(Mode::Open).0), writes: Arc::default() }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Returns how many writes were begun.
    pub fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    /// Returns a client that uses this connection.
    pub fn client(&self) -> Client {
        let wire = self.clone();
        Client::new(tower::service_fn(move |request| wire.clone().carry(request)), "default")
    }

    async fn carry(self, request: Request<Body>) -> kube::Result<Response<Body>> {
        let is_write = request.method() != Method::GET;
        let mode = *self.mode.borrow();
        if is_write {
            self.writes.fetch_add(1, Ordering::SeqCst);
        }
        match mode {
            Mode::Hole => std::future::pending().await,
            Mode::HoldWrites if is_write => {
                let mut mode = self.mode.subscribe();
                // The sender exists as long as this `Wire`.
                let _ = mode.wait_for(|mode| *mode != Mode::HoldWrites).await;
                self.server.send(request).await
            }
            Mode::LoseAnswers if is_write => {
                self.server.send(request).await?;
                std::future::pending().await
            }
            Mode::Open | Mode::HoldWrites | Mode::LoseAnswers => self.server.send(request).await,
        }
    }
}
