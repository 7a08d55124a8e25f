//! `cloud-policy run`: every flag is also an environment variable.

use crate::controller::clock::SystemClock;
use crate::controller::leader::{Elector, ElectorConfig, Leadership};
use crate::controller::settings::TenantConnections;
use crate::controller::wiring::Parts;
use crate::controller::{self, Settings};
use crate::metrics::Metrics;
use crate::server::{self, Readiness};
use crate::telemetry;
use crate::upstream::{EndpointRules, HostPattern};
use anyhow::Context as _;
use axum::http::HeaderValue;
use axum::http::header::USER_AGENT;
use clap::Args as ClapArgs;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use kube::{Client, Config};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Flags of `cloud-policy run`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Namespace of the operator: the Secrets of ClusterConnections and the leader Lease lie here.
    #[arg(long, env = "POD_NAMESPACE", default_value = "cloud-policy-system")]
    namespace: String,

    /// Name of this replica, for the Lease and for events.
    #[arg(long, env = "POD_NAME", default_value = "cloud-policy-operator")]
    instance: String,

    /// Namespaces in which Connections may read their Secrets, or `*` for all. The operator needs
    /// `get` on Secrets there. Without it only ClusterConnections work.
    #[arg(long, env = "CLOUD_POLICY_TENANT_NAMESPACES", value_delimiter = ',')]
    tenant_namespaces: Vec<String>,

    /// Hosts that connections may name: exact, or `*.example.com` for every host below. The NAVER
    /// Cloud gateways are always allowed.
    #[arg(long, env = "CLOUD_POLICY_ALLOWED_HOSTS", value_delimiter = ',')]
    allowed_hosts: Vec<HostPattern>,

    /// Allow endpoints on loopback and private addresses. Link-local and metadata addresses stay refused.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_PRIVATE_ADDRESSES")]
    allow_private_addresses: bool,

    /// Allow endpoints without TLS. Credentials then travel in the clear.
    #[arg(long, env = "CLOUD_POLICY_ALLOW_HTTP")]
    allow_http: bool,

    /// Identifies this cluster in the stamps on upstream objects; the uid of kube-system without it.
    #[arg(long, env = "CLOUD_POLICY_CLUSTER_ID")]
    cluster_id: Option<String>,

    /// How long a create call whose answer was lost may still land, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CREATE_GRACE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    create_grace_seconds: u64,

    /// How often connections are probed and their Secrets re-read, in seconds.
    #[arg(long, env = "CLOUD_POLICY_CONNECTION_INTERVAL_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    connection_interval_seconds: u64,

    /// How many upstream objects of one connection may be deleted within the window; more are held
    /// until a human confirms. 0 holds none.
    #[arg(long, env = "CLOUD_POLICY_DELETE_LIMIT", default_value_t = 50)]
    delete_limit: u32,

    /// The window in which deletions are counted, in seconds.
    #[arg(long, env = "CLOUD_POLICY_DELETE_WINDOW_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
    delete_window_seconds: u64,

    /// How many objects of one connection are reconciled at once.
    #[arg(long, env = "CLOUD_POLICY_CONCURRENCY", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,

    /// Elect a leader through a Lease. Needed with more than one replica.
    #[arg(long, env = "CLOUD_POLICY_LEADER_ELECT", default_value_t = true, action = clap::ArgAction::Set)]
    leader_elect: bool,

    /// Where /healthz, /readyz and /metrics are served.
    #[arg(long, env = "CLOUD_POLICY_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,

    /// How logs are written.
    #[arg(long, env = "CLOUD_POLICY_LOG_FORMAT", value_enum, default_value_t = telemetry::Format::Text)]
    log_format: telemetry::Format,

    /// Which logs are written, in the syntax of tracing's EnvFilter.
    #[arg(long, env = "CLOUD_POLICY_LOG_FILTER", default_value = telemetry::DEFAULT_FILTER)]
    log_filter: String,
}

/// Runs the operator until SIGTERM or SIGINT.
pub fn run(args: Args) -> anyhow::Result<()> {
    telemetry::init(args.log_format, &args.log_filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let client = client().await?;
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"));
    let readiness = Readiness::default();
    let shutdown = CancellationToken::new();
    on_signal(shutdown.clone())?;
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let resign = CancellationToken::new();
    let (leadership, election) = lead(&args, &client, &resign)?;
    let server = tokio::spawn(server::serve(listener, Arc::clone(&metrics), readiness.clone(), shutdown.clone()));
    let result = operate(&args, client, Arc::clone(&metrics), leadership, readiness, &shutdown).await;
    shutdown.cancel();
    // Only now: the Lease is given up when nothing is under way any more.
    resign.cancel();
    election.await;
    server.await.context("the HTTP server ended unexpectedly")??;
    result
}

/// Waits for leadership, then runs the controllers; a lost lease ends the process, because a
/// fresh start is the only state that is surely right.
async fn operate(
    args: &Args,
    client: Client,
    metrics: Arc<Metrics>,
    leadership: Leadership,
    readiness: Readiness,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    readiness.set_waiting_for("the CustomResourceDefinitions to be installed");
    controller::wait_for_crds(&client, shutdown).await;
    readiness.set_ready();
    tokio::select! {
        leads = leadership.acquired() => if !leads { return Ok(()) },
        () = shutdown.cancelled() => return Ok(()),
    }
    metrics.set_leading(true);
    let parts = Parts {
        client,
        settings: settings(args),
        clock: Arc::new(SystemClock),
        metrics: Arc::clone(&metrics),
        leadership: leadership.clone(),
        instance: Some(args.instance.clone()),
    };
    tokio::select! {
        result = controller::run(parts, shutdown.clone()) => Ok(result?),
        () = leadership.lost() => {
            metrics.set_leading(false);
            anyhow::bail!("lost the leader lease: another replica takes over")
        }
    }
}

/// Stands for election in the background; the future ends when the election has.
fn lead(
    args: &Args,
    client: &Client,
    resign: &CancellationToken,
) -> anyhow::Result<(Leadership, BoxFuture<'static, ()>)> {
    if !args.leader_elect {
        return Ok((Leadership::always(), Box::pin(std::future::ready(()))));
    }
    let config = ElectorConfig::new(&args.namespace, "cloud-policy-operator", &args.instance);
    let elector = Elector::new(client.clone(), config)?;
    let leadership = elector.leadership();
    let election = tokio::spawn(elector.run(resign.clone()));
    Ok((leadership, Box::pin(election.map(drop))))
}

fn settings(args: &Args) -> Settings {
    let mut endpoints = EndpointRules {
        allow_http: args.allow_http,
        allow_private: args.allow_private_addresses,
        ..EndpointRules::default()
    };
    endpoints.allowed_hosts.extend(args.allowed_hosts.iter().cloned());
    let tenant_connections = match args.tenant_namespaces.as_slice() {
        [] => TenantConnections::None,
        names if names.iter().any(|name| name == "*") => TenantConnections::All,
        names => TenantConnections::Namespaces(names.iter().cloned().collect()),
    };
    Settings {
        tenant_connections,
        endpoints,
        cluster_id: args.cluster_id.clone(),
        create_grace: Duration::from_secs(args.create_grace_seconds),
        connection_interval: Duration::from_secs(args.connection_interval_seconds),
        delete_limit: args.delete_limit,
        delete_window: Duration::from_secs(args.delete_window_seconds),
        concurrency: args.concurrency,
        ..Settings::new(&args.namespace)
    }
}

/// In a cluster the service account; elsewhere the kubeconfig. Never a kubeconfig that happens
/// to lie in a container.
async fn client() -> anyhow::Result<Client> {
    let mut config = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Config::incluster().context("cannot use the service account of this pod")?
    } else {
        Config::infer().await.context("no kubeconfig: set KUBECONFIG")?
    };
    let agent = concat!("cloud-policy-operator/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Client::try_from(config).context("cannot set up the Kubernetes client")
}

fn on_signal(shutdown: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down: finishing what is under way");
        shutdown.cancel();
    });
    Ok(())
}
