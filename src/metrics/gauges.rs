//! Gauges that say how things are now, written as whole families.
//!
//! A family of single gauges would keep a series for a reason that no object has any more, and a
//! scrape between two `set`s would see a sum that never was. Here each kind's numbers are replaced
//! under one lock, and a scrape reads all of them under the same lock.

use super::connections::ConnectionNow;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

type ByReason = BTreeMap<&'static str, usize>;

#[derive(Debug, Default)]
pub(super) struct Gauges {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<&'static str, ByReason>,
    connections: BTreeMap<&'static str, Vec<ConnectionNow>>,
}

impl Gauges {
    pub fn set_objects(&self, kind: &'static str, by_reason: ByReason) {
        self.lock().objects.insert(kind, by_reason);
    }

    pub fn set_connections(&self, kind: &'static str, connections: Vec<ConnectionNow>) {
        self.lock().connections.insert(kind, connections);
    }

    /// What stands here is replaced as a whole, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let state = self.lock();
        let objects = state.objects.iter().flat_map(|(kind, by_reason)| {
            by_reason.iter().map(move |(reason, count)| ([("kind", *kind), ("reason", *reason)], whole(*count)))
        });
        gauge(&mut encoder, "objects", "Objects by kind and the reason of their Ready condition", objects)?;
        let total = state.connections.iter().map(|(kind, all)| ([("kind", *kind)], whole(all.len())));
        gauge(&mut encoder, "connections", "Connections that exist", total)?;
        let ready = state
            .connections
            .iter()
            .map(|(kind, all)| ([("kind", *kind)], whole(all.iter().filter(|connection| connection.ready).count())));
        gauge(&mut encoder, "connections_ready", "Connections whose upstream takes the credentials", ready)?;
        super::connections::encode(&state.connections, &mut encoder)
    }
}

/// A count as the encoder takes it.
pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One family.
pub(super) fn gauge<L: EncodeLabelSet, N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (L, N)>,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in series {
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
