//! The metrics of the operator, and the text that Prometheus scrapes.
//!
//! The process creates one [`Metrics`] at start and passes it on; there are no global metrics. Every
//! label value is a `&'static str` of an enum or is mapped to a closed set ([`labels`]), so that no
//! object name, message or upstream text adds series. Only [`connections`] have names in their labels,
//! and a limit.

pub mod connections;
mod events;
mod family;
mod gauges;
mod labels;
mod process;
mod registration;

pub use connections::{AccountState, CollectionUsage, ConnectionState};
pub use labels::{AccessChange, Write};
pub use prometheus_client::encoding::prometheus_text::CONTENT_TYPE as CLASSIC_CONTENT_TYPE;

use gauges::Gauges;
use labels::{Call, Code, Kind, KindResult, Orphan, Request, System, Unsent, Wait};
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

/// The prefix of the name of every metric but `process_*`.
pub const PREFIX: &str = "cloud_policy";

/// Buckets for requests, which have a timeout, and for reconciles, which wait for several requests.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of the operator. All methods are thread-safe and never block on I/O.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<KindResult, Counter>,
    reconcile_duration: Histograms<Kind>,
    panics: Family<Kind, Counter>,
    requests: Family<Request, Counter>,
    request_duration: Histograms<Call>,
    writes: Family<Write, Counter>,
    access_changes: Family<AccessChange, Counter>,
    unsent: Family<Unsent, Counter>,
    rate_limit_waits: Histograms<Wait>,
    drifts_found: Family<System, Counter>,
    drifts_corrected: Family<System, Counter>,
    orphans: Family<Orphan, Counter>,
    events_queued: Gauge,
    events_dropped: Counter,
    leading: Gauge,
    stalls: Gauge,
    gauges: Arc<Gauges>,
}

impl Metrics {
    /// Creates the metrics of a process of this version.
    #[must_use]
    pub fn new(version: &str) -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::default(),
            reconciles: Family::default(),
            reconcile_duration: Family::new_with_constructor(histogram),
            panics: Family::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(histogram),
            writes: Family::default(),
            access_changes: Family::default(),
            unsent: Family::default(),
            rate_limit_waits: Family::new_with_constructor(histogram),
            drifts_found: Family::default(),
            drifts_corrected: Family::default(),
            orphans: Family::default(),
            events_queued: Gauge::default(),
            events_dropped: Counter::default(),
            leading: Gauge::default(),
            stalls: Gauge::default(),
            gauges: Arc::default(),
        };
        metrics.register(version);
        Arc::new(metrics)
    }

    /// Creates series with the value 0 for rare events, so that the first event is an increase: panics of
    /// all `kinds`, orphans of `managed` kinds for each of the `reasons`, and drift in these `systems`.
    pub fn initialize(
        &self,
        kinds: &[&'static str],
        managed: &[&'static str],
        reasons: &[&'static str],
        systems: &[&'static str],
    ) {
        for kind in kinds {
            self.panics.get_or_create(&Kind { kind }).inc_by(0);
        }
        for (kind, reason) in managed.iter().flat_map(|kind| reasons.iter().map(move |reason| (kind, reason))) {
            self.orphans.get_or_create(&Orphan { kind, reason }).inc_by(0);
        }
        for system in systems {
            self.drifts_found.get_or_create(&System { system }).inc_by(0);
            self.drifts_corrected.get_or_create(&System { system }).inc_by(0);
        }
    }

    /// Records the end of a reconcile. `result` is `ok` or the type of failure.
    pub fn reconciled(&self, kind: &'static str, result: &'static str, elapsed: Duration) {
        self.reconciles.get_or_create(&KindResult { kind, result }).inc();
        self.reconcile_duration.get_or_create(&Kind { kind }).observe(elapsed.as_secs_f64());
    }

    /// Records a panic in a reconcile.
    pub fn panicked(&self, kind: &'static str) {
        self.panics.get_or_create(&Kind { kind }).inc();
    }

    /// Records the end of an upstream request. `code` is the HTTP status, or one of [`labels::FAILURES`]
    /// if there was no response. Any other text counts as `error`.
    pub fn upstream_request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration) {
        self.requests.get_or_create(&Request { system, operation, code: Code::parse(code) }).inc();
        self.request_duration.get_or_create(&Call { system, operation }).observe(elapsed.as_secs_f64());
    }

    /// Records an upstream request that the operator did not send.
    pub fn upstream_request_unsent(&self, system: &'static str, reason: &'static str) {
        self.unsent.get_or_create(&Unsent { system, reason }).inc();
    }

    /// Records how long an upstream request waited for the rate limit.
    pub fn upstream_wait(&self, system: &'static str, priority: &'static str, waited: Duration) {
        self.rate_limit_waits.get_or_create(&Wait { system, priority }).observe(waited.as_secs_f64());
    }

    /// Records the end of an upstream request that may change something.
    pub fn upstream_write(&self, write: Write) {
        self.writes.get_or_create(&write).inc();
    }

    /// Records an upstream object that another writer changed or deleted.
    pub fn drift_found(&self, system: &'static str) {
        self.drifts_found.get_or_create(&System { system }).inc();
    }

    /// Records a change of access upstream, with its cause. `external` is another writer's.
    pub fn access_changed(&self, change: &AccessChange) {
        self.access_changes.get_or_create(change).inc();
    }

    /// Records a correction of drift.
    pub fn drift_corrected(&self, system: &'static str) {
        self.drifts_corrected.get_or_create(&System { system }).inc();
    }

    /// Records an object that was removed while its upstream object stayed.
    pub fn orphaned(&self, kind: &'static str, reason: &'static str) {
        self.orphans.get_or_create(&Orphan { kind, reason }).inc();
    }

    /// Replaces the number of objects of `kind` by reason, in one step: no scrape sees a mixture of old
    /// and new numbers, and a reason that no object has any more disappears.
    pub fn set_objects(&self, kind: &'static str, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        self.gauges.set_objects(kind, by_reason.into_iter().collect());
    }

    /// Replaces the number of objects of `kind` whose upstream may grant more than the spec, by reason.
    pub fn set_wider_objects(&self, kind: &'static str, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        self.gauges.set_wider_objects(kind, by_reason.into_iter().collect());
    }

    /// Replaces the state of the connections of `kind`, in one step.
    pub fn set_connections(&self, kind: &'static str, mut connections: Vec<ConnectionState>) {
        connections.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.gauges.set_connections(kind, connections);
    }

    /// Sets whether this process may write upstream.
    pub fn set_leading(&self, leading: bool) {
        self.leading.set(i64::from(leading));
    }

    /// Sets how many parts of the process make no progress.
    pub fn set_stalled(&self, count: usize) {
        self.stalls.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Returns all metrics as `OpenMetrics` text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Returns all metrics in the older Prometheus text format, for clients that do not request `OpenMetrics`, such as
    /// `promtool check metrics`.
    pub fn encode_classic(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
