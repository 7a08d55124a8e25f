//! Traces by OTLP over HTTP. The feature `otel` compiles them in, and `--otlp-endpoint` enables them.
//! Each reconcile has a span, with a child span for each upstream request.
//!
//! The exporter sends only the spans of this program, and no log lines. The fields of spans are fixed:
//! they contain no text of an upstream and no content of policies. Upstream requests carry no trace
//! context. An unavailable collector does not delay reconciles: the exporter drops spans when its queue
//! is full, and logs a warning.

use super::ExtraLayer;
use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use url::Url;

/// The service name in traces.
const SERVICE: &str = env!("CARGO_PKG_NAME");

/// The timeout of a request to the collector, and of the last export at shutdown.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Exports spans to a collector.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Creates an exporter to the collector at `endpoint`, such as `http://collector:4318`. Spans are
    /// attributed to the replica `instance`. The requests run on `runtime`.
    pub fn to(endpoint: &Url, instance: &str, runtime: Handle) -> anyhow::Result<Self> {
        let path = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(path)
            .with_http_client(Sender::new(runtime)?)
            .build()
            .context("cannot set up the export of traces")?;
        let resource = Resource::builder()
            .with_service_name(SERVICE)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// Returns the layer that receives the spans.
    #[must_use]
    pub fn layer(&self) -> ExtraLayer {
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let ours = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with(env!("CARGO_CRATE_NAME")));
        spans.with_filter(ours).boxed()
    }

    /// Exports the remaining spans.
    pub fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "cannot send the last traces");
        }
    }
}

/// An HTTP client that can be used from any thread and runs its requests on one runtime.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

impl Sender {
    fn new(runtime: Handle) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot create an HTTP client for traces")?;
        Ok(Self { client, runtime, failing: AtomicBool::new(false) })
    }

    /// Logs once that the collector does not accept traces, and once that it accepts them again.
    fn log_change(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let failure = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed_before => tracing::warn!(error, "the collector does not accept traces"),
            None if failed_before => tracing::info!("the collector accepts traces again"),
            Some(_) | None => {}
        }
    }
}

async fn exchange(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let answer = client.execute(request.try_into()?).await?;
    let status = answer.status();
    let mut response = Response::new(answer.bytes().await?);
    *response.status_mut() = status;
    Ok(response)
}

impl HttpClient for Sender {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let exchange = self.runtime.spawn(exchange(self.client.clone(), request));
        Box::pin(async move {
            let answer = exchange.await.unwrap_or_else(|error| Err(error.into()));
            self.log_change(&answer);
            answer
        })
    }
}
