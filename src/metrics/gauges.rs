//! Gauges of objects and connections, replaced and encoded as whole families.
//!
//! Single gauges would keep a series for a reason that no object has any more, and a scrape between
//! two `set` calls would see a wrong sum. Here the numbers of a kind are replaced under one lock, and
//! a scrape reads all of them under the same lock.

use super::connections::{self, ConnectionState};
use super::family::{encode_gauges, gauge_value};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
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
    wider: BTreeMap<&'static str, ByReason>,
    connections: BTreeMap<&'static str, Vec<ConnectionState>>,
}

impl Gauges {
    pub fn set_objects(&self, kind: &'static str, by_reason: ByReason) {
        self.lock().objects.insert(kind, by_reason);
    }

    pub fn set_wider_objects(&self, kind: &'static str, by_reason: ByReason) {
        self.lock().wider.insert(kind, by_reason);
    }

    pub fn set_connections(&self, kind: &'static str, connections: Vec<ConnectionState>) {
        self.lock().connections.insert(kind, connections);
    }

    /// Locks the state. A panic cannot leave it half written, because each entry is replaced as a
    /// whole, so a poisoned lock is used too.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let state = self.lock();
        encode_by_reason(
            &mut encoder,
            ("objects", "Objects by kind and reason of their Ready condition"),
            &state.objects,
        )?;
        let help = "Objects whose upstream may grant more than the spec, or is kept from it by corrections only";
        encode_by_reason(&mut encoder, ("objects_wider", help), &state.wider)?;
        let total = state.connections.iter().map(|(kind, all)| ([("kind", *kind)], gauge_value(all.len())));
        encode_gauges(&mut encoder, "connections", "Connections that exist", total)?;
        let ready = state.connections.iter().map(|(kind, all)| {
            ([("kind", *kind)], gauge_value(all.iter().filter(|connection| connection.ready).count()))
        });
        encode_gauges(&mut encoder, "connections_ready", "Connections whose upstream accepts the credentials", ready)?;
        connections::encode(&state.connections, &mut encoder)
    }
}

fn encode_by_reason(
    encoder: &mut DescriptorEncoder,
    (name, help): (&str, &str),
    kinds: &BTreeMap<&'static str, ByReason>,
) -> Result<(), Error> {
    let series = kinds.iter().flat_map(|(kind, by_reason)| {
        by_reason.iter().map(move |(reason, count)| ([("kind", *kind), ("reason", *reason)], gauge_value(*count)))
    });
    encode_gauges(encoder, name, help, series)
}
