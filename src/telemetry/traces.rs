//! Traces by OTLP over HTTP, compiled in with the feature `otel` and sent with `--otlp-endpoint`: a
//! span for each reconcile, and below it one for each upstream request.
//!
//! Only the spans of this program are sent, and no log lines: what spans hold is chosen, no text of
//! an upstream and no content among it. Nothing about a trace is told to the upstreams. A collector
//! that is gone holds nothing up: spans that find no room are dropped, and a log line says that it
//! does not answer.

use super::Extra;
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

/// The name of this program in traces.
const SERVICE: &str = env!("CARGO_PKG_NAME");

/// How long a collector may take to answer, and what is left may take to be sent at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes spans and sends them.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// To the collector at this address, such as `http://collector:4318`, in the name of this replica.
    /// The requests run on `runtime`.
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

    /// What takes the spans.
    #[must_use]
    pub fn layer(&self) -> Extra {
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let ours = filter_fn(|about| about.is_span() && about.target().starts_with(env!("CARGO_CRATE_NAME")));
        spans.with_filter(ours).boxed()
    }

    /// Sends what is left.
    pub fn finish(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Sends requests from wherever it is asked to, on the runtime that it was given.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    runtime: Handle,
    failing: AtomicBool,
}

impl Sender {
    fn new(runtime: Handle) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot make an HTTP client for traces")?;
        Ok(Self { client, runtime, failing: AtomicBool::new(false) })
    }

    /// Says once that a collector does not take traces, and once that it does again.
    fn note(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let failure = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let failed_before = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !failed_before => tracing::warn!(error, "the collector does not take traces"),
            None if failed_before => tracing::info!("the collector takes traces again"),
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
            self.note(&answer);
            answer
        })
    }
}
