//! The names and help texts of the metrics.

use super::process::Process;
use super::{Metrics, PREFIX};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;
use std::sync::Arc;

impl Metrics {
    /// Registers every metric of a process of this version.
    pub(super) fn register(&mut self, version: &str) {
        self.register_reconciles();
        self.register_upstream();
        self.register_writes();
        self.register_operator(version);
        self.registry.register_collector(Box::new(Process::this()));
    }

    fn register_reconciles(&mut self) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        registry.register("reconciles", "Reconciles by kind and result", self.reconciles.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "Duration of reconciles",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        registry.register(
            "reconcile_panics",
            "Reconciles that panicked; other objects are not affected",
            self.panics.clone(),
        );
        registry.register(
            "orphans",
            "Kubernetes objects removed while the upstream object stayed",
            self.orphans.clone(),
        );
        registry.register_collector(Box::new(Arc::clone(&self.gauges)));
    }

    fn register_upstream(&mut self) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        registry.register(
            "upstream_requests",
            "Upstream requests by HTTP status or type of failure",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "upstream_request_duration",
            "Time from sending an upstream request to its response or failure",
            Unit::Seconds,
            self.request_duration.clone(),
        );
        registry.register(
            "upstream_requests_unsent",
            "Upstream requests that the operator did not send",
            self.unsent.clone(),
        );
        registry.register_with_unit(
            "upstream_rate_limit_wait",
            "Time that upstream requests waited for the rate limit of their connection",
            Unit::Seconds,
            self.rate_limit_waits.clone(),
        );
    }

    fn register_writes(&mut self) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        registry.register("upstream_writes", "Upstream writes by cause and outcome", self.writes.clone());
        registry.register(
            "access_changes",
            "Changes of the access that the upstream grants, by direction and cause",
            self.access_changes.clone(),
        );
        registry.register(
            "drifts_found",
            "Upstream objects that another writer changed or deleted",
            self.drifts_found.clone(),
        );
        registry.register(
            "drifts_corrected",
            "Upstream objects whose drift the operator corrected",
            self.drifts_corrected.clone(),
        );
    }

    fn register_operator(&mut self, version: &str) {
        let registry = self.registry.sub_registry_with_prefix(PREFIX);
        registry.register(
            "events_queued",
            "Kubernetes events that wait for their publication",
            self.events_queued.clone(),
        );
        registry.register(
            "events_dropped",
            "Kubernetes events that were dropped because too many waited",
            self.events_dropped.clone(),
        );
        registry.register("leading", "1 while this process may write upstream", self.leading.clone());
        registry.register(
            "stalls",
            "Controllers or parts of them that make no progress, so that /healthz fails",
            self.stalls.clone(),
        );
        registry.register("build", "The running version", Info::new(vec![("version".to_owned(), version.to_owned())]));
    }
}
