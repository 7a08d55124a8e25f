//! An operator that Prometheus scrapes while all kinds of events occur: the metrics and labels in the queries
//! of alerts and dashboard exist.

use super::dashboard::{self, Query};
use super::prometheus::Prometheus;
use super::promql::{self, Matcher, Selector};
use super::{exposition, rules};
use crate::support::rbac;
use crate::support::test_env::{Operator, SOON, TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy, Reason};
use cloud_policy::server::{self, Liveness, Readiness};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::{repository, wait_for};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a reconcile may take in this test.
const PATIENCE: Duration = Duration::from_secs(6);

/// Serves the metrics like the operator's process, until the guard is dropped.
async fn served(operator: &Operator) -> (SocketAddr, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(server::serve(
        listener,
        Arc::clone(&operator.metrics),
        Readiness::default(),
        Liveness::new(Vec::new),
        stop.clone(),
    ));
    (address, stop.drop_guard())
}

/// Causes success, refusal, drift of both kinds, throttling, a reconcile that takes too long, a key that is invalid
/// in a header, a deletion and an orphan.
async fn cause_events(env: &TestEnv) {
    let with = |mut object: serde_json::Value, key: &str, value: &str| {
        object["spec"][key] = json!(value);
        object
    };
    let mut refused = ncloud_policy("refused");
    refused["spec"]["ncloud"]["permissions"][0]["targets"][0]["product"] = json!("NoSuchProduct");
    env.apply(refused).await;
    env.apply(ncloud_policy("corrected")).await;
    env.apply(with(ncloud_policy("reported"), "driftPolicy", "Report")).await;
    env.apply(with(ncloud_policy("left"), "deletionPolicy", "Orphan")).await;
    env.apply(spaceone_policy("deleted")).await;
    env.apply(network_policy("network", &env.spaceone.zone_ids()[0])).await;
    let (url, domain) = (env.spaceone.url(), env.spaceone.domain_id());
    env.connect_spaceone("garbled", &url, "Rest", &domain, "no\u{7}token").await;

    env.reason::<Policy>("refused", Reason::ValidationFailed.as_str()).await;
    env.ready::<NetworkPolicy>("network").await;
    let corrected = upstream_id(&env.ready::<Policy>("corrected").await);
    let reported = upstream_id(&env.ready::<Policy>("reported").await);
    for id in [&corrected, &reported] {
        env.ncloud.edit_policy(id, |policy| {
            policy.description = Some("theirs".to_owned());
            policy.permissions[0].targets[0].actions = vec!["*".to_owned()];
        });
    }
    env.reason::<Policy>("reported", Reason::DriftReported.as_str()).await;
    env.eventually("the correction", || env.ncloud.journal().effects(Operation::Update) == 1).await;
    for name in ["left", "deleted"] {
        env.ready::<Policy>(name).await;
        env.delete::<Policy>(name).await;
        env.gone::<Policy>(name).await;
    }
    env.ncloud.faults().add(Fault::on(Operation::Get).times(2).before(Action::status(429, "")));
    env.ncloud.faults().add(Fault::on(Operation::Get).before(Action::Pass).latency(2 * PATIENCE));
    env.eventually("the upstream to throttle and to be slow", || env.ncloud.faults().injected() >= 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_exposes_metrics_of_alerts_and_dashboard() {
    let env = TestEnv::without_operator("watched").await;
    let operator = Operator::start(&rbac::client().await, &[env.namespace()], |settings| {
        settings.reconcile_timeout = PATIENCE;
    });
    // Like `cloud-policy run` with the Lease.
    operator.metrics.set_leading(true);
    let (address, _guard) = served(&operator).await;
    let prometheus = Prometheus::scraping(address).await;
    cause_events(&env).await;
    let answered = || async {
        let problems = problems(&prometheus).await;
        anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    };
    // Gauges are updated every ten seconds.
    wait_for("every query to be answered", SOON, answered).await.unwrap();
    exposition::assert_accepted(&operator.metrics.encode_classic().unwrap());
}

async fn problems(prometheus: &Prometheus) -> Vec<String> {
    let mut problems = Vec::new();
    for query in dashboard::queries() {
        problems.extend(unanswered(prometheus, &query).await.map(|problem| format!("{}: {problem}", query.place)));
        problems.extend(unknown(prometheus, &query.place, &query.expression).await);
    }
    for rule in rules() {
        let (name, expression) = (rule["alert"].as_str().unwrap(), rule["expr"].as_str().unwrap());
        problems.extend(unknown(prometheus, name, expression).await);
    }
    let alerts = prometheus.alerts().await;
    assert_eq!(alerts.len(), rules().len());
    let unhealthy = alerts.into_iter().filter(|(_, rule)| rule["health"] != "ok");
    problems.extend(unhealthy.map(|(name, rule)| format!("{name}: {} {}", rule["health"], rule["lastError"])));
    problems
}

/// Returns the problem with the result of a query of the dashboard.
async fn unanswered(prometheus: &Prometheus, query: &Query) -> Option<String> {
    let expression = promql::filled_in(&query.expression);
    let series = match prometheus.query(&expression).await {
        Ok(series) => series,
        Err(error) => return Some(format!("{error}: {expression}")),
    };
    if !series.iter().any(|series| series.value().is_finite()) {
        return Some(format!("no number in {series:?}: {expression}"));
    }
    let named = regex::Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let missing = named.captures_iter(&query.legend).map(|found| found[1].to_owned());
    let missing: Vec<_> = missing.filter(|label| !series.iter().any(|s| s.labels.contains_key(label))).collect();
    (!missing.is_empty()).then(|| format!("{missing:?} of `{}` are in no series of {expression}", query.legend))
}

/// Returns the metrics, labels and values in a query that the operator does not have.
async fn unknown(prometheus: &Prometheus, place: &str, query: &str) -> Vec<String> {
    let (mut problems, mut labels) = (Vec::new(), BTreeSet::new());
    for Selector { metric, matchers } in promql::selectors(query) {
        let series = prometheus.query(&metric).await.unwrap();
        if series.is_empty() {
            problems.push(format!("{place}: no {metric}"));
        }
        let own: BTreeSet<&String> = series.iter().flat_map(|series| series.labels.keys()).collect();
        for matcher in &matchers {
            let values: BTreeSet<&str> =
                series.iter().filter_map(|series| series.labels.get(&matcher.label)).map(String::as_str).collect();
            problems.extend(
                unknown_values(&metric, matcher, &values).map(|value| format!("{place}: {metric} with {value}")),
            );
        }
        labels.extend(own.into_iter().cloned());
    }
    let missing = promql::kept_labels(query).into_iter().filter(|label| !labels.contains(label));
    problems.extend(missing.map(|label| format!("{place}: no label {label}")));
    problems
}

/// Returns the values of a matcher that no series has. Reasons must exist in the code; values that do not
/// occur here must be documented; a code may be a pattern.
fn unknown_values<'a>(
    metric: &str,
    matcher: &'a Matcher,
    values: &'a BTreeSet<&str>,
) -> impl Iterator<Item = String> + 'a {
    let row = documented(metric);
    // The reasons of gauges are those of conditions.
    let of_condition = !metric.ends_with("_total");
    let known = move |value: &str| match matcher.label.as_str() {
        "namespace" => !values.is_empty(),
        "reason" if of_condition => {
            Reason::ALL.iter().any(|reason| reason.as_str() == value) || ["Unseen", "Unreadable"].contains(&value)
        }
        "code" if matcher.operator != "=" => !values.is_empty(),
        _ => values.contains(value) || row.contains(&format!("`{value}`")),
    };
    let unknown = matcher.alternatives().filter(move |value| !known(value));
    unknown.map(|value| format!("{}=\"{value}\"", matcher.label))
}

/// Returns the row of a metric on the metrics page. Another test compares the page with the code.
fn documented(metric: &str) -> String {
    let page = std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `{metric}` |")));
    row.unwrap_or_default().to_owned()
}
