//! Each way in which a connection can be unusable has a reason of its own and a message that says
//! what to do; mending it heals the connection and wakes what waits for it, without a restart.

use crate::support;
use crate::support::links::connection_is;
use crate::support::world::{World, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_testbed::{Era, Spaceone};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use std::time::Duration;

/// A world whose objects look again so seldom that only being woken explains that they heal.
async fn patient(prefix: &str) -> World {
    World::with(prefix, |settings| settings.slow_retry = Duration::from_mins(10)).await
}

/// The message holds each of these.
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` in: {message}");
    }
}

#[tokio::test]
async fn tokens_of_another_domain_expired_ones_and_nonsense_are_told_apart() {
    let world = patient("tokens").await;
    world.apply(spaceone_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    let (own, other) = (world.spaceone.domain_id(), world.spaceone.other_domain_id());
    for (token, reason, words) in [
        (world.spaceone.other_token(), "InvalidSpec", [other.as_str(), own.as_str()]),
        (
            world.spaceone.expired_token(),
            "Unauthorized",
            ["Token is invalid or expired", "Check the keys in the Secret"],
        ),
        ("nonsense".to_owned(), "Unauthorized", ["Cannot decode token", "Check the keys in the Secret"]),
    ] {
        world.secret("spaceone", &[("token", &token)]).await;
        assert_says(&connection_is(&world, "spaceone", reason).await, &words);
        world.reason::<Policy>("waiting", "ConnectionNotReady").await;
        world.secret("spaceone", &[("token", &world.spaceone.token())]).await;
        connection_is(&world, "spaceone", "Authenticated").await;
        world.ready::<Policy>("waiting").await;
    }
    assert_eq!(world.spaceone.journal().writes().len(), 1, "the create, and nothing since");
}

#[tokio::test]
async fn the_real_servers_tokens_are_told_apart_alike() {
    support::install_crypto();
    let servers = tokio::task::spawn_blocking(|| Spaceone::shared(Era::Rest)).await.unwrap().unwrap();
    let world = patient("real-tokens").await;
    for (name, token, reason) in [
        ("good", &servers.token, "Authenticated"),
        ("expired", &servers.expired_token, "Unauthorized"),
        ("other", &servers.other_token, "InvalidSpec"),
    ] {
        world.connect_spaceone(name, &servers.base_url, "Rest", &servers.domain_id, token).await;
        connection_is(&world, name, reason).await;
    }
}

#[tokio::test]
async fn a_wrong_clock_is_told_from_a_wrong_key() {
    let world = patient("clock").await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    let eleven_minutes = Duration::from_mins(11);
    world.ncloud.clock().advance(eleven_minutes);
    let message = connection_is(&world, "ncloud", "ClockSkew").await;
    assert_says(&message, &["10 minutes behind the upstream's", "Set the clock of the node"]);
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    world.ncloud.clock().rewind(eleven_minutes);
    connection_is(&world, "ncloud", "Authenticated").await;
    world.ready::<Policy>("waiting").await;
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_unreachable() {
    let world = patient("unreachable").await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    let url = world.ncloud.url();
    let endpoint = |url: &str| json!({ "spec": { "ncloud": { "endpoint": url } } });
    // Nobody listens on port 1.
    world.patch::<Connection>("ncloud", endpoint("http://127.0.0.1:1")).await;
    let message = connection_is(&world, "ncloud", "Unreachable").await;
    assert_says(&message, &["cannot connect to the endpoint", "Check the endpoint and the network"]);
    let shown = world.get::<Connection>("ncloud").await.status.unwrap().endpoint;
    assert_eq!(shown.as_deref(), Some("http://127.0.0.1:1"), "what cannot be reached is named");
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    world.patch::<Connection>("ncloud", endpoint(&url)).await;
    connection_is(&world, "ncloud", "Authenticated").await;
    world.ready::<Policy>("waiting").await;
    assert_eq!(world.ncloud.journal().writes().len(), 1, "the create, and nothing since");
}

#[tokio::test]
async fn a_missing_secret_or_key_is_named() {
    let world = patient("no-secret").await;
    world.apply(ncloud_policy("waiting")).await;
    world.ready::<Policy>("waiting").await;
    let secret = format!("Secret {}/ncloud", world.namespace());
    world.delete::<Secret>("ncloud").await;
    let message = connection_is(&world, "ncloud", "SecretNotFound").await;
    assert_says(&message, &[&format!("{secret} does not exist. Create it.")]);
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    let (access, key) = (world.ncloud.access_key(), world.ncloud.secret_key());
    world.secret("ncloud", &[("accessKey", &access)]).await;
    world
        .until("ncloud", "missing a key", |connection: &Connection| {
            let status = connection.status.clone().unwrap();
            let message = &status.conditions.iter().find(|c| c.type_ == "Ready").unwrap().message;
            anyhow::ensure!(*message == format!("{secret} has no key secretKey. Add it."), "{message}");
            Ok(())
        })
        .await;
    world.secret("ncloud", &[("accessKey", &access), ("secretKey", &key)]).await;
    connection_is(&world, "ncloud", "Authenticated").await;
    world.ready::<Policy>("waiting").await;
}

#[tokio::test]
async fn a_missing_connection_is_named_and_awaited() {
    let world = patient("no-connection").await;
    let mut object = ncloud_policy("early");
    object["spec"]["connectionRef"]["name"] = json!("later");
    world.apply(object).await;
    let seen: Policy = world.reason("early", "ConnectionNotFound").await;
    let status = common(&seen);
    assert_says(&condition(&status, "Ready").unwrap().message, &["Connection later does not exist. Create it"]);
    assert!(condition(&status, "Stalled").is_some());
    world.connect_ncloud("later").await;
    world.ready::<Policy>("early").await;
}

#[tokio::test]
async fn secrets_that_the_operator_may_not_read_are_left_alone_and_the_remedy_is_named() {
    let world = World::with("not-permitted", |s| s.tenant_connections = TenantConnections::None).await;
    world.apply(ncloud_policy("waiting")).await;
    for connection in ["ncloud", "spaceone"] {
        let message = connection_is(&world, connection, "SecretsNotPermitted").await;
        assert_says(&message, &[world.namespace(), "Use a ClusterConnection", "--tenant-namespaces"]);
    }
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    assert!(world.ncloud.journal().entries().is_empty() && world.spaceone.journal().entries().is_empty());
}

#[tokio::test]
async fn endpoints_that_the_administrator_does_not_allow_are_never_called() {
    type Adjust = fn(&mut Settings);
    let rules: [(&str, Adjust, &[&str]); 3] = [
        ("no-http", |s| s.endpoints.allow_http = false, &["must begin with https://", "--allow-http"]),
        ("no-private", |s| s.endpoints.allow_private = false, &["127.0.0.1 is private", "--allow-private-addresses"]),
        ("no-host", |s| s.endpoints.allowed_hosts.clear(), &["Host 127.0.0.1 is not on", "--allowed-hosts"]),
    ];
    for (prefix, adjust, words) in rules {
        let world = World::with(prefix, adjust).await;
        world.apply(ncloud_policy("waiting")).await;
        for connection in ["ncloud", "spaceone"] {
            assert_says(&connection_is(&world, connection, "EndpointNotAllowed").await, words);
        }
        world.reason::<Policy>("waiting", "ConnectionNotReady").await;
        assert!(world.ncloud.journal().entries().is_empty() && world.spaceone.journal().entries().is_empty());
    }
}

#[tokio::test]
async fn an_endpoint_that_is_not_allowed_heals_with_the_spec() {
    let world = patient("bad-host").await;
    let elsewhere = world.ncloud.url().replace("127.0.0.1", "localhost");
    let endpoint = |url: &str| json!({ "spec": { "ncloud": { "endpoint": url } } });
    world.patch::<Connection>("ncloud", endpoint(&elsewhere)).await;
    world.apply(ncloud_policy("waiting")).await;
    let message = connection_is(&world, "ncloud", "EndpointNotAllowed").await;
    assert_says(&message, &["Host localhost is not on the operator's list of allowed hosts"]);
    world.reason::<Policy>("waiting", "ConnectionNotReady").await;
    world.patch::<Connection>("ncloud", endpoint(&world.ncloud.url())).await;
    connection_is(&world, "ncloud", "Authenticated").await;
    world.ready::<Policy>("waiting").await;
}
