//! What the operator counts, and the text that Prometheus reads.
//!
//! One [`Metrics`] is made at start and handed down; nothing here is global. Every label value is
//! a `&'static str` of an enum or is folded into a closed set ([`labels`]), so that no object name,
//! message or upstream text can grow the number of series. Only [`connections`] have names, and a limit.

mod classic;
pub mod connections;
mod gauges;
mod labels;

pub use connections::{AccountNow, ConnectionNow, HeldNow};
pub use labels::Write;

use gauges::Gauges;
use labels::{Call, Code, Kind, KindResult, Orphan, Request, System, Unsent, Wait};
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
    unsent: Family<Unsent, Counter>,
    waits: Histograms<Wait>,
    drifts_found: Family<System, Counter>,
    drifts_corrected: Family<System, Counter>,
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
            unsent: Family::default(),
            waits: Family::new_with_constructor(histogram),
            drifts_found: Family::default(),
            drifts_corrected: Family::default(),
            orphans: Family::default(),
            leading: Gauge::default(),
            gauges: Arc::default(),
        };
        metrics.register_reconciles();
        metrics.register_upstream();
        metrics.register_writes();
        metrics.register_process(version);
        Arc::new(metrics)
    }

    fn register_reconciles(&mut self) {
        let to = &mut self.registry;
        to.register("reconciles", "Reconciles by kind and how they ended", self.reconciles.clone());
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
        to.register("upstream_requests_unsent", "Upstream calls that were kept back", self.unsent.clone());
        to.register_with_unit(
            "upstream_rate_limit_wait",
            "Time that upstream calls waited for the rate limit of their connection",
            Unit::Seconds,
            self.waits.clone(),
        );
    }

    fn register_writes(&mut self) {
        let to = &mut self.registry;
        to.register(
            "upstream_writes",
            "Upstream writes by what caused them and what came of them",
            self.writes.clone(),
        );
        let found = "Upstream objects found changed or deleted by somebody else";
        to.register("drifts_found", found, self.drifts_found.clone());
        to.register("drifts_corrected", "Of these, those that were put right", self.drifts_corrected.clone());
    }

    fn register_process(&mut self, version: &str) {
        let to = &mut self.registry;
        to.register("leading", "1 while this process may write upstream", self.leading.clone());
        to.register("build", "The running version", Info::new(vec![("version".to_owned(), version.to_owned())]));
    }

    /// Has what must not happen begin at nothing, so that its first time is an increase: panics of
    /// all `kinds`, orphans of `managed` kinds for each of these reasons, drift in these systems.
    pub fn begin(
        &self,
        kinds: &[&'static str],
        managed: &[&'static str],
        whys: &[&'static str],
        systems: &[&'static str],
    ) {
        for kind in kinds {
            self.panics.get_or_create(&Kind { kind }).inc_by(0);
        }
        for (kind, why) in managed.iter().flat_map(|kind| whys.iter().map(move |why| (kind, why))) {
            self.orphans.get_or_create(&Orphan { kind, why }).inc_by(0);
        }
        for system in systems {
            self.drifts_found.get_or_create(&System { system }).inc_by(0);
            self.drifts_corrected.get_or_create(&System { system }).inc_by(0);
        }
    }

    /// A reconcile ended; `result` is `ok` or what failed.
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

    /// An upstream call was kept back.
    pub fn upstream_request_unsent(&self, system: &'static str, why: &'static str) {
        self.unsent.get_or_create(&Unsent { system, why }).inc();
    }

    /// An upstream call has waited for the rate limit.
    pub fn upstream_wait(&self, system: &'static str, urgency: &'static str, waited: Duration) {
        self.waits.get_or_create(&Wait { system, urgency }).observe(waited.as_secs_f64());
    }

    /// An upstream call that may change something has ended.
    pub fn upstream_write(&self, write: Write) {
        self.writes.get_or_create(&write).inc();
    }

    /// An upstream object was found changed or deleted by somebody else.
    pub fn drift_found(&self, system: &'static str) {
        self.drifts_found.get_or_create(&System { system }).inc();
    }

    /// What was found was put right.
    pub fn drift_corrected(&self, system: &'static str) {
        self.drifts_corrected.get_or_create(&System { system }).inc();
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

    /// How the connections of `kind` stand now; also in one step.
    pub fn set_connections(&self, kind: &'static str, mut connections: Vec<ConnectionNow>) {
        connections.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.gauges.set_connections(kind, connections);
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

    /// The same in the older text format of Prometheus.
    pub fn encode_classic(&self) -> Result<String, std::fmt::Error> {
        self.encode().map(|text| classic::classic(&text))
    }
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

#[cfg(test)]
mod tests;
