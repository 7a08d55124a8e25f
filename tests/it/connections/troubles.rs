//! Each cause of an unavailable connection has a reason of its own and a message that names the remedy. After the
//! correction the connection recovers and the waiting objects are requeued, without a restart.

use crate::support;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{TestEnv, common, condition, ncloud_policy, spaceone_policy};
use cloud_policy::api::{Connection, Policy};
use cloud_policy::controller::Settings;
use cloud_policy::controller::settings::TenantConnections;
use cloud_policy_testbed::{Era, Spaceone};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;
use std::time::Duration;

/// Creates a test environment whose objects retry so rarely that only a trigger can explain that they recover.
async fn patient(prefix: &str) -> TestEnv {
    TestEnv::with(prefix, |settings| settings.slow_retry = Duration::from_mins(10)).await
}

/// Asserts that the message contains each of these texts.
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` in: {message}");
    }
}

#[tokio::test]
async fn connection_distinguishes_foreign_expired_and_invalid_tokens() {
    let mut env = patient("tokens").await;
    env.apply(spaceone_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    let (own, other) = (env.spaceone.domain_id(), env.spaceone.other_domain_id());
    for (token, reason, words) in [
        (env.spaceone.other_token(), "InvalidSpec", [other.as_str(), own.as_str()]),
        (env.spaceone.expired_token(), "Unauthorized", ["Token is invalid or expired", "Check the keys in the Secret"]),
        ("nonsense".to_owned(), "Unauthorized", ["Cannot decode token", "Check the keys in the Secret"]),
    ] {
        env.secret("spaceone", &[("token", &token)]).await;
        assert_says(&connection_is(&env, "spaceone", "FormerKeyInUse").await, &words);
        // A restart forgets the former token.
        env.crash();
        env.start(|settings| settings.slow_retry = Duration::from_mins(10));
        assert_says(&connection_is(&env, "spaceone", reason).await, &words);
        env.reason::<Policy>("waiting", "ConnectionNotReady").await;
        env.secret("spaceone", &[("token", &env.spaceone.token())]).await;
        connection_is(&env, "spaceone", "Authenticated").await;
        env.ready::<Policy>("waiting").await;
    }
    assert_eq!(env.spaceone.journal().writes().len(), 1, "the create, and no later write");
}

#[tokio::test]
async fn connection_distinguishes_tokens_of_real_servers() {
    support::install_crypto();
    let servers = tokio::task::spawn_blocking(|| Spaceone::shared(Era::Rest)).await.unwrap().unwrap();
    let env = patient("real-tokens").await;
    for (name, token, reason) in [
        ("good", &servers.token, "Authenticated"),
        ("expired", &servers.expired_token, "Unauthorized"),
        ("other", &servers.other_token, "InvalidSpec"),
    ] {
        env.connect_spaceone(name, &servers.base_url, "Rest", &servers.domain_id, token).await;
        connection_is(&env, name, reason).await;
    }
}

#[tokio::test]
async fn wrong_clock_is_reported_as_clock_skew() {
    let env = patient("clock").await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    let eleven_minutes = Duration::from_mins(11);
    env.ncloud.clock().advance(eleven_minutes);
    let message = connection_is(&env, "ncloud", "ClockSkew").await;
    assert_says(&message, &["10 minutes behind the upstream's", "Set the clock of the node"]);
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    env.ncloud.clock().rewind(eleven_minutes);
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ready::<Policy>("waiting").await;
}

#[tokio::test]
async fn connection_is_unreachable_when_host_does_not_answer() {
    let env = patient("unreachable").await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    let url = env.ncloud.url();
    let endpoint = |url: &str| json!({ "spec": { "ncloud": { "endpoint": url } } });
    // No process listens on port 1.
    env.patch::<Connection>("ncloud", endpoint("http://127.0.0.1:1")).await;
    let message = connection_is(&env, "ncloud", "Unreachable").await;
    assert_says(&message, &["cannot connect to the endpoint", "Check the endpoint and the network"]);
    let shown = env.get::<Connection>("ncloud").await.status.unwrap().endpoint;
    assert_eq!(shown.as_deref(), Some("http://127.0.0.1:1"), "status names the unreachable endpoint");
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    env.patch::<Connection>("ncloud", endpoint(&url)).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ready::<Policy>("waiting").await;
    assert_eq!(env.ncloud.journal().writes().len(), 1, "the create, and no later write");
}

#[tokio::test]
async fn missing_secret_or_key_is_named_in_message() {
    let env = patient("no-secret").await;
    env.apply(ncloud_policy("waiting")).await;
    env.ready::<Policy>("waiting").await;
    let secret = format!("Secret {}/ncloud", env.namespace());
    env.delete::<Secret>("ncloud").await;
    let message = connection_is(&env, "ncloud", "SecretNotFound").await;
    assert_says(&message, &[&format!("{secret} does not exist. Create it.")]);
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    let (access, key) = (env.ncloud.access_key(), env.ncloud.secret_key());
    env.secret("ncloud", &[("accessKey", &access)]).await;
    env.until("ncloud", "missing a key", |connection: &Connection| {
        let status = connection.status.clone().unwrap();
        let message = &status.conditions.iter().find(|c| c.type_ == "Ready").unwrap().message;
        anyhow::ensure!(*message == format!("{secret} has no key secretKey. Add it."), "{message}");
        Ok(())
    })
    .await;
    env.secret("ncloud", &[("accessKey", &access), ("secretKey", &key)]).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ready::<Policy>("waiting").await;
}

#[tokio::test]
async fn policy_names_missing_connection_and_waits_for_it() {
    let env = patient("no-connection").await;
    let mut object = ncloud_policy("early");
    object["spec"]["connectionRef"]["name"] = json!("later");
    env.apply(object).await;
    let seen: Policy = env.reason("early", "ConnectionNotFound").await;
    let status = common(&seen);
    assert_says(
        &condition(&status, "Ready").unwrap().message,
        &["Connection later does not exist in namespace", "Create it"],
    );
    assert!(condition(&status, "Stalled").is_some());
    env.connect_ncloud("later").await;
    env.ready::<Policy>("early").await;
}

#[tokio::test]
async fn forbidden_secret_is_not_read_and_remedy_is_named() {
    let env = TestEnv::with("not-permitted", |s| s.tenant_connections = TenantConnections::None).await;
    env.apply(ncloud_policy("waiting")).await;
    for connection in ["ncloud", "spaceone"] {
        let message = connection_is(&env, connection, "SecretsNotPermitted").await;
        assert_says(&message, &[env.namespace(), "Use a ClusterConnection", "--tenant-namespaces"]);
    }
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    assert!(env.ncloud.journal().entries().is_empty() && env.spaceone.journal().entries().is_empty());
}

#[tokio::test]
async fn forbidden_endpoint_is_never_called() {
    type Adjust = fn(&mut Settings);
    let rules: [(&str, Adjust, &[&str]); 3] = [
        ("no-http", |s| s.endpoints.allow_http = false, &["must begin with https://", "--allow-http"]),
        ("no-private", |s| s.endpoints.allow_private = false, &["127.0.0.1 is private", "--allow-private-addresses"]),
        ("no-host", |s| s.endpoints.allowed_hosts.clear(), &["Host 127.0.0.1 is not on", "--allowed-hosts"]),
    ];
    for (prefix, adjust, words) in rules {
        let env = TestEnv::with(prefix, adjust).await;
        env.apply(ncloud_policy("waiting")).await;
        for connection in ["ncloud", "spaceone"] {
            assert_says(&connection_is(&env, connection, "EndpointNotAllowed").await, words);
        }
        env.reason::<Policy>("waiting", "ConnectionNotReady").await;
        assert!(env.ncloud.journal().entries().is_empty() && env.spaceone.journal().entries().is_empty());
    }
}

#[tokio::test]
async fn connection_recovers_when_endpoint_is_corrected() {
    let env = patient("bad-host").await;
    let elsewhere = env.ncloud.url().replace("127.0.0.1", "localhost");
    let endpoint = |url: &str| json!({ "spec": { "ncloud": { "endpoint": url } } });
    env.patch::<Connection>("ncloud", endpoint(&elsewhere)).await;
    env.apply(ncloud_policy("waiting")).await;
    let message = connection_is(&env, "ncloud", "EndpointNotAllowed").await;
    assert_says(&message, &["Host localhost is not on the operator's list of allowed hosts"]);
    env.reason::<Policy>("waiting", "ConnectionNotReady").await;
    env.patch::<Connection>("ncloud", endpoint(&env.ncloud.url())).await;
    connection_is(&env, "ncloud", "Authenticated").await;
    env.ready::<Policy>("waiting").await;
}

/// The operator counts the objects of a connection again after each change, and needs no request for it.
#[tokio::test]
async fn connection_is_not_probed_while_its_objects_arrive() {
    let env = TestEnv::with("recount", |settings| settings.connection_interval = Duration::from_hours(1)).await;
    // The first policy shows the account, and the operator checks the connection once more.
    env.apply(ncloud_policy("recount-0")).await;
    let knows_account = |connection: &Connection| {
        anyhow::ensure!(connection.status.as_ref().is_some_and(|status| status.account.is_some()), "no account yet");
        Ok(())
    };
    env.until::<Connection>("ncloud", "its account", knows_account).await;
    let is_probe = |target: &str| target.split(['?', '&']).any(|parameter| parameter == "size=1");
    let probes = || env.ncloud.journal().entries().iter().filter(|entry| is_probe(&entry.target)).count();
    let before = probes();
    assert!(before > 0, "a probe counts the policies by a page of one");
    for count in 1..=4 {
        let name = format!("recount-{count}");
        env.apply(ncloud_policy(&name)).await;
        env.ready::<Policy>(&name).await;
        let counted = |connection: &Connection| {
            let shown = connection.status.as_ref().and_then(|status| status.dependants);
            anyhow::ensure!(shown == Some(count + 1), "{shown:?}");
            Ok(())
        };
        env.until::<Connection>("ncloud", "its objects to be counted", counted).await;
    }
    // The probe for the account may still be due.
    assert!(probes() <= before + 1, "{before} probes before, {} after", probes());
    let before = probes();
    let now = json!({ "metadata": { "annotations": { "cloudpolicy.dev/reconcile-requested-at": "now" } } });
    env.patch::<Connection>("ncloud", now).await;
    env.eventually("the probe that a user asks for", || probes() > before).await;
}
