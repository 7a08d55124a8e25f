//! `cloud-policy run`: the process of the operator. Its [flags](Args) are also environment variables.

use super::cluster;
use super::flags::Args;
use crate::controller;
use crate::controller::clock::SystemClock;
use crate::controller::leader::{Elector, ElectorConfig, Leadership};
use crate::controller::setup::Options;
use crate::controller::state::heartbeats::Heartbeats;
use crate::metrics::Metrics;
use crate::server;
use crate::server::{Liveness, Readiness};
use crate::telemetry;
use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Runs the operator until SIGTERM or SIGINT.
pub fn run(args: Args) -> anyhow::Result<()> {
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let finish = init_telemetry(&args, runtime.handle())?;
    let result = runtime.block_on(run_operator(args));
    finish();
    result
}

/// Raises the soft limit of open files to the hard limit. Containers get 1,024, which is for programs that use `select`.
fn raise_open_files() {
    let limits = getrlimit(Resource::Nofile);
    // Without more files the operator works as before, so a failure is not worth a message.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum });
}

/// Sets up logs, and traces if they are enabled. Returns a function to call before the process ends.
#[cfg(feature = "otel")]
fn init_telemetry(args: &Args, runtime: &Handle) -> anyhow::Result<impl FnOnce() + use<>> {
    use telemetry::traces::Traces;
    let endpoint = args.otlp_endpoint.as_ref();
    let traces = endpoint.map(|endpoint| Traces::to(endpoint, &args.instance, runtime.clone())).transpose()?;
    telemetry::init(args.log_format, &args.log_filter, traces.as_ref().map(Traces::layer))?;
    Ok(move || traces.into_iter().for_each(Traces::finish))
}

/// Sets up logs. Returns a function to call before the process ends.
#[cfg(not(feature = "otel"))]
fn init_telemetry(args: &Args, _runtime: &Handle) -> anyhow::Result<impl FnOnce() + use<>> {
    telemetry::init(args.log_format, &args.log_filter, None)?;
    if let Some(endpoint) = &args.otlp_endpoint {
        tracing::warn!(%endpoint, "this binary is built without traces and ignores --otlp-endpoint: build it with --features otel");
    }
    Ok(|| {})
}

async fn run_operator(args: Args) -> anyhow::Result<()> {
    let mut settings = args.settings()?;
    match &settings.http.proxy {
        Some(proxy) => tracing::info!(?proxy, "reaching upstreams through a proxy"),
        None => settings.ignored_proxy = cluster::ignored_proxy_variable(),
    }
    if let Some(variable) = settings.ignored_proxy {
        tracing::warn!(variable, "the operator ignores this variable and uses no proxy: set --https-proxy to use one");
    }
    let client = cluster::client().await?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    let readiness = Readiness::default();
    let shutdown = CancellationToken::new();
    on_signal(shutdown.clone())?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let resign = CancellationToken::new();
    let (leadership, election) = start_election(&args, &client, &resign)?;
    let heartbeats = Arc::<Heartbeats>::default();
    let liveness = liveness(Arc::clone(&heartbeats));
    let serving = server::serve(listener, Arc::clone(&metrics), readiness.clone(), liveness, shutdown.clone());
    let server = tokio::spawn(serving);
    let options = Options {
        client,
        settings,
        clock: Arc::new(SystemClock),
        metrics,
        leadership,
        heartbeats,
        instance: Some(args.instance.clone()),
    };
    let result = run_as_leader(options, readiness, &shutdown).await;
    shutdown.cancel();
    // Release the Lease only after all controllers have stopped.
    resign.cancel();
    election.await;
    server.await.context("the HTTP server ended unexpectedly")??;
    result
}

/// Returns what `/healthz` asks.
fn liveness(heartbeats: Arc<Heartbeats>) -> Liveness {
    Liveness::new(move || heartbeats.report(Timestamp::now()))
}

/// Waits for leadership, then runs the controllers. A lost lease ends the process, because only a
/// restart surely leaves no outdated state.
async fn run_as_leader(options: Options, readiness: Readiness, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let (leadership, metrics) = (options.leadership.clone(), Arc::clone(&options.metrics));
    readiness.set_waiting_for("the CustomResourceDefinitions to be installed");
    controller::wait_for_crds(&options.client, &options.settings, shutdown).await;
    readiness.set_ready();
    tokio::select! {
        // After a shutdown the process starts no controllers, even if it becomes the leader at the same moment.
        biased;
        () = shutdown.cancelled() => return Ok(()),
        leads = leadership.acquired() => if !leads { return Ok(()) },
    }
    metrics.set_leading(true);
    tokio::select! {
        result = controller::run(options, shutdown.clone()) => Ok(result?),
        () = leadership.lost() => {
            metrics.set_leading(false);
            anyhow::bail!("lost the leader lease: another replica takes over")
        }
    }
}

/// Starts the leader election in the background. The returned future ends when the election has ended.
fn start_election(
    args: &Args,
    client: &Client,
    resign: &CancellationToken,
) -> anyhow::Result<(Leadership, BoxFuture<'static, ()>)> {
    if !args.leader_elect {
        return Ok((Leadership::always(), Box::pin(std::future::ready(()))));
    }
    let config = ElectorConfig::new(&args.namespace, args.lease_name(), &args.instance);
    let elector = Elector::new(client.clone(), config)?;
    let leadership = elector.leadership();
    let election = tokio::spawn(elector.run(resign.clone()));
    Ok((leadership, Box::pin(election.map(drop))))
}

/// Triggers `shutdown` on SIGTERM or SIGINT.
fn on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down: finishing running reconciles");
        shutdown.cancel();
    });
    Ok(())
}
