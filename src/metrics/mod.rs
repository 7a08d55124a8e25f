//! What the operator counts, and the text that Prometheus reads.
//!
//! One [`Metrics`] is made at start and handed down; nothing here is global. Every label value is
//! a `&'static str` of an enum or is folded into a closed set ([`labels`]), so that no object name,
//! message or upstream text can grow the number of series.

mod gauges;
mod labels;

use gauges::Gauges;
use labels::{Call, Code, Drift, Kind, KindResult, Orphan, Request, Write};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::Duration;

/// The prefix of every name.
pub const PREFIX: &str = "cloud_policy";

/// A reconcile may wait for a handful of upstream calls; a call is cut off by its own timeout.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// The operator's metrics. Every method may be called from any thread and never blocks on I/O.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciles: Family<KindResult, Counter>,
    reconcile_duration: Histograms<Kind>,
    panics: Family<Kind, Counter>,
    requests: Family<Request, Counter>,
    request_duration: Histograms<Call>,
    writes: Family<Write, Counter>,
    drifts: Family<Drift, Counter>,
    orphans: Family<Orphan, Counter>,
    leading: Gauge,
    gauges: Arc<Gauges>,
}

impl Metrics {
    /// Metrics of a process of this version.
    #[must_use]
    pub fn new(version: &str) -> Arc<Self> {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            reconciles: Family::default(),
            reconcile_duration: Family::new_with_constructor(histogram),
            panics: Family::default(),
            requests: Family::default(),
            request_duration: Family::new_with_constructor(histogram),
            writes: Family::default(),
            drifts: Family::default(),
            orphans: Family::default(),
            leading: Gauge::default(),
            gauges: Arc::default(),
        };
        metrics.register_reconciles();
        metrics.register_upstream();
        metrics.register_process(version);
        Arc::new(metrics)
    }

    fn register_reconciles(&mut self) {
        let to = &mut self.registry;
        to.register("reconciles", "Reconciles by kind and the reason they ended with", self.reconciles.clone());
        to.register_with_unit(
            "reconcile_duration",
            "Time from start to end of a reconcile",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        to.register("reconcile_panics", "Reconciles that panicked and were contained", self.panics.clone());
        to.register("orphans", "Kubernetes objects let go while the upstream object stayed", self.orphans.clone());
        to.register_collector(Box::new(Arc::clone(&self.gauges)));
    }

    fn register_upstream(&mut self) {
        let to = &mut self.registry;
        to.register("upstream_requests", "Upstream calls by HTTP status or kind of failure", self.requests.clone());
        to.register_with_unit(
            "upstream_request_duration",
            "Time from sending an upstream call to its answer or failure",
            Unit::Seconds,
            self.request_duration.clone(),
        );
        to.register("upstream_writes", "Upstream writes by what caused them", self.writes.clone());
        to.register("drifts", "Upstream objects found changed behind the operator's back", self.drifts.clone());
    }

    fn register_process(&mut self, version: &str) {
        let to = &mut self.registry;
        to.register("leading", "1 while this process may write upstream", self.leading.clone());
        to.register("build", "The running version", Info::new(vec![("version".to_owned(), version.to_owned())]));
    }

    /// A reconcile ended; `result` is the reason it ended with.
    pub fn reconciled(&self, kind: &'static str, result: &'static str, elapsed: Duration) {
        self.reconciles.get_or_create(&KindResult { kind, result }).inc();
        self.reconcile_duration.get_or_create(&Kind { kind }).observe(elapsed.as_secs_f64());
    }

    /// A reconcile panicked and was contained.
    pub fn panicked(&self, kind: &'static str) {
        self.panics.get_or_create(&Kind { kind }).inc();
    }

    /// An upstream call ended. `code` is the HTTP status, or one of [`labels::FAILURES`] when there
    /// was none; anything else counts as `error`.
    pub fn upstream_request(&self, system: &'static str, operation: &'static str, code: &str, elapsed: Duration) {
        self.requests.get_or_create(&Request { system, operation, code: Code::parse(code) }).inc();
        self.request_duration.get_or_create(&Call { system, operation }).observe(elapsed.as_secs_f64());
    }

    /// An upstream object was written: `operation` is `create`, `update`, `delete` or `claim`,
    /// `cause` is `spec`, `drift`, `adoption`, `deletion` or `recreate`.
    pub fn upstream_write(&self, system: &'static str, operation: &'static str, cause: &'static str) {
        self.writes.get_or_create(&Write { system, operation, cause }).inc();
    }

    /// Drift was found, and corrected or only reported.
    pub fn drift(&self, system: &'static str, corrected: bool) {
        let action = if corrected { "corrected" } else { "reported" };
        self.drifts.get_or_create(&Drift { system, action }).inc();
    }

    /// An object was let go while its upstream object stayed.
    pub fn orphaned(&self, kind: &'static str, why: &'static str) {
        self.orphans.get_or_create(&Orphan { kind, why }).inc();
    }

    /// How many objects of `kind` have each reason now. Replaces what was said of the kind before,
    /// in one step: no scrape sees a mixture, and a reason that nobody has any more disappears.
    pub fn set_objects(&self, kind: &'static str, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        self.gauges.set_objects(kind, by_reason.into_iter().collect());
    }

    /// How many connections of `kind` are ready now, of how many.
    pub fn set_connection_ready(&self, kind: &'static str, ready: usize, total: usize) {
        self.gauges.set_connections(kind, ready, total);
    }

    /// Whether this process may write upstream.
    pub fn set_leading(&self, leading: bool) {
        self.leading.set(i64::from(leading));
    }

    /// Everything, as `OpenMetrics` text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
