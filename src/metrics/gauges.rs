//! Gauges that say how things are now, written as whole families.
//!
//! A family of single gauges would keep a series for a reason that no object has any more, and a
//! scrape between two `set`s would see a sum that never was. Here each kind's numbers are replaced
//! under one lock, and a scrape reads all of them under the same lock.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type ByReason = BTreeMap<&'static str, usize>;

#[derive(Debug, Default)]
pub(super) struct Gauges {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<&'static str, ByReason>,
    connections: BTreeMap<&'static str, Connections>,
}

#[derive(Debug, Clone, Copy)]
struct Connections {
    ready: usize,
    total: usize,
}

impl Gauges {
    pub fn set_objects(&self, kind: &'static str, by_reason: ByReason) {
        self.lock().objects.insert(kind, by_reason);
    }

    pub fn set_connections(&self, kind: &'static str, ready: usize, total: usize) {
        self.lock().connections.insert(kind, Connections { ready, total });
    }

    /// Plain numbers cannot be left half-written, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let state = self.lock();
        let objects = state.objects.iter().flat_map(|(kind, by_reason)| {
            by_reason.iter().map(move |(reason, count)| ([("kind", *kind), ("reason", *reason)], *count))
        });
        let ready = state.connections.iter().map(|(kind, now)| ([("kind", *kind)], now.ready));
        let total = state.connections.iter().map(|(kind, now)| ([("kind", *kind)], now.total));
        gauge(&mut encoder, "objects", "Objects by kind and the reason of their Ready condition", objects)?;
        gauge(&mut encoder, "connections_ready", "Connections whose credentials work", ready)?;
        gauge(&mut encoder, "connections", "Connections that exist", total)
    }
}

fn gauge<L: EncodeLabelSet>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (L, usize)>,
) -> Result<(), std::fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, count) in series {
        let value = i64::try_from(count).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
