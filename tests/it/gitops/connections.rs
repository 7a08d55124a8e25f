//! Connections with every reason that the operator reports, as real objects.

use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{SOON, TestEnv, ncloud_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_simulator::ncloud::{self, Ncloud};
use cloud_policy_simulator::{Action, Fault};
use cloud_policy_testbed::{TestNamespace, repository, wait_until};
use kube::Api;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Returns a connection with each reason, as the API server shows it.
pub async fn recorded() -> Vec<Value> {
    let mut env = TestEnv::without_operator("gitops-links").await;
    let outside = TestNamespace::create(&env.client, "gitops-links").await.unwrap();
    let (own, scope) = (env.namespace().to_owned(), outside.name().to_owned());
    env.start(|settings| {
        settings.scope.insert(scope);
        settings.tenant_connections = TenantConnections::Namespaces(BTreeSet::from([own]));
    });
    let _upstreams = (skewed(&env).await, throttled(&env).await);
    let others = [
        ("unreachable", "Unreachable", "http://127.0.0.1:1".to_owned()),
        ("elsewhere", "EndpointNotAllowed", env.ncloud.url().replace("127.0.0.1", "localhost")),
    ];
    for (name, _, endpoint) in &others {
        keys(&env, name, &env.ncloud).await;
        env.connection(name, spec(endpoint, name)).await;
    }
    env.connection("keyless", spec(&env.ncloud.url(), "nowhere")).await;
    let (url, domain) = (env.spaceone.url(), env.spaceone.domain_id());
    env.connect_spaceone("refused", &url, "Rest", &domain, "nonsense").await;
    env.connect_spaceone("foreign", &url, "Rest", &domain, &env.spaceone.other_token()).await;
    let fixed = [
        ("ncloud", "Authenticated"),
        ("keyless", "SecretNotFound"),
        ("refused", "Unauthorized"),
        ("foreign", "InvalidSpec"),
        ("skewed", "ClockSkew"),
        ("throttled", "RateLimited"),
    ];
    let named = others.iter().map(|(name, reason, _)| (*name, *reason)).chain(fixed);
    let mut recorded = vec![unpermitted(&env, &outside).await];
    for (name, reason) in named {
        connection_is(&env, name, reason).await;
        recorded.push(serde_json::to_value(env.get::<Connection>(name).await).unwrap());
    }
    recorded.extend([former_key(&env).await, moved(&env).await]);
    env.apply(ncloud_policy("user")).await;
    env.ready::<Policy>("user").await;
    env.delete::<Connection>("ncloud").await;
    connection_is(&env, "ncloud", "InUse").await;
    recorded.push(serde_json::to_value(env.get::<Connection>("ncloud").await).unwrap());
    recorded
}

fn spec(endpoint: &str, secret: &str) -> Value {
    json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": secret } } })
}

async fn keys(env: &TestEnv, name: &str, upstream: &Ncloud) {
    let (access, secret) = (upstream.access_key(), upstream.secret_key());
    env.secret(name, &[("accessKey", &access), ("secretKey", &secret)]).await;
}

/// Starts an upstream whose clock is wrong, and connects to it.
async fn skewed(env: &TestEnv) -> Ncloud {
    let upstream = Ncloud::start(ncloud::Options::default()).await.unwrap();
    upstream.clock().advance(Duration::from_mins(11));
    keys(env, "skewed", &upstream).await;
    env.connection("skewed", spec(&upstream.url(), "skewed")).await;
    upstream
}

/// Starts an upstream that throttles requests, and connects to it.
async fn throttled(env: &TestEnv) -> Ncloud {
    let upstream = Ncloud::start(ncloud::Options::default()).await.unwrap();
    upstream.faults().add(Fault::any().before(Action::status(429, "{}")).forever());
    keys(env, "throttled", &upstream).await;
    env.connection("throttled", spec(&upstream.url(), "throttled")).await;
    upstream
}

/// Creates a connection whose new key the upstream refuses.
async fn former_key(env: &TestEnv) -> Value {
    keys(env, "former", &env.ncloud).await;
    env.connection("former", spec(&env.ncloud.url(), "former")).await;
    connection_is(env, "former", "Authenticated").await;
    env.secret("former", &[("accessKey", &env.ncloud.access_key()), ("secretKey", "wrong-wrong-wrong")]).await;
    connection_is(env, "former", "FormerKeyInUse").await;
    serde_json::to_value(env.get::<Connection>("former").await).unwrap()
}

/// Creates a connection with an object, and changes it to lead to another account.
async fn moved(env: &TestEnv) -> Value {
    let other = Ncloud::start(ncloud::Options::default()).await.unwrap();
    keys(env, "moved", &env.ncloud).await;
    env.connection("moved", spec(&env.ncloud.url(), "moved")).await;
    let mut object = ncloud_policy("stays-behind");
    object["spec"]["connectionRef"]["name"] = json!("moved");
    env.apply(object).await;
    env.ready::<Policy>("stays-behind").await;
    env.connection("moved", spec(&other.url(), "moved")).await;
    env.reason::<Policy>("stays-behind", "AccountChanged").await;
    connection_is(env, "moved", "AccountChanged").await;
    serde_json::to_value(env.get::<Connection>("moved").await).unwrap()
}

/// Creates a connection in a namespace whose Secrets the operator may not read.
async fn unpermitted(env: &TestEnv, outside: &TestNamespace) -> Value {
    let object = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "outside" },
        "spec": spec(&env.ncloud.url(), "ncloud"),
    });
    env.try_apply_in(outside.name(), object).await.unwrap();
    let api: Api<Connection> = Api::namespaced(env.client.clone(), outside.name());
    let check = |object: &Connection| {
        let conditions = object.status.clone().unwrap_or_default().conditions;
        anyhow::ensure!(conditions.iter().any(|c| c.reason == "SecretsNotPermitted"), "{conditions:?}");
        Ok(serde_json::to_value(object)?)
    };
    wait_until("the connection outside", SOON, &api, "outside", check).await.unwrap()
}

/// Returns the reasons in the sources for connections.
pub fn reasons() -> BTreeSet<String> {
    let files = ["connection/report.rs", "connection/former.rs", "connection/probe.rs", "connection/credentials.rs"];
    let reason = Regex::new(r"Reason::([A-Z]\w+)").unwrap();
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(repository().join("src/controller").join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        found.extend(reason.captures_iter(code).map(|found| found[1].to_owned()));
    }
    found
}
