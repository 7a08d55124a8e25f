//! Isolates each reconcile, so that a panic or an endless wait of one object does not stop the others.

use super::liveness::schedule;
use crate::api::Reason;
use crate::controller::context::Shared;
use crate::controller::queue::backoff::jitter;
use crate::controller::queue::next::Next;
use crate::controller::{Error, Result};
use futures::FutureExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// How long the cache may lag behind a write.
const CACHE_LAG: Duration = Duration::from_millis(300);

/// Runs the reconcile of one object with a timeout, turns a panic into an error, and records metrics.
pub async fn isolated(
    kind: &'static str,
    shared: Arc<Shared>,
    about: ObjectReference,
    work: impl Future<Output = Result<Next>>,
) -> Result<Next> {
    let begun = Instant::now();
    let limit = shared.settings.reconcile_timeout;
    let span = span(kind, &about);
    let work = AssertUnwindSafe(work).catch_unwind().instrument(span.clone());
    let result = match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            shared.metrics.panicked(kind);
            let error = Error::Panic(panic_message(panic.as_ref()));
            shared.events.warning(&about, Reason::InternalError.as_str(), &error.to_string());
            Err(error)
        }
        Err(_) => Err(Error::Timeout(limit)),
    };
    let label = result.as_ref().map_or_else(Error::label, |_| "ok");
    shared.metrics.reconciled(kind, label, begun.elapsed());
    span.record("result", label);
    if result.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    result
}

/// Returns the trace span of one reconcile, the parent of the spans of its upstream requests.
fn span(kind: &'static str, about: &ObjectReference) -> Span {
    tracing::debug_span!(
        "reconcile",
        otel.name = format!("reconcile {kind}"),
        otel.status_code = Empty,
        kind,
        namespace = about.namespace,
        object = about.name,
        result = Empty,
    )
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

/// Decides when to retry after an error.
pub fn retry<K: Resource<DynamicType = ()>>(kind: &'static str, object: &K, error: &Error, shared: &Shared) -> Action {
    let next = next_attempt(kind, object, error, shared);
    schedule(shared, kind, object.meta().uid.as_deref(), next)
}

fn next_attempt<K: Resource<DynamicType = ()>>(kind: &'static str, object: &K, error: &Error, shared: &Shared) -> Next {
    let (namespace, name) = (object.namespace(), object.name_any());
    if matches!(error, Error::Stale) {
        // Not a failure: the cache lags behind a write, usually one of the operator.
        tracing::debug!(kind, namespace, name, %error, "cache is stale; requeued");
        return Next::after(jitter(CACHE_LAG));
    }
    let wait = shared.backoffs.failed(object.meta().uid.as_deref().unwrap_or_default());
    tracing::warn!(kind, namespace, name, %error, ?wait, "reconcile failed");
    Next::after(wait)
}

/// Logs an error of the runtime itself, such as an object that is gone. No action follows from it.
pub fn log_runtime_error<E: std::fmt::Display>(kind: &'static str, error: Option<E>) {
    if let Some(error) = error {
        tracing::debug!(kind, %error, "controller");
    }
}
