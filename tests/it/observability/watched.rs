//! An operator that is watched by Prometheus while it lives through a little of everything: what
//! alerts and dashboard ask for is there, under these names and labels.

use super::dashboard::{self, Query};
use super::prometheus::Prometheus;
use super::promql::{self, Matcher, Selector};
use super::{exposition, rules};
use crate::support::rbac;
use crate::support::test_env::{Operator, SOON, TestEnv, ncloud_policy, network_policy, spaceone_policy, upstream_id};
use cloud_policy::api::{NetworkPolicy, Policy, Reason};
use cloud_policy::server::{self, Readiness};
use cloud_policy_simulator::{Action, Fault, Operation};
use cloud_policy_testbed::{repository, wait_for};
use serde_json::json;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a reconcile may take here.
const PATIENCE: Duration = Duration::from_secs(6);

/// Serves the metrics as the operator's process does, until the guard is dropped.
async fn served(operator: &Operator) -> (SocketAddr, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(server::serve(listener, Arc::clone(&operator.metrics), Readiness::default(), stop.clone()));
    (address, stop.drop_guard())
}

/// Success, refusal, drift of both kinds, throttling, a reconcile that takes too long, a key that fits
/// into no request, deletion, an orphan.
async fn live(env: &TestEnv) {
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
        env.ncloud.edit_policy(id, |policy| policy.description = Some("theirs".to_owned()));
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
    env.eventually("the upstream to throttle and to dawdle", || env.ncloud.faults().injected() >= 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_alerts_and_dashboard_ask_for_is_there_in_a_running_operator() {
    let env = TestEnv::without_operator("watched").await;
    let operator = Operator::start(&rbac::client().await, &[env.namespace()], |settings| {
        settings.reconcile_timeout = PATIENCE;
    });
    // As `cloud-policy run` does once it holds the Lease.
    operator.metrics.set_leading(true);
    let (address, _guard) = served(&operator).await;
    let prometheus = Prometheus::scraping(address).await;
    live(&env).await;
    let answered = || async {
        let problems = problems(&prometheus).await;
        anyhow::ensure!(problems.is_empty(), "{}", problems.join("\n"));
        Ok(())
    };
    // Gauges follow every ten seconds.
    wait_for("every query to be answered", SOON, answered).await.unwrap();
    exposition::is_accepted(&operator.metrics.encode_classic().unwrap());
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
    let ill = alerts.into_iter().filter(|(_, rule)| rule["health"] != "ok");
    problems.extend(ill.map(|(name, rule)| format!("{name}: {} {}", rule["health"], rule["lastError"])));
    problems
}

/// What is wrong with the answer to a query of the dashboard.
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

/// The metrics, labels and values that a query names and the operator does not have.
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
            problems.extend(strange(&metric, matcher, &values).map(|value| format!("{place}: {metric} with {value}")));
        }
        labels.extend(own.into_iter().cloned());
    }
    let strange = promql::kept(query).into_iter().filter(|label| !labels.contains(label));
    problems.extend(strange.map(|label| format!("{place}: no label {label}")));
    problems
}

/// The values that a matcher names and that nothing has. Reasons are those that the code knows; what
/// does not happen here is at least documented; a code may be a pattern.
fn strange<'a>(metric: &str, matcher: &'a Matcher, values: &'a BTreeSet<&str>) -> impl Iterator<Item = String> + 'a {
    let row = documented(metric);
    let known = move |value: &str| match matcher.label.as_str() {
        "namespace" => !values.is_empty(),
        "reason" => {
            Reason::ALL.iter().any(|reason| reason.as_str() == value) || ["Unseen", "Unreadable"].contains(&value)
        }
        "code" if matcher.operator != "=" => !values.is_empty(),
        _ => values.contains(value) || row.contains(&format!("`{value}`")),
    };
    let strange = matcher.alternatives().filter(move |value| !known(value));
    strange.map(|value| format!("{}=\"{value}\"", matcher.label))
}

/// What the page of the metrics says of this one; it is held to the code by a test of its own.
fn documented(metric: &str) -> String {
    let page = std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `{metric}` |")));
    row.unwrap_or_default().to_owned()
}
