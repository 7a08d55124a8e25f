//! The state of each connection. These are the only metrics with names of objects in their labels.
//!
//! [`MAX_SERIES`] limits their number, so that many connections cannot overload Prometheus.

use super::family::{encode_gauges, gauge_value};
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use std::collections::BTreeMap;
use std::fmt::Error;

/// The number of connections of a kind that have series of their own, in order of namespace and name.
pub const MAX_SERIES: usize = 500;

/// The state of one connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionState {
    /// Its namespace; empty for a `ClusterConnection`.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether the upstream accepts the credentials.
    pub ready: bool,
    /// The reason of its `Ready` condition.
    pub reason: &'static str,
    /// The account that the operator opened for it, if there is one.
    pub account: Option<AccountState>,
    /// The number of objects in the upstream account at the last probe.
    pub usage: Vec<CollectionUsage>,
}

/// The rate limit, circuit breaker and snapshots of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountState {
    /// Whether the circuit breaker is open, so that only probes are sent.
    pub breaker_open: bool,
    /// Requests per second that the operator may send now.
    pub rate: f64,
    /// Requests per second, as configured.
    pub rate_configured: f64,
    /// Requests that the operator may send at once.
    pub tokens: f64,
    /// Requests that wait for the rate limit.
    pub waiting: usize,
    /// The collections that the operator has listed, each with the start time of the last list in seconds since 1970.
    pub snapshots: Vec<(&'static str, f64)>,
}

/// The number of objects in one collection of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CollectionUsage {
    /// The collection, such as `network_policies`.
    pub collection: String,
    /// The number of objects, including those that the operator did not create.
    pub count: i64,
    /// The maximum number of objects, if it is known.
    pub limit: Option<i64>,
}

impl CollectionUsage {
    fn labels(&self) -> Labels<'_> {
        vec![("collection", &self.collection)]
    }
}

type ByKind = BTreeMap<&'static str, Vec<ConnectionState>>;

/// Names and values of labels.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// The name of a metric and its help text.
type Description = (&'static str, &'static str);

const READY: Description = ("connection_ready", "1 if the upstream accepts the credentials of this connection");
const OBJECTS: Description = (
    "connection_upstream_objects",
    "Objects in the upstream account, including those that the operator did not create",
);
const OBJECTS_LIMIT: Description =
    ("connection_upstream_objects_limit", "Maximum number of objects in the upstream account");
const BREAKER_OPEN: Description =
    ("connection_breaker_open", "1 while only probes are sent, because the upstream failed several times in a row");
const RATE: Description = ("connection_rate_limit", "Requests per second that the operator may send now");
const RATE_CONFIGURED: Description =
    ("connection_rate_limit_configured", "Requests per second that the connection configures");
const TOKENS: Description = ("connection_rate_limit_tokens", "Requests that the operator may send at once now");
const WAITING: Description = ("connection_requests_waiting", "Requests that wait for the rate limit");
const SNAPSHOT: Description =
    ("connection_snapshot_timestamp_seconds", "Time at which the last list of all objects was started");

/// Writes all families of connections.
pub(super) fn encode(connections: &ByKind, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    encode_each(encoder, READY, connections, |connection| {
        vec![(vec![("reason", connection.reason)], i64::from(connection.ready))]
    })?;
    encode_accounts(connections, encoder)?;
    encode_each(encoder, OBJECTS, connections, |connection| {
        connection.usage.iter().map(|usage| (usage.labels(), usage.count)).collect()
    })?;
    encode_each(encoder, OBJECTS_LIMIT, connections, |connection| {
        connection.usage.iter().filter_map(|usage| Some((usage.labels(), usage.limit?))).collect()
    })
}

fn encode_accounts(connections: &ByKind, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    encode_account(encoder, BREAKER_OPEN, connections, |account| i64::from(account.breaker_open))?;
    encode_account(encoder, RATE, connections, |account| account.rate)?;
    encode_account(encoder, RATE_CONFIGURED, connections, |account| account.rate_configured)?;
    encode_account(encoder, TOKENS, connections, |account| account.tokens)?;
    encode_account(encoder, WAITING, connections, |account| gauge_value(account.waiting))?;
    encode_each(encoder, SNAPSHOT, connections, |connection| {
        let snapshots = connection.account.iter().flat_map(|account| &account.snapshots);
        snapshots.map(|(system, started)| (vec![("system", *system)], *started)).collect()
    })
}

/// Writes a family with one series for each connection that has an open account.
fn encode_account<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    description: Description,
    connections: &ByKind,
    value: impl Fn(&AccountState) -> N,
) -> Result<(), Error> {
    encode_each(encoder, description, connections, |connection| {
        connection.account.iter().map(|account| (Vec::new(), value(account))).collect()
    })
}

/// Writes a family with the `series` of each connection: further labels, and the value.
fn encode_each<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    (name, help): Description,
    connections: &ByKind,
    series: impl Fn(&ConnectionState) -> Vec<(Labels<'_>, N)>,
) -> Result<(), Error> {
    let shown = connections
        .iter()
        .flat_map(|(kind, all)| all.iter().take(MAX_SERIES).map(move |connection| (*kind, connection)));
    let labelled = shown.flat_map(|(kind, connection)| {
        let common: Labels<'_> =
            vec![("kind", kind), ("connection_namespace", &connection.namespace), ("connection", &connection.name)];
        series(connection).into_iter().map(move |(more, value)| ([common.clone(), more].concat(), value))
    });
    encode_gauges(encoder, name, help, labelled)
}
