//! Reports each sign of life on the way to the API server, and ends a request that gets no response.
//!
//! A request that is never answered would stop a watch for ever, because the runtime limits only the silence of a watch
//! that has begun. So it fails after a while, and the runtime sends another one.

use axum::http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use std::time::Duration;

/// How long the API server may take to begin its response. It ends its own requests after a minute.
const RESPONSE: Duration = Duration::from_secs(90);

/// Returns the same client, which calls `beat` when it sends a request, when the response begins, and for each part of
/// the response.
pub fn client(inner: Client, beat: impl Fn() + Clone + Send + Sync + 'static) -> Client {
    limited(inner, RESPONSE, beat)
}

fn limited(inner: Client, limit: Duration, beat: impl Fn() + Clone + Send + Sync + 'static) -> Client {
    let namespace = inner.default_namespace().to_owned();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (inner, beat) = (inner.clone(), beat.clone());
        async move {
            beat();
            let response = tokio::time::timeout(limit, inner.send(request)).await;
            let response = response.map_err(|elapsed| kube::Error::Service(elapsed.into()))??;
            beat();
            let heard = move |body: Body| {
                body.map_frame(move |frame| {
                    beat();
                    frame
                })
            };
            Ok::<_, kube::Error>(response.map(heard))
        }
    });
    Client::new(service, namespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Response;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn request_without_a_response_fails_and_counts_once() {
        let silent = tower::service_fn(|_: Request<Body>| std::future::pending::<kube::Result<Response<Body>>>());
        let beats = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&beats);
        let client = limited(Client::new(silent, "default"), Duration::from_millis(1), move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        assert!(client.send(Request::new(Body::empty())).await.is_err());
        assert_eq!(beats.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn response_and_each_of_its_parts_count() {
        let server = tower::service_fn(async |_: Request<Body>| {
            Ok::<_, kube::Error>(Response::new(Body::from(b"part".to_vec())))
        });
        let beats = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&beats);
        let client = client(Client::new(server, "default"), move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let response = client.send(Request::new(Body::empty())).await.unwrap();
        assert_eq!(beats.load(Ordering::SeqCst), 2);
        response.into_body().collect().await.unwrap();
        assert_eq!(beats.load(Ordering::SeqCst), 3);
    }
}
