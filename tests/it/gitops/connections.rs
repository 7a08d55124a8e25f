//! A connection in every state that it can be in, as the operator reports it of real objects.

use crate::support::links::connection_is;
use crate::support::world::{SOON, World, ncloud_policy};
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

/// One connection for each reason, as the API server shows it.
pub async fn recorded() -> Vec<Value> {
    let mut world = World::still("gitops-links").await;
    let outside = TestNamespace::create(&world.client, "gitops-links").await.unwrap();
    let (own, scope) = (world.namespace().to_owned(), outside.name().to_owned());
    world.start(|settings| {
        settings.scope.insert(scope);
        settings.tenant_connections = TenantConnections::Namespaces(BTreeSet::from([own]));
    });
    let _upstreams = (skewed(&world).await, throttled(&world).await);
    let others = [
        ("unreachable", "Unreachable", "http://127.0.0.1:1".to_owned()),
        ("elsewhere", "EndpointNotAllowed", world.ncloud.url().replace("127.0.0.1", "localhost")),
    ];
    for (name, _, endpoint) in &others {
        keys(&world, name, &world.ncloud).await;
        world.connection(name, spec(endpoint, name)).await;
    }
    world.connection("keyless", spec(&world.ncloud.url(), "nowhere")).await;
    let (url, domain) = (world.spaceone.url(), world.spaceone.domain_id());
    world.connect_spaceone("refused", &url, "Rest", &domain, "nonsense").await;
    world.connect_spaceone("foreign", &url, "Rest", &domain, &world.spaceone.other_token()).await;
    let fixed = [
        ("ncloud", "Authenticated"),
        ("keyless", "SecretNotFound"),
        ("refused", "Unauthorized"),
        ("foreign", "InvalidSpec"),
        ("skewed", "ClockSkew"),
        ("throttled", "RateLimited"),
    ];
    let named = others.iter().map(|(name, reason, _)| (*name, *reason)).chain(fixed);
    let mut recorded = vec![unpermitted(&world, &outside).await];
    for (name, reason) in named {
        connection_is(&world, name, reason).await;
        recorded.push(serde_json::to_value(world.get::<Connection>(name).await).unwrap());
    }
    world.apply(ncloud_policy("user")).await;
    world.ready::<Policy>("user").await;
    world.delete::<Connection>("ncloud").await;
    connection_is(&world, "ncloud", "InUse").await;
    recorded.push(serde_json::to_value(world.get::<Connection>("ncloud").await).unwrap());
    recorded
}

fn spec(endpoint: &str, secret: &str) -> Value {
    json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": secret } } })
}

async fn keys(world: &World, name: &str, upstream: &Ncloud) {
    let (access, secret) = (upstream.access_key(), upstream.secret_key());
    world.secret(name, &[("accessKey", &access), ("secretKey", &secret)]).await;
}

/// An upstream whose clock is wrong.
async fn skewed(world: &World) -> Ncloud {
    let upstream = Ncloud::start(ncloud::Options::default()).await.unwrap();
    upstream.clock().advance(Duration::from_mins(11));
    keys(world, "skewed", &upstream).await;
    world.connection("skewed", spec(&upstream.url(), "skewed")).await;
    upstream
}

/// An upstream that wants fewer requests.
async fn throttled(world: &World) -> Ncloud {
    let upstream = Ncloud::start(ncloud::Options::default()).await.unwrap();
    upstream.faults().add(Fault::any().before(Action::status(429, "{}")).forever());
    keys(world, "throttled", &upstream).await;
    world.connection("throttled", spec(&upstream.url(), "throttled")).await;
    upstream
}

/// A connection in a namespace whose Secrets the operator may not read.
async fn unpermitted(world: &World, outside: &TestNamespace) -> Value {
    let object = json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Connection",
        "metadata": { "name": "outside" },
        "spec": spec(&world.ncloud.url(), "ncloud"),
    });
    world.try_apply_in(outside.name(), object).await.unwrap();
    let api: Api<Connection> = Api::namespaced(world.client.clone(), outside.name());
    let check = |object: &Connection| {
        let conditions = object.status.clone().unwrap_or_default().conditions;
        anyhow::ensure!(conditions.iter().any(|c| c.reason == "SecretsNotPermitted"), "{conditions:?}");
        Ok(serde_json::to_value(object)?)
    };
    wait_until("the connection outside", SOON, &api, "outside", check).await.unwrap()
}

/// The reasons that the sources give a connection.
pub fn reasons() -> BTreeSet<String> {
    let files = ["connection.rs", "connection/check.rs", "credentials.rs"];
    let reason = Regex::new(r"Reason::([A-Z]\w+)").unwrap();
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(repository().join("src/controller").join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        found.extend(reason.captures_iter(code).map(|found| found[1].to_owned()));
    }
    found
}
