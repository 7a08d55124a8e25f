//! One process of the operator, from its start to a crash.

use super::clock::Offset;
use super::environment::Environment;
use super::steps::Sequence;
use super::wire::{WatchControl, Wire};
use crate::support::test_env;
use cloud_policy::controller;
use cloud_policy::controller::Settings;
use cloud_policy::controller::leader::{Leadership, Revocation};
use cloud_policy::controller::settings::Safeguards;
use cloud_policy::controller::setup::Options;
use cloud_policy::controller::state::heartbeats::Heartbeats;
use cloud_policy::metrics::Metrics;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long an upstream request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long a lost create may still take effect. On a busy machine a task may run late by hundreds of
/// milliseconds, so the grace is much longer than the delays of the plans.
pub const GRACE: Duration = Duration::from_secs(1);

/// How long after its connection was cut a delayed request takes effect.
pub const DELAY: Duration = Duration::from_millis(250);

/// The cluster id in owner tags.
pub const CLUSTER: &str = "sweep";

/// The parts that all processes of a run share.
#[derive(Clone)]
pub struct RunContext {
    pub environment: Arc<Environment>,
    pub sequence: Arc<Sequence>,
    pub clock: Arc<Offset>,
    pub safeguards: Safeguards,
    /// How many objects are reconciled at once; the default of the operator if it is not set.
    pub concurrency: Option<u16>,
    pub counter: ReconcileCounter,
}

/// Counts the reconciles of the newest process, and the orphans of all, and tells which looks the newest announces.
#[derive(Clone, Default)]
pub struct ReconcileCounter(Arc<Mutex<Vec<Known>>>);

/// What is known of a process.
type Known = (Arc<Metrics>, Arc<Heartbeats>);

impl ReconcileCounter {
    fn add(&self, metrics: &Arc<Metrics>, heartbeats: &Arc<Heartbeats>) {
        self.0.lock().unwrap().push((Arc::clone(metrics), Arc::clone(heartbeats)));
    }

    /// Returns how long it takes until the newest process has looked again at each object, as it announced.
    pub fn announced(&self) -> Duration {
        let newest = self.0.lock().unwrap().last().cloned();
        newest.map_or(Duration::ZERO, |(_, heartbeats)| heartbeats.longest_wait(&["Policy", "NetworkPolicy"]))
    }

    /// Returns how often objects of the policy kinds were reconciled.
    pub fn reconciles(&self) -> usize {
        let newest = self.0.lock().unwrap().last().cloned();
        newest.map_or(0, |(metrics, _)| sum(&metrics, "_reconciles_total{"))
    }

    /// Returns how many upstream objects the processes told that they leave in place.
    pub fn orphans(&self) -> usize {
        let all = self.0.lock().unwrap().clone();
        all.iter().map(|(metrics, _)| sum(metrics, "_orphans_total{")).sum()
    }
}

/// Returns the sum of a metric over the policy kinds.
fn sum(metrics: &Metrics, name: &str) -> usize {
    let text = metrics.encode().unwrap_or_default();
    let ours = |line: &&str| line.contains(name) && line.contains("Policy\"");
    text.lines().filter(ours).filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}

/// A running operator.
pub struct Process {
    number: u32,
    task: JoinHandle<controller::Result<()>>,
    revocation: Revocation,
    pub watch_control: Arc<WatchControl>,
}

impl Process {
    /// Starts a process. Its first list shows this revision, or the newest.
    pub fn start(context: &RunContext, number: u32, revision: Option<String>) -> Self {
        let watch_control = WatchControl::new(revision);
        let (leadership, revocation) = Leadership::revocable();
        let wire = Wire {
            environment: Arc::clone(&context.environment),
            sequence: Arc::clone(&context.sequence),
            process: number,
            watch_control: Arc::clone(&watch_control),
        };
        let metrics = Metrics::new("test");
        let heartbeats = Arc::<Heartbeats>::default();
        context.counter.add(&metrics, &heartbeats);
        let parts = Options {
            client: wire.client(),
            settings: settings(context, number),
            clock: context.clock.clone(),
            metrics,
            leadership,
            heartbeats,
            instance: Some(format!("process-{number}")),
        };
        let task = tokio::spawn(controller::run(parts, CancellationToken::new()));
        Self { number, task, revocation, watch_control }
    }

    pub fn number(&self) -> u32 {
        self.number
    }

    /// Revokes the leadership. The process continues to run.
    pub fn revoke_leadership(&self) {
        self.revocation.revoke();
    }

    /// Ends the process at once and waits until none of its code runs.
    pub async fn crash(self) {
        self.task.abort();
        // The error says that the task was cancelled, as intended.
        let _ = self.task.await;
    }
}

fn settings(context: &RunContext, number: u32) -> Settings {
    let mut settings = test_env::settings(&context.environment.scope());
    settings.cluster_connections = context.environment.is_shared();
    settings.endpoints.allowed_hosts.push("localhost".parse().unwrap());
    settings.cluster_id = Some(CLUSTER.to_owned());
    settings.create_grace = GRACE;
    settings.connection_interval = Duration::from_hours(1);
    settings.slow_retry = Duration::from_millis(500);
    settings.backoff = (Duration::from_millis(30), Duration::from_millis(500));
    // Five minutes become 150 ms.
    settings.interval_divisor = 2000;
    settings.http.request_timeout = REQUEST_TIMEOUT;
    settings.http.connect_timeout = REQUEST_TIMEOUT;
    settings.http.read_attempts = 2;
    settings.http.read_backoff = Duration::from_millis(20);
    settings.http.user_agent = agent(number);
    settings.safeguards = context.safeguards;
    settings.concurrency = context.concurrency.unwrap_or(settings.concurrency);
    settings
}

/// The user agent that tells the simulators which process sends a request.
fn agent(number: u32) -> String {
    format!("process/{number}")
}

/// Returns the number of the process with this user agent.
pub fn process_of(agent: &str) -> Option<u32> {
    agent.strip_prefix("process/")?.parse().ok()
}
