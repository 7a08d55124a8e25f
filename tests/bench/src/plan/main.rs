//! Measures how long a plan of 500 policies takes against the simulators, and how many requests it sends, and prints both
//! as Markdown (`make bench-plan`). The requests are the same on every machine.

#![forbid(unsafe_code)]

use anyhow::Context as _;
use cloud_policy::api::ConnectionSpec;
use cloud_policy::api::connection::RateLimit;
use cloud_policy::plan::connections::Limits;
use cloud_policy::plan::owners::Owners;
use cloud_policy::plan::{Connections, Given, Input, Manifests, Planner, Report};
use cloud_policy::upstream::{Credentials, EndpointRules, HttpSettings};
use cloud_policy_simulator::ncloud::{self, Ncloud, NewPolicy};
use cloud_policy_simulator::spaceone::{self, Spaceone, StoredPolicy};
use cloud_policy_simulator::{Journal, Operation};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLICIES: usize = 500;

/// The goal of a plan.
const GOAL: Duration = Duration::from_secs(3);

/// The owner tag of the objects that are there.
const OWNER: &str = "bench_uid";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // An error means that another provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    println!(
        "| {POLICIES} policies | time | goal | lists | other reads | planned |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (name, existing, changed) in [
        ("all new", 0, 0),
        ("none changed", POLICIES, 0),
        ("10 changed", POLICIES, 10),
        ("all changed", POLICIES, POLICIES),
    ] {
        spaceone(name, existing, changed).await?;
        naver(name, existing, changed).await?;
    }
    Ok(())
}

async fn spaceone(name: &str, existing: usize, changed: usize) -> anyhow::Result<()> {
    let server = Spaceone::start(spaceone::Options::default()).await?;
    let permissions = |verb: &str| vec![format!("inventory.Server.{verb}"), "inventory.Region.*".to_owned()];
    let mut manifests = Vec::new();
    for at in 0..POLICIES {
        let id = format!("p-{at}");
        if at < existing {
            let verb = if at < changed { "get" } else { "list" };
            let mut policy = StoredPolicy { policy_id: id.clone(), name: "n".to_owned(), ..StoredPolicy::default() };
            policy.permissions = permissions(verb);
            policy.tags.insert("cloudpolicy_owner".to_owned(), json!(OWNER));
            server.add_policy(policy);
        }
        let block = json!({ "policyId": id, "name": "n", "permissions": permissions("list") });
        manifests.push(manifest(&id, "spaceone", &block));
    }
    let spec = json!({ "spaceone": {
        "endpoint": server.url(), "domainId": server.domain_id(), "tokenSecretRef": { "name": "x" },
    }});
    let credentials = Credentials::Spaceone { token: server.token().into() };
    measure(&format!("SpaceONE, {name}"), &manifests, given("spaceone", credentials, spec)?, server.journal()).await
}

async fn naver(name: &str, existing: usize, changed: usize) -> anyhow::Result<()> {
    let server = Ncloud::start(ncloud::Options::default()).await?;
    let permissions = |actions: &str| {
        let target = json!({ "product": "Server", "actions": [actions], "resourceNrns": ["*"] });
        json!([{ "effect": "Allow", "targets": [target] }])
    };
    let mut manifests = Vec::new();
    for at in 0..POLICIES {
        let policy_name = format!("p-{at}");
        if at < existing {
            server.add_policy(NewPolicy {
                policy_name: policy_name.clone(),
                permissions: serde_json::from_value(permissions(if at < changed { "Change*" } else { "View*" }))?,
                tags: [("cloudpolicy-owner".to_owned(), OWNER.to_owned())].into(),
                ..NewPolicy::default()
            });
        }
        let block = json!({ "policyName": policy_name, "permissions": permissions("View*") });
        manifests.push(manifest(&policy_name, "ncloud", &block));
    }
    let spec = json!({ "ncloud": { "endpoint": server.url(), "credentialsSecretRef": { "name": "x" } } });
    let credentials =
        Credentials::Ncloud { access_key: server.access_key().into(), secret_key: server.secret_key().into() };
    measure(&format!("NAVER Cloud, {name}"), &manifests, given("ncloud", credentials, spec)?, server.journal()).await
}

fn manifest(name: &str, upstream: &str, block: &Value) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Policy",
        "metadata": { "name": name, "namespace": "bench" },
        "spec": { "connectionRef": { "name": upstream }, upstream: block },
    })
}

fn given(name: &str, credentials: Credentials, spec: Value) -> anyhow::Result<Given> {
    let endpoint: ConnectionSpec = serde_json::from_value(spec)?;
    Ok(Given { name: name.to_owned(), credentials, endpoint: Some(endpoint), otherwise: None })
}

async fn measure(name: &str, manifests: &[Value], given: Given, journal: &Journal) -> anyhow::Result<()> {
    let text = serde_saphyr::to_string_multiple(manifests).context("cannot write the manifests")?;
    let begun = Instant::now();
    let report = plan(text, given).await?;
    let time = begun.elapsed();
    let (lists, all) = (journal.count(Operation::List), journal.total());
    anyhow::ensure!(journal.writes().is_empty(), "a plan writes nothing");
    let verdict = if time <= GOAL { "" } else { " (missed)" };
    let summary = report.summary;
    println!(
        "| {name} | {time:.2?} | {GOAL:?}{verdict} | {lists} | {} | {} to create, {} to update, {} unchanged |",
        all - lists,
        summary.create,
        summary.update,
        summary.nothing
    );
    Ok(())
}

async fn plan(text: String, given: Given) -> anyhow::Result<Report> {
    let manifests = Manifests::read(&[Input { file: "-".to_owned(), text }], "bench");
    let rules = EndpointRules {
        allow_http: true,
        allow_private: true,
        allowed_hosts: vec!["127.0.0.1".parse().map_err(|_| anyhow::anyhow!("no host"))?],
    };
    let rate = Some(RateLimit { requests_per_second: 1_000, burst: 2_000 });
    let limits = Limits { rules, http: HttpSettings::default(), rate };
    let planner = Planner {
        connections: Connections::open(&manifests, &[given], &limits),
        owners: Owners::Cluster { id: "bench".to_owned() },
        since: Instant::now(),
        now: Timestamp::now(),
        names_users: false,
        on_planned: Box::new(|| ()),
    };
    let report = planner.plan(&manifests).await;
    anyhow::ensure!(report.failures.is_empty(), "{:?}", report.failures.first());
    Ok(report)
}
