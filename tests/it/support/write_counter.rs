//! Counts the writes that an operator sends to the API server.

use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use std::sync::{Arc, Mutex};

/// A counter in front of the API server. Clones share their state.
#[derive(Clone)]
pub struct WriteCounter {
    server: Client,
    /// The path of each write.
    written: Arc<Mutex<Vec<String>>>,
}

impl WriteCounter {
    /// Returns a counter in front of this server.
    pub fn new(server: Client) -> Self {
        Self { server, written: Arc::default() }
    }

    /// Returns a client whose writes are counted.
    pub fn client(&self) -> Client {
        let counter = self.clone();
        Client::new(tower::service_fn(move |request| counter.clone().forward(request)), "default")
    }

    /// Forgets all writes.
    pub fn clear(&self) {
        self.written.lock().unwrap().clear();
    }

    /// Returns the number of writes of managed objects whose name has this prefix, status included.
    pub fn of(&self, prefix: &str) -> usize {
        let parts = ["/policies/", "/networkpolicies/"].map(|plural| format!("{plural}{prefix}-"));
        let written = self.written.lock().unwrap();
        written.iter().filter(|path| parts.iter().any(|part| path.contains(part))).count()
    }

    async fn forward(self, request: Request<Body>) -> kube::Result<Response<Body>> {
        if request.method() != Method::GET {
            self.written.lock().unwrap().push(request.uri().path().to_owned());
        }
        self.server.send(request).await
    }
}
