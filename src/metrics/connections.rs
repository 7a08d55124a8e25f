//! How each connection stands: the only metrics with names of objects in their labels.
//!
//! Their number is bounded by [`SERIES`]: a namespace full of connections fills no Prometheus.

use super::gauges::{gauge, whole};
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use std::collections::BTreeMap;
use std::fmt::Error;

/// How many connections of a kind have series of their own, in order of namespace and name.
pub const SERIES: usize = 500;

/// One connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionNow {
    /// Empty for those of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether the upstream takes the credentials.
    pub ready: bool,
    /// The reason of its `Ready` condition.
    pub reason: &'static str,
    /// What was opened for it, if anything was.
    pub account: Option<AccountNow>,
    /// What the upstream account held at the last probe.
    pub held: Vec<HeldNow>,
}

/// The limits of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountNow {
    /// Whether only probes are sent.
    pub breaker_open: bool,
    /// Requests per second that may be sent now.
    pub rate: f64,
    /// Requests per second, as configured.
    pub rate_configured: f64,
    /// Requests that may be sent at once.
    pub tokens: f64,
    /// Requests that wait for the rate limit.
    pub waiting: usize,
    /// The collections that were listed, and when, in seconds since 1970.
    pub snapshots: Vec<(&'static str, f64)>,
}

/// How many objects an account holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeldNow {
    /// The collection, such as `network_policies`.
    pub collection: String,
    /// Whoever made them.
    pub count: i64,
    /// How many it may hold, where that is known.
    pub limit: Option<i64>,
}

impl HeldNow {
    fn labels(&self) -> Labels<'_> {
        vec![("collection", &self.collection)]
    }
}

type ByKind = BTreeMap<&'static str, Vec<ConnectionNow>>;

/// Kind, namespace, name, and what else tells series apart.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// A name below `connection_` and its help text.
type About = (&'static str, &'static str);

pub(super) fn encode(connections: &ByKind, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let ready: About = ("connection_ready", "1 when the upstream takes the credentials of this connection");
    each(encoder, ready, connections, |now| vec![(vec![("reason", now.reason)], i64::from(now.ready))])?;
    encode_accounts(connections, encoder)?;
    let held: About = ("connection_upstream_objects", "Objects that the upstream account holds, whoever made them");
    each(encoder, held, connections, |now| now.held.iter().map(|held| (held.labels(), held.count)).collect())?;
    let limit: About = ("connection_upstream_objects_limit", "How many objects the upstream account may hold");
    each(encoder, limit, connections, |now| {
        now.held.iter().filter_map(|held| Some((held.labels(), held.limit?))).collect()
    })
}

fn encode_accounts(connections: &ByKind, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let open: About = ("connection_breaker_open", "1 while only probes are sent, because the upstream failed in a row");
    of_account(encoder, open, connections, |account| i64::from(account.breaker_open))?;
    let rate: About = ("connection_rate_limit", "Requests per second that may be sent now");
    of_account(encoder, rate, connections, |account| account.rate)?;
    let full: About = ("connection_rate_limit_configured", "Requests per second that the connection was given");
    of_account(encoder, full, connections, |account| account.rate_configured)?;
    let tokens: About = ("connection_rate_limit_tokens", "Requests that may be sent at once now");
    of_account(encoder, tokens, connections, |account| account.tokens)?;
    let waiting: About = ("connection_requests_waiting", "Requests that wait for the rate limit");
    of_account(encoder, waiting, connections, |account| whole(account.waiting))?;
    let listed: About = ("connection_snapshot_timestamp_seconds", "When the last list of all objects was begun");
    each(encoder, listed, connections, |now| {
        let snapshots = now.account.iter().flat_map(|account| &account.snapshots);
        snapshots.map(|(system, begun)| (vec![("system", *system)], *begun)).collect()
    })
}

/// One series for each connection that was opened.
fn of_account<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    about: About,
    connections: &ByKind,
    value: impl Fn(&AccountNow) -> N,
) -> Result<(), Error> {
    each(encoder, about, connections, |now| now.account.iter().map(|account| (Vec::new(), value(account))).collect())
}

/// The series of each connection: what tells them apart, and their values.
fn each<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    (name, help): About,
    connections: &ByKind,
    series: impl Fn(&ConnectionNow) -> Vec<(Labels<'_>, N)>,
) -> Result<(), Error> {
    let all = connections.iter().flat_map(|(kind, all)| all.iter().take(SERIES).map(move |now| (*kind, now)));
    let labelled = all.flat_map(|(kind, now)| {
        let own: Labels<'_> = vec![("kind", kind), ("connection_namespace", &now.namespace), ("connection", &now.name)];
        series(now).into_iter().map(move |(more, value)| ([own.clone(), more].concat(), value))
    });
    gauge(encoder, name, help, labelled)
}
